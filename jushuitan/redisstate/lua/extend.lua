-- Prolongs a key whose value is the caller's, and makes it anew if it ended and
-- nobody else took it: 1: the caller's, 0: another's.
-- KEYS: the key. ARGV: value, milliseconds.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
