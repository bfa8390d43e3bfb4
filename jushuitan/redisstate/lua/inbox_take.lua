-- Hands a message to a worker: {place, attempt, name, order, body}, or nothing. First
-- those that are due: delayed after a failure, or of a worker that died.
-- KEYS: stream; due: place -> when to hand it out (again); tries: place -> attempts;
-- busy: order -> place of the one in work; parked: order and place of those behind it.
-- ARGV: group, worker, milliseconds that a worker is waited for, 1 to keep the order.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)

local function give(place, fields)
  local f = {}
  for i = 1, #fields, 2 do
    f[fields[i]] = fields[i + 1]
  end
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), place)
  return {place, redis.call('HINCRBY', KEYS[3], place, 1), f.m, f.o, f.b}
end

while true do
  local place = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1)[1]
  if not place then
    break
  end
  local e = redis.call('XRANGE', KEYS[1], place, place)[1]
  if e then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, place, 'JUSTID')
    return give(place, e[2])
  end
  redis.call('ZREM', KEYS[2], place)
  redis.call('HDEL', KEYS[3], place)
end

-- At most so many are put behind others in one call.
for _ = 1, 100 do
  local r = redis.pcall('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[1], '>')
  if r and r.err then
    if not string.find(r.err, 'NOGROUP', 1, true) then
      return redis.error_reply(r.err)
    end
    redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
    r = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[1], '>')
  end
  local e = r and r[1] and r[1][2][1]
  if not e then
    return {}
  end
  local place, fields = e[1], e[2]
  local order = fields[4]
  if ARGV[4] ~= '1' or order == '' then
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
end
return {}
