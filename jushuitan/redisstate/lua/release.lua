-- Deletes a key if it has the caller's value.
-- KEYS: the key. ARGV: value.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
