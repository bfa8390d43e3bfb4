-- Returns a message to a worker, or nothing: {place, number of the delivery, name, order, body,
-- attempt, 1 if it may have run before, 1 if it is only to be buried}. Due messages come first:
-- those delayed after a failure, or of a worker that died.
-- KEYS: stream; due: place -> time of (re)delivery; tries: place -> deliveries;
-- busy: order -> place of the one in progress; parked: order and place of those behind it;
-- runs: place -> deliveries that do not count as attempts, last delivery whose end is known.
-- ARGV: group, worker, milliseconds that a worker may be silent, 1 to keep the order, maximum
-- of attempts.
local group, worker, ordered = ARGV[1], ARGV[2], ARGV[4] == '1'

local function give(place, fields)
  local f = {}
  for i = 1, #fields, 2 do
    f[fields[i]] = fields[i + 1]
  end
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), place)
  local n = redis.call('HINCRBY', KEYS[3], place, 1)
  local uncounted, settled, again, bury = 0, 0, f.r and 1 or 0, 0
  if n > 1 then
    uncounted, settled = history(place)
    if settled < n - 1 then
      again = 1
    end
  end
  local attempt = n - uncounted
  if attempt > tonumber(ARGV[5]) then
    remember(place, uncounted + 1, settled)
    attempt, bury = attempt - 1, 1
  end
  return {place, n, f.m, f.o, f.b, attempt, again, bury}
end

-- Entries may have vanished from the stream, by hand or by a loss.
local vanished = false
for _ = 1, 1000 do
  local place = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1)[1]
  if not place then
    break
  end
  local e = redis.call('XRANGE', KEYS[1], place, place)[1]
  if e and not vanished then
    redis.call('XCLAIM', KEYS[1], group, worker, 0, place, 'JUSTID')
    return give(place, e[2])
  elseif e then
    break
  end
  redis.call('ZREM', KEYS[2], place)
  redis.call('HDEL', KEYS[3], place)
  redis.call('HDEL', runs, place)
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.pcall('XACK', KEYS[1], group, place)
  end
  vanished = true
end
if vanished then
  local all = redis.call('HGETALL', KEYS[4])
  for i = 1, #all, 2 do
    if not redis.call('ZSCORE', KEYS[2], all[i + 1]) then
      pass(all[i])
    end
  end
end

if ordered then
  -- No order stays with an entry that is gone, whatever removed it.
  local some = redis.call('ZRANDMEMBER', KEYS[5])
  local order = some and string.match(some, '^([^%z]*)%z')
  if order then
    local holder = redis.call('HGET', KEYS[4], order)
    if not holder or not redis.call('ZSCORE', KEYS[2], holder) then
      pass(order)
    end
  end
else
  -- The order was kept earlier and is no longer.
  for _, some in ipairs(redis.call('ZRANGE', KEYS[5], 0, 99)) do
    redis.call('ZREM', KEYS[5], some)
    redis.call('ZADD', KEYS[2], now, string.match(some, '%z([^%z]+)$'))
  end
end

-- Maximum of entries that one call parks.
for _ = 1, 100 do
  local r = redis.pcall('XREADGROUP', 'GROUP', group, worker, 'COUNT', 1, 'STREAMS', KEYS[1], '>')
  if r and r.err then
    if not string.find(r.err, 'NOGROUP', 1, true) then
      return redis.error_reply(r.err)
    end
    redis.call('XGROUP', 'CREATE', KEYS[1], group, '0', 'MKSTREAM')
    r = redis.call('XREADGROUP', 'GROUP', group, worker, 'COUNT', 1, 'STREAMS', KEYS[1], '>')
  end
  local e = r and r[1] and r[1][2][1]
  if not e then
    return {}
  end
  local place, fields = e[1], e[2]
  local order = fields[4]
  if not ordered or order == '' then
    return give(place, fields)
  end
  local holder = redis.call('HGET', KEYS[4], order)
  if not holder or holder == place then
    redis.call('HSET', KEYS[4], order, place)
    return give(place, fields)
  end
  local ms, seq = string.match(place, '^(%d+)-(%d+)$')
  local rank = string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #seq) .. seq
  redis.call('ZADD', KEYS[5], 0, order .. '\0' .. rank .. '\0' .. place)
  if not redis.call('ZSCORE', KEYS[2], holder) then
    pass(order)
  end
end
return {}
