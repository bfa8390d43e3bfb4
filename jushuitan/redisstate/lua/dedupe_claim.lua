-- Claims a message: 1: the caller's, 2: done, 3: another's.
-- KEYS: the message. ARGV: claim of the caller's, milliseconds, mark of what is done.
local v = redis.call('GET', KEYS[1])
if v == ARGV[3] then
  return 2
end
if v and v ~= ARGV[1] then
  return 3
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
