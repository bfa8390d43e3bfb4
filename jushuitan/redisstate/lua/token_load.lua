-- The token: {version, text}, {0, ''} for none. One without an end lives on by being read.
-- KEYS: token. ARGV: milliseconds that one without an end is kept.
local f = redis.call('HMGET', KEYS[1], 'v', 't', 'f')
if not f[2] then
  return {0, ''}
end
if f[3] == '1' then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return {tonumber(f[1]), f[2]}
