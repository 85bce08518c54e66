-- Tells what quiet hours have held back: the digest's lines are queued and the alerts leave the
-- held ones at once.
-- Given: channel, name of the digest (its date), keys of the alerts, keys of the lines, lines.
-- Returns 1, or 0 when one of the alerts is not held any more: then nothing is written.

local channel, name, alerts, keys, lines = given[1], given[2], given[3], given[4], given[5]
local held = prefix .. 'held:' .. channel
for _, key in ipairs(alerts) do
  if not redis.call('ZSCORE', held, key) then return 0 end
end
for place, key in ipairs(keys) do put(channel, key, lines[place]) end
local fate = 'digest:' .. channel .. ':' .. name .. ':' .. #lines
for _, key in ipairs(alerts) do
  redis.call('HSET', prefix .. 'alert:' .. key, 'fate', fate)
  redis.call('ZREM', held, key)
end
if redis.call('EXISTS', held) == 0 then redis.call('SREM', prefix .. 'helds', channel) end
ring(channel)
return 1
