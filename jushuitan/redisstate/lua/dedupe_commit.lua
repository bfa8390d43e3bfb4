-- Notes a message as done, whoever has a claim; for no time: forgets it if it is done.
-- KEYS: the message. ARGV: mark of what is done, milliseconds.
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
elseif redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
