-- Stores a push: its place in the stream, '' if the stream is full.
-- KEYS: stream; what was done last with the document, if that tells a repeat.
-- ARGV: most entries, name, order, body; then what is done, milliseconds to know it.
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
  return ''
end
local name = ARGV[2]
if KEYS[2] then
  -- Since when: the same again has the same name, until the opposite is done.
  local v = redis.call('GET', KEYS[2]) or ''
  local since, last = string.match(v, '^(%d+) (.*)$')
  if last ~= ARGV[5] then
    local t = redis.call('TIME')
    local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
    since = string.format('%.0f', math.max(now, tonumber(since or '0') + 1))
    redis.call('SET', KEYS[2], since .. ' ' .. ARGV[5], 'PX', ARGV[6])
  end
  name = name .. '-' .. since
end
return redis.call('XADD', KEYS[1], '*', 'm', name, 'o', ARGV[3], 'b', ARGV[4])
