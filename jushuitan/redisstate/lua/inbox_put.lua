-- Stores a push: its place in the stream, '' if the stream is full.
-- KEYS: stream. ARGV: most entries, name, order, body.
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
  return ''
end
return redis.call('XADD', KEYS[1], '*', 'm', ARGV[2], 'o', ARGV[3], 'b', ARGV[4])
