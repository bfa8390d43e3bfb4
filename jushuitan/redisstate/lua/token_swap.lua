-- Stores a token if the stored version is the expected one: {version, text, done}; done is
-- 1 stored, 0 changed by another process, 2 the lease was taken over.
-- KEYS: token, lease. ARGV: expected version (0: none), text, milliseconds to keep,
-- 1 for a token without expiry, nonce of the call, owner of the lease ('' for none).
local f = redis.call('HMGET', KEYS[1], 'v', 't', 'n')
local floor = tonumber(f[1] or '0')
local current = f[2] and floor or 0
if f[2] and f[3] == ARGV[5] then
  return {current, '', 1} -- a retry of this call
end
if current ~= tonumber(ARGV[1]) then
  return {current, f[2] or '', 0}
end
if ARGV[6] ~= '' then
  local owner = redis.call('GET', KEYS[2])
  if owner and owner ~= ARGV[6] then
    return {current, '', 2}
  end
end
redis.call('HSET', KEYS[1], 'v', floor + 1, 't', ARGV[2], 'f', ARGV[4], 'n', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {floor + 1, '', 1}
