-- Deletes a token and keeps its version for a while.
-- KEYS: token. ARGV: milliseconds.
if redis.call('HDEL', KEYS[1], 't', 'n', 'f') > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 0
