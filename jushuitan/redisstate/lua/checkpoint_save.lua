-- Moves a checkpoint, extends or ends the lease, if the caller holds it: 1, else 0.
-- KEYS: the stream. ARGV: owner, fence, milliseconds of the lease (0: it ends),
-- milliseconds to keep, checkpoint ('': leave it).
local f = redis.call('HMGET', KEYS[1], 'o', 'f')
if f[1] ~= ARGV[1] or f[2] ~= ARGV[2] then
  return 0
end
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
redis.call('HSET', KEYS[1], 'u', now + tonumber(ARGV[3]))
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[1], 'd', ARGV[5])
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
