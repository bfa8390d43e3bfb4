-- Ends or extends a delivery: 1; 2 if the dead letters are full and the message keeps waiting, 0
-- if it was redelivered to another worker.
-- KEYS: stream, due, tries, busy, parked, dead, runs. ARGV: group, place, number of the
-- delivery, what (beat, done, later, back, dead), milliseconds of a delay, order ('' if
-- unordered), maximum of dead letters, attempts, error.
local group, place, number, what, order = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[6]
if redis.call('HGET', KEYS[3], place) ~= number then
  return 0
end
local function wait()
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[5]), place)
  return 1
end
if what == 'beat' then
  return wait()
end
if what == 'later' or what == 'back' then
  local uncounted, settled = history(place)
  if what == 'back' and settled < tonumber(number) then
    uncounted = uncounted + 1
  end
  remember(place, uncounted, number)
  return wait()
end
if what == 'dead' then
  if redis.call('XLEN', KEYS[6]) >= tonumber(ARGV[7]) then
    remember(place, (history(place)), number)
    wait()
    return 2
  end
  local e = redis.call('XRANGE', KEYS[1], place, place)[1]
  if e then
    local f = e[2]
    redis.call('XADD', KEYS[6], '*', 'm', f[2], 'o', f[4], 'b', f[6], 'n', ARGV[8], 'e', ARGV[9])
  end
end
redis.call('XACK', KEYS[1], group, place)
redis.call('XDEL', KEYS[1], place)
redis.call('ZREM', KEYS[2], place)
redis.call('HDEL', KEYS[3], place)
if number ~= '1' then
  redis.call('HDEL', runs, place)
end
if order ~= '' and redis.call('HGET', KEYS[4], order) == place then
  pass(order)
end
return 1
