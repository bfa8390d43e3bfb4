-- Stores rows of a stream that are new or newer: how many were, or -1 if a later
-- worker has been here. KEYS: the rows, the stream's numbers, the merchant's metrics.
-- ARGV: fence, then id and version of each row.
if tonumber(redis.call('HGET', KEYS[2], 'fence') or '0') > tonumber(ARGV[1]) then
  return -1
end
redis.call('HSET', KEYS[2], 'fence', ARGV[1])
local fresh, again = 0, 0
for i = 2, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0') < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    fresh = fresh + 1
  else
    again = again + 1
  end
end
redis.call('HINCRBY', KEYS[2], 'stored', fresh)
redis.call('HINCRBY', KEYS[3], 'rows', fresh)
redis.call('HINCRBY', KEYS[3], 'again', again)
return fresh
