-- Stores a push. Returns its place in the stream, '' if the stream is full, or = and the time
-- that its name must have: the body is bound to its name.
-- KEYS: stream; what was stored last of the document, if that identifies a duplicate; what was
-- stored last of each side of the record, if its pushes undo each other.
-- ARGV: maximum of entries, name, order, body; then the state, milliseconds to keep it, the
-- proposed time of its name in microseconds; then the side (1 or 2), 1 if the push speaks of the
-- whole record.
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
  return ''
end
local name, again = ARGV[2], false
if KEYS[2] then
  -- The same state keeps its name until something else is stored.
  local v = redis.call('GET', KEYS[2]) or ''
  local since, last = string.match(v, '^(%d+) (.*)$')
  local same = last == ARGV[5]
  local side, whole = ARGV[8], ARGV[9] == '1'
  local undone, least = 0, tonumber(since or '0')
  if KEYS[3] then
    -- Of the other side, what speaks of the whole record undoes each document, and anything
    -- undoes what speaks of the whole record.
    local other = side == '1' and '2' or '1'
    undone = tonumber(redis.call('HGET', KEYS[3], (whole and 'a' or 'w') .. other) or '0')
    same = same and tonumber(since) >= undone
    least = math.max(least, undone, tonumber(redis.call('HGET', KEYS[3], 'a' .. side) or '0'))
  end
  if same then
    if ARGV[7] ~= since then
      return '=' .. since
    end
    again = true
  else
    -- A proposal must be later than what it follows, and not ahead of the clock.
    local t = redis.call('TIME')
    local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
    local proposed = tonumber(ARGV[7])
    if proposed <= least or proposed > math.max(now, least + 1) or proposed < now - 10000000 then
      return '=' .. string.format('%.0f', math.max(now, least + 1))
    end
    since = ARGV[7]
    redis.call('SET', KEYS[2], since .. ' ' .. ARGV[5], 'PX', ARGV[6])
    if KEYS[3] then
      redis.call('HSET', KEYS[3], 'a' .. side, since)
      if whole then
        redis.call('HSET', KEYS[3], 'w' .. side, since)
      end
      redis.call('PEXPIRE', KEYS[3], ARGV[6])
    end
  end
  name = name .. '-' .. since
end
if again then
  return redis.call('XADD', KEYS[1], '*', 'm', name, 'o', ARGV[3], 'b', ARGV[4], 'r', '1')
end
return redis.call('XADD', KEYS[1], '*', 'm', name, 'o', ARGV[3], 'b', ARGV[4])
