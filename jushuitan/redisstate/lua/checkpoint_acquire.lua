-- Acquires a stream: {fence, checkpoint}, or {0, milliseconds left} while another worker
-- holds it.
-- KEYS: the stream. ARGV: owner, milliseconds of the lease, milliseconds to keep.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local f = redis.call('HMGET', KEYS[1], 'o', 'u', 'd', 'f')
local left = tonumber(f[2] or '0') - now
if f[1] and f[1] ~= ARGV[1] and left > 0 then
  return {0, tostring(left)}
end
local fence = tonumber(f[4] or '0')
if f[1] ~= ARGV[1] then -- unless this is a retry after a lost answer
  fence = math.max(fence + 1, tonumber(t[1]) * 1000000 + tonumber(t[2])) -- larger than those that are not stored any more
end
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'u', string.format('%.0f', now + tonumber(ARGV[2])), 'f', string.format('%.0f', fence))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {fence, f[3] or ''}
