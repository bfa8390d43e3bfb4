-- Ends the owner's claim. The forms are those of dedupe_claim.
-- KEYS: the message. ARGV: owner.
local key, owner = KEYS[1], ARGV[1]
local form = redis.call('TYPE', key).ok
if form == 'hash' then
  if redis.call('HGET', key, 'o') == owner then
    redis.call('HDEL', key, 'o', 'e')
    local stays = redis.call('HGET', key, 'u')
    if stays then
      redis.call('PEXPIREAT', key, stays)
    end
  end
elseif redis.call('GET', key) == 'c' .. owner then
  redis.call('DEL', key)
end
return 1
