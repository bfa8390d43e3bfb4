-- Moves a dead letter to the end of the stream, or drops it: 1; 0 if there is none, 2 if
-- the stream is full.
-- KEYS: stream, dead. ARGV: place, 1 to move it, maximum of entries.
local e = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if not e then
  return 0
end
if ARGV[2] == '1' then
  if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) then
    return 2
  end
  local f = e[2]
  redis.call('XADD', KEYS[1], '*', 'm', f[2], 'o', f[4], 'b', f[6], 'r', '1')
end
return redis.call('XDEL', KEYS[2], ARGV[1])
