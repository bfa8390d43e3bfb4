-- Takes a stream: {fence, checkpoint}, or {0, milliseconds left} while it is another's.
-- KEYS: the stream. ARGV: owner, milliseconds of the lease, milliseconds to keep.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local f = redis.call('HMGET', KEYS[1], 'o', 'u', 'd', 'f')
local left = tonumber(f[2] or '0') - now
if f[1] and f[1] ~= ARGV[1] and left > 0 then
  return {0, tostring(left)}
end
local fence = tonumber(f[4] or '0')
if f[1] ~= ARGV[1] then -- not this very call, made again after a lost answer
  fence = fence + 1
end
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'u', now + tonumber(ARGV[2]), 'f', fence)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {fence, f[3] or ''}
