-- Claims a message: {1 claimed, 2 committed, 3 claimed by another, 4 claimed after a claim
-- that ended by itself; memory of what was handled last}.
-- A message without a state is a string: d if it is done, c and the owner while it is
-- claimed. A document is a hash: s state and m memory of what was handled last, u until when;
-- o owner of the claim, e until when; times in milliseconds.
-- KEYS: the message. ARGV: state, owner, milliseconds.
local key, state, owner, ttl = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local form = redis.call('TYPE', key).ok
if form == 'string' or (form == 'none' and state == '') then
  local v = redis.call('GET', key)
  if v == 'd' then
    return {2, ''}
  end
  if v and v ~= 'c' .. owner then
    return {3, ''}
  end
  redis.call('SET', key, 'c' .. owner, 'PX', ttl)
  return {1, ''}
end
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local f = redis.call('HMGET', key, 's', 'm', 'u', 'o', 'e')
local last, memory, stays = f[1], f[2] or '', tonumber(f[3] or '0')
if stays <= now then
  last, memory, stays = false, '', 0
end
local answer = 1
if f[4] then
  if tonumber(f[5]) <= now then
    if last then
      answer = 4
    end
  elseif f[4] ~= owner then
    return {3, ''}
  end
elseif last == state then
  return {2, memory}
end
if not last then
  redis.call('HDEL', key, 's', 'm', 'u')
end
redis.call('HSET', key, 'o', owner, 'e', string.format('%.0f', now + ttl))
redis.call('PEXPIREAT', key, string.format('%.0f', math.max(now + ttl, stays)))
return {answer, memory}
