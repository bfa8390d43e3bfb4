-- The whole limiter: grants permits, records sent calls, sets a penalty.
--
-- KEYS[1] sorted set, one member per call: its score is the time it was sent or, while it
--         is being sent, PEND and the end of its permit
-- KEYS[2] sorted set, one member per waiting process: its score is its ticket
-- KEYS[3] hash: 'p' end of the penalty, 'n:' a process's requested permits, 'x:' when it is dropped
-- ARGV    process, requested permits (-1: none, 0: none any more), call, microseconds: life of a
--         permit, grace of a process, penalty; milliseconds that the keys live; number
--         of quotas; for each limit and microseconds; number of reports; for each
--         permit and microseconds since it was sent (-1: not used)
-- Answer  permits granted, microseconds until the next, 1 if certainly not before; if all were
--         granted, 0 if others may wait
local PEND = 4503599627370496
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
local me, want, call = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local life, grace, penalty, keep = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local quotas, at, longest, most = {}, 9, 0, 0
for i = 1, tonumber(ARGV[8]) do
  quotas[i] = {tonumber(ARGV[at]), tonumber(ARGV[at + 1])}
  most = math.max(most, quotas[i][1])
  longest = math.max(longest, quotas[i][2])
  at = at + 2
end

-- Mostly nobody waits, there is no penalty, and even if each report were of another call there is
-- room: then two reads and one write suffice. Whatever is not certain is decided below.
local others = redis.call('EXISTS', KEYS[2], KEYS[3]) > 0
if want > 0 and penalty == 0 and not others then
  local reports = tonumber(ARGV[at])
  local k, card = want + reports, redis.call('ZCARD', KEYS[1])
  local certain = card < most and k <= 1000
  for i = 1, #quotas do
    local nth = quotas[i][1] - k + 1
    if nth <= 0 then
      certain = false
    elseif certain and card >= nth then
      certain = tonumber(redis.call('ZRANGE', KEYS[1], -nth, -nth, 'WITHSCORES')[2]) + quotas[i][2] <= now
    end
  end
  local calls = {}
  for i = 1, certain and reports or 0 do
    local age = tonumber(ARGV[at + 2 * i])
    certain = certain and age >= 0
    calls[2 * i - 1], calls[2 * i] = now - age, ARGV[at + 2 * i - 1]
  end
  if certain then
    for i = 1, want do
      calls[#calls + 1] = PEND + now + life
      calls[#calls + 1] = call .. ':' .. i
    end
    redis.call('ZADD', KEYS[1], unpack(calls))
    redis.call('PEXPIRE', KEYS[1], keep)
    return {want, 0, 1}
  end
end

-- What was reported goes into few commands.
local sent, unused = {}, {}
local function flush(least)
  if #sent > least then
    redis.call('ZADD', KEYS[1], unpack(sent))
    sent = {}
  end
  if #unused > least then
    redis.call('ZREM', KEYS[1], unpack(unused))
    unused = {}
  end
end
for _ = 1, tonumber(ARGV[at]) do
  local age = tonumber(ARGV[at + 2])
  if age < 0 then
    unused[#unused + 1] = ARGV[at + 1]
  else
    sent[#sent + 1] = now - age
    sent[#sent + 1] = ARGV[at + 1]
  end
  at = at + 2
  flush(1000)
end
flush(0)

-- tidy counts unreported permits as sent when they end, and drops what no window holds.
local function tidy()
  local ended = redis.call('ZRANGEBYSCORE', KEYS[1], PEND, PEND + now, 'WITHSCORES')
  for i = 1, #ended, 2 do
    redis.call('ZADD', KEYS[1], tonumber(ended[i + 1]) - PEND, ended[i])
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - longest)
end

local free = others and tonumber(redis.call('HGET', KEYS[3], 'p') or '0') or 0
if penalty > 0 then
  free = math.max(free, now + penalty)
  redis.call('HSET', KEYS[3], 'p', free)
  others = true
end

-- leave removes a waiting process.
local function leave(who)
  redis.call('ZREM', KEYS[2], who)
  redis.call('HDEL', KEYS[3], 'n:' .. who, 'x:' .. who)
end

local card = 0

-- when returns the earliest time of the k-th permit from now, and whether nothing can
-- make it earlier.
local function when(k)
  local first, sure = free, 1
  for _, q in ipairs(quotas) do
    local nth = q[1] - k + 1
    if nth <= 0 then
      first, sure = math.max(first, now + q[2]), 0
    elseif card >= nth then
      local s = tonumber(redis.call('ZRANGE', KEYS[1], -nth, -nth, 'WITHSCORES')[2])
      if s >= PEND then
        first, sure = math.max(first, now + q[2]), 0
      else
        first = math.max(first, s + q[2])
      end
    end
  end
  return first, sure
end

-- behind returns how many permits are reserved for those before us.
local function behind()
  local before = 0
  for _, who in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    if who == me then
      break
    end
    local f = redis.call('HMGET', KEYS[3], 'n:' .. who, 'x:' .. who)
    if not f[2] or tonumber(f[2]) < now then
      leave(who)
    else
      before = before + tonumber(f[1])
    end
  end
  return before
end

-- grant returns how many permits there are now. What is not tidied counts too long, so that it is
-- tidied only if it may matter.
local function grant(before)
  local given = 0
  for try = 1, 2 do
    card = redis.call('ZCARD', KEYS[1])
    given = 0
    while given < want and when(before + given + 1) <= now do
      given = given + 1
    end
    if try == 1 and given == want and card < most then
      break
    elseif try == 1 then
      tidy()
    end
  end
  return given
end

local given, wait, sure = 0, 0, 1
if want == 0 then
  leave(me)
elseif want < 0 then
  tidy()
else
  local before = others and behind() or 0
  given = grant(before)
  if given < want and redis.call('ZSCORE', KEYS[1], call .. ':1') then
    -- A retry of a call whose answer was lost. If there are enough, the same are granted again.
    given = 1
    while given < want and redis.call('ZSCORE', KEYS[1], call .. ':' .. (given + 1)) do
      given = given + 1
    end
  else
    local permits = {}
    for i = 1, given do
      permits[2 * i - 1], permits[2 * i] = PEND + now + life, call .. ':' .. i
    end
    if given > 0 then
      redis.call('ZADD', KEYS[1], 'NX', unpack(permits))
    end
    if given < want then
      local first
      first, sure = when(before + 1)
      wait = math.max(first - now, 1)
      if given > 0 then
        redis.call('ZADD', KEYS[2], now, me) -- to the end of the queue
      else
        redis.call('ZADD', KEYS[2], 'NX', now, me)
      end
      redis.call('HSET', KEYS[3], 'n:' .. me, math.min(want - given, most), 'x:' .. me, first + grace)
      others = true
    elseif others then
      leave(me)
      sure = 0
    end
  end
end
redis.call('PEXPIRE', KEYS[1], keep)
if others then
  redis.call('PEXPIRE', KEYS[2], keep)
  redis.call('PEXPIRE', KEYS[3], math.max(keep, math.ceil((free - now) / 1000)))
end
return {given, wait, sure}
