-- Remembers what was handled last, whoever has a claim, and ends the owner's claim; with 0
-- milliseconds, forgets what was handled. The forms are those of dedupe_claim.
-- KEYS: the message. ARGV: state, owner, memory, milliseconds.
local key, state, owner, ttl = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
local form = redis.call('TYPE', key).ok
if state == '' and form ~= 'hash' then
  if ttl > 0 then
    redis.call('SET', key, 'd', 'PX', ttl)
  elseif redis.call('GET', key) == 'd' then
    redis.call('DEL', key)
  end
  return 1
end
if form == 'string' then
  redis.call('DEL', key)
end
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
if redis.call('HGET', key, 'o') == owner then
  redis.call('HDEL', key, 'o', 'e')
end
local ends = tonumber(redis.call('HGET', key, 'e') or '0')
if ttl > 0 then
  redis.call('HSET', key, 's', state, 'm', ARGV[3], 'u', string.format('%.0f', now + ttl))
else
  redis.call('HDEL', key, 's', 'm', 'u')
end
redis.call('PEXPIREAT', key, string.format('%.0f', math.max(now + ttl, ends)))
return 1
