-- Tells what quiet hours have held back: the digest's lines are queued and the alerts leave the
-- held ones at once.
-- Given: channel, name of the digest (its date), keys of the alerts, keys of the lines, lines
--   (items in JSON), number of the first line.
-- Returns 1, or 0 when one of the alerts is not held any more, or the lines are numbered anew:
--   then nothing is written.

local channel, name, alerts, keys, lines, first = given[1], given[2], given[3], given[4], given[5], given[6]
local held = prefix .. 'held:' .. channel
local numbered = prefix .. 'digest-lines:' .. channel .. ':' .. name
if tonumber(redis.call('GET', numbered) or 0) ~= first - 1 then return 0 end
for _, key in ipairs(alerts) do
  if not redis.call('ZSCORE', held, key) then return 0 end
end
for place, key in ipairs(keys) do put(channel, key, lines[place]) end
local last = first + #lines - 1
redis.call('SET', numbered, whole(last), 'EX', told_seconds)
local fate = 'digest:' .. channel .. ':' .. name .. ':' .. whole(first) .. ':' .. whole(last)
for _, key in ipairs(alerts) do
  local alert = prefix .. 'alert:' .. key
  if redis.call('EXISTS', alert) == 1 then redis.call('HSET', alert, 'fate', fate) end
  redis.call('ZREM', held, key)
end
if redis.call('EXISTS', held) == 0 then redis.call('SREM', prefix .. 'helds', channel) end
ring(channel)
return 1
