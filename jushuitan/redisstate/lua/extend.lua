-- Extends a key with the caller's value, and recreates it if it expired and nobody else
-- has set it: 1 extended, 0 held by another.
-- KEYS: the key. ARGV: value, milliseconds.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
