-- Ends an attempt: 1, 2 if the dead letters are full and the message waits on, 0 if
-- the message is another worker's by now.
-- KEYS: stream, due, tries, busy, parked, dead. ARGV: group, place, attempt, what
-- (done, later, dead), milliseconds of a delay, order ('': none is kept), most dead
-- letters, error.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local place, what, order = ARGV[2], ARGV[4], ARGV[6]
if redis.call('HGET', KEYS[3], place) ~= ARGV[3] then
  return 0
end
if what == 'later' then
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[5]), place)
  return 1
end
if what == 'dead' then
  if redis.call('XLEN', KEYS[6]) >= tonumber(ARGV[7]) then
    redis.call('ZADD', KEYS[2], now + tonumber(ARGV[5]), place)
    return 2
  end
  local e = redis.call('XRANGE', KEYS[1], place, place)[1]
  if e then
    local f = e[2]
    redis.call('XADD', KEYS[6], '*', 'm', f[2], 'o', f[4], 'b', f[6], 'n', ARGV[3], 'e', ARGV[8])
  end
end
redis.call('XACK', KEYS[1], ARGV[1], place)
redis.call('XDEL', KEYS[1], place)
redis.call('ZREM', KEYS[2], place)
redis.call('HDEL', KEYS[3], place)
if order ~= '' and redis.call('HGET', KEYS[4], order) == place then
  local heir = redis.call('ZRANGEBYLEX', KEYS[5], '[' .. order .. '\0', '(' .. order .. '\1', 'LIMIT', 0, 1)[1]
  if heir then
    local at = string.match(heir, '%z([^%z]+)$')
    redis.call('ZREM', KEYS[5], heir)
    redis.call('HSET', KEYS[4], order, at)
    redis.call('ZADD', KEYS[2], now, at)
  else
    redis.call('HDEL', KEYS[4], order)
  end
end
return 1
