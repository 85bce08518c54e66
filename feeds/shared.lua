-- Put in front of every script of the feeds. KEYS[1] is a key of the workspace, for the cluster's
-- sake: every other key is made of the prefix in ARGV[1], which carries the same hash tag.
-- ARGV: 1 prefix, 2 offset of the clock in ms (0 except in the demo), 3 seconds that the key of a
-- queued item is remembered; then the script's own, a msgpack array in ARGV[4].

local prefix = ARGV[1] .. ':'
local told_seconds = ARGV[3]
local given = cmsgpack.unpack(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[2])

local function whole(number)
  return string.format('%.0f', number)
end

-- One item into a channel's outbox, once per key: as delivery/outbox.lua does it.
local function put(channel, key, item)
  if not redis.call('SET', prefix .. 'told:' .. key, '1', 'EX', told_seconds, 'NX') then
    return false
  end
  redis.call('XADD', prefix .. 'outbox:' .. channel, '*', 'item', item)
  redis.call('SADD', prefix .. 'outboxes', channel)
  return true
end

local function put_card(channel, object, version)
  local key = object .. ':v' .. version
  return put(channel, key, cjson.encode({type = 'card', key = key, object_id = object}))
end

-- Whoever waits for work looks again.
local function ring(channel)
  redis.call('XADD', prefix .. 'bell', 'MAXLEN', '~', '100', '*', 'channel', channel)
end

local function count(name, n)
  redis.call('HINCRBY', prefix .. 'counters:feeds', name, n or 1)
end
