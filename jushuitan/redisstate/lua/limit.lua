-- The whole limiter: takes permits, notes what was sent, sets a penalty.
--
-- KEYS[1] sorted set, one member a call: its score is when it was sent, or PEND and
--         when its permit ends, as long as it is being sent
-- KEYS[2] sorted set, one member a waiting process: its score is its ticket
-- KEYS[3] hash: 'p' end of the penalty, 'n:' a process's wishes, 'x:' when it is given up
-- ARGV    process, wish (-1: none, 0: none any more), call, microseconds: life of a
--         permit, grace of a process, penalty; milliseconds that the keys live; number
--         of quotas; for each limit and microseconds; number of reports; for each
--         permit and microseconds since it was sent (-1: not used)
-- Answer  permits given, microseconds until the next may be, 1 if not before
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

-- Permits of which nothing was heard count as sent at their end.
local ended = redis.call('ZRANGEBYSCORE', KEYS[1], PEND, PEND + now, 'WITHSCORES')
for i = 1, #ended, 2 do
  redis.call('ZADD', KEYS[1], tonumber(ended[i + 1]) - PEND, ended[i])
end
for _ = 1, tonumber(ARGV[at]) do
  local age = tonumber(ARGV[at + 2])
  if age < 0 then
    redis.call('ZREM', KEYS[1], ARGV[at + 1])
  else
    redis.call('ZADD', KEYS[1], now - age, ARGV[at + 1])
  end
  at = at + 2
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - longest)

local free = tonumber(redis.call('HGET', KEYS[3], 'p') or '0')
if penalty > 0 then
  free = math.max(free, now + penalty)
  redis.call('HSET', KEYS[3], 'p', free)
end

-- leave forgets a process that waits.
local function leave(who)
  redis.call('ZREM', KEYS[2], who)
  redis.call('HDEL', KEYS[3], 'n:' .. who, 'x:' .. who)
end

-- when is the earliest time for the k-th permit from here, and whether nothing can
-- make it earlier.
local function when(k)
  local first, sure = free, 1
  for _, q in ipairs(quotas) do
    local nth = q[1] - k + 1
    if nth <= 0 then
      first, sure = math.max(first, now + q[2]), 0
    else
      local e = redis.call('ZRANGE', KEYS[1], -nth, -nth, 'WITHSCORES')
      if e[2] then
        local s = tonumber(e[2])
        if s >= PEND then
          first, sure = math.max(first, now + q[2]), 0
        else
          first = math.max(first, s + q[2])
        end
      end
    end
  end
  return first, sure
end

local given, wait, sure = 0, 0, 1
if want == 0 then
  leave(me)
elseif want > 0 and redis.call('ZSCORE', KEYS[1], call .. ':1') then
  -- This very call was here before, and its answer was lost.
  given = 1
  while given < want and redis.call('ZSCORE', KEYS[1], call .. ':' .. (given + 1)) do
    given = given + 1
  end
elseif want > 0 then
  -- What those before us wait for is kept for them.
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
  while given < want and when(before + given + 1) <= now do
    given = given + 1
  end
  for i = 1, given do
    redis.call('ZADD', KEYS[1], PEND + now + life, call .. ':' .. i)
  end
  if given == want then
    leave(me)
  else
    local first
    first, sure = when(before + 1)
    wait = math.max(first - now, 1)
    if given > 0 then
      redis.call('ZADD', KEYS[2], now, me) -- to the end of the queue
    else
      redis.call('ZADD', KEYS[2], 'NX', now, me)
    end
    redis.call('HSET', KEYS[3], 'n:' .. me, math.min(want - given, most), 'x:' .. me, first + grace)
  end
end
redis.call('PEXPIRE', KEYS[1], keep)
redis.call('PEXPIRE', KEYS[2], keep)
redis.call('PEXPIRE', KEYS[3], math.max(keep, math.ceil((free - now) / 1000)))
return {given, wait, sure}
