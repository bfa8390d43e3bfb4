-- Returns the token: {version, text}, {0, ''} for none. Reading extends one without expiry.
-- KEYS: token. ARGV: milliseconds to keep one without expiry.
local f = redis.call('HMGET', KEYS[1], 'v', 't', 'f')
if not f[2] then
  return {0, ''}
end
if f[3] == '1' then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return {tonumber(f[1]), f[2]}
