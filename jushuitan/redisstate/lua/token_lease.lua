-- Acquires the renewal lease: 1 acquired, 0 held by another, 2 not needed because the
-- stored version is not the expected one.
-- KEYS: lease, token. ARGV: owner, milliseconds, expected version (0: none).
local f = redis.call('HMGET', KEYS[2], 'v', 't')
local current = f[2] and tonumber(f[1]) or 0
if current ~= tonumber(ARGV[3]) then
  return 2
end
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
