-- What inbox_take and inbox_settle share. KEYS: stream, due, tries, busy, parked, ..., runs last.
local stamp = redis.call('TIME')
local now = tonumber(stamp[1]) * 1000 + math.floor(tonumber(stamp[2]) / 1000)
local runs = KEYS[#KEYS]

-- pass hands an order on to the first entry that waits for its turn.
local function pass(order)
  local heir = redis.call('ZRANGEBYLEX', KEYS[5], '[' .. order .. '\0', '(' .. order .. '\1', 'LIMIT', 0, 1)[1]
  if not heir then
    redis.call('HDEL', KEYS[4], order)
    return
  end
  local at = string.match(heir, '%z([^%z]+)$')
  redis.call('ZREM', KEYS[5], heir)
  redis.call('HSET', KEYS[4], order, at)
  redis.call('ZADD', KEYS[2], now, at)
end

-- history returns how many deliveries of an entry are not counted as attempts, and the number of
-- the last delivery whose end is known.
local function history(place)
  local uncounted, settled = string.match(redis.call('HGET', runs, place) or '', '^(%d+) (%d+)$')
  return tonumber(uncounted or '0'), tonumber(settled or '0')
end

-- remember stores a history. The key outlives each wait between two deliveries by far.
local function remember(place, uncounted, settled)
  redis.call('HSET', runs, place, uncounted .. ' ' .. settled)
  redis.call('PEXPIRE', runs, 2592000000)
end

