-- Deletes the dead letters that are older than so many milliseconds; returns how many.
-- KEYS: dead. ARGV: milliseconds.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
return redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', math.max(now - tonumber(ARGV[1]), 0)))
