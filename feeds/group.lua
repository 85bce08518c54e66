-- One step of a channel: what waits becomes a card each, or a storm that is counted in one card.
-- More than `over` waiting, here and in the outbox, is a storm; it ends after a window of `window`
-- ms in which no more than that came. Its card is queued anew every `refresh` ms at most. The queue
-- comes first, then what says that it was queued.
-- Given: channel, over, window ms, refresh ms, most entries of one step.
-- Returns {"idle"} | {"cards", n} | {"storm", id, alerts that wait for their line, is ending,
--   entries left, first line's number}.

local channel, over, window, refresh, most = given[1], given[2], given[3], given[4], given[5]
local feed, outbox = prefix .. 'feed:' .. channel, prefix .. 'outbox:' .. channel
local current = prefix .. 'storm-of:' .. channel

local function field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
  return ''
end

-- The oldest entries with the alert's fate and version; one queued twice is here once.
local function entries(limit)
  local found, seen = {}, {}
  for _, row in ipairs(redis.call('XRANGE', feed, '-', '+', 'COUNT', limit)) do
    local key = field(row[2], 'alert')
    local known = redis.call('HMGET', prefix .. 'alert:' .. key, 'fate', 'version')
    local is_due = known[1] == 'feed' and not seen[key]
    seen[key] = true
    table.insert(found, {id = row[1], key = key, is_due = is_due, version = known[2] or '1',
      rank = tonumber(field(row[2], 'rank')) or 9, machine = field(row[2], 'machine'),
      kind = field(row[2], 'kind'), place = #found})
  end
  return found
end

local function cards()
  local waiting = entries(over)
  table.sort(waiting, function(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    return a.place < b.place
  end)
  for _, entry in ipairs(waiting) do
    if entry.is_due then
      put_card(channel, 'alert:' .. entry.key, entry.version)
      redis.call('HSET', prefix .. 'alert:' .. entry.key, 'fate', 'card')
    end
    redis.call('XDEL', feed, entry.id)
  end
  ring(channel)
  return {'cards', #waiting}
end

local function open_storm()
  local id = 'S-' .. redis.call('INCR', prefix .. 'storm-number')
  redis.call('HSET', prefix .. 'storm:' .. id, 'channel', channel, 'opened_at', whole(now),
    'last_at', whole(now), 'window_at', whole(now), 'window_n', 0, 'total', 0, 'lines', 0,
    'version', 0, 'refresh_at', 0, 'shown', 0)
  redis.call('ZADD', prefix .. 'storms', whole(now), id)
  redis.call('SET', current, id)
  return id
end

-- A member sorts by severity, then machine, so that the worst is told first.
local function member(entry)
  return entry.rank .. '\n' .. entry.machine .. '\n' .. entry.key
end

local function take(storm, counts)
  local taken = 0
  for _, entry in ipairs(entries(most)) do
    if entry.is_due then
      redis.call('ZADD', storm .. ':waiting', 0, member(entry))
      redis.call('ZADD', storm .. ':members', 0, member(entry))
      redis.call('HINCRBY', counts, 'rank\n' .. entry.rank, 1)
      redis.call('HINCRBY', counts, 'machine\n' .. entry.rank .. '\n' .. entry.machine, 1)
      redis.call('HINCRBY', counts, 'kind\n' .. entry.kind, 1)
      redis.call('HSET', prefix .. 'alert:' .. entry.key, 'fate',
        'storm:' .. string.sub(storm, #prefix + 7))
      taken = taken + 1
    end
    redis.call('XDEL', feed, entry.id)
  end
  if taken > 0 then
    redis.call('HSET', storm, 'last_at', whole(now))
    redis.call('HINCRBY', storm, 'total', taken)
    redis.call('HINCRBY', storm, 'window_n', taken)
    redis.call('HINCRBY', storm, 'version', 1)
  end
end

-- Is it over? Decided once per window.
local function is_ending(storm)
  local seen = redis.call('HMGET', storm, 'window_at', 'window_n', 'ending')
  if seen[3] then return true end
  if now - tonumber(seen[1]) < window then return false end
  if tonumber(seen[2]) <= over then
    redis.call('HSET', storm, 'ending', whole(now))
    return true
  end
  redis.call('HSET', storm, 'window_at', whole(now), 'window_n', 0)
  return false
end

local function show(storm, object)
  local seen = redis.call('HMGET', storm, 'version', 'shown', 'refresh_at')
  if seen[1] == seen[2] or now - tonumber(seen[3]) < refresh then return end
  put_card(channel, object, seen[1])
  redis.call('HSET', storm, 'shown', seen[1], 'refresh_at', whole(now))
  ring(channel)
end

-- Everything has its line: the file with every line follows, and the next alert is a card again.
-- A storm is told from Redis as long as its alerts are (feeds/retention.py).
local KEPT_SECONDS = 100 * 24 * 3600

local function close(storm, object)
  local key = object .. ':file'
  redis.call('HINCRBY', storm, 'version', 1)
  redis.call('HSET', storm, 'over_at', whole(now), 'refresh_at', 0)
  show(storm, object)
  put(channel, key, cjson.encode({type = 'file', key = key, object_id = object, thread_of = object}))
  redis.call('DEL', current)
  for _, part in ipairs({'', ':counts', ':members', ':waiting'}) do
    redis.call('EXPIRE', storm .. part, KEPT_SECONDS)
  end
  ring(channel)
end

local id = redis.call('GET', current)
local waiting = redis.call('XLEN', feed)
if not id then
  if waiting == 0 then
    redis.call('SREM', prefix .. 'feeds', channel)
    return {'idle'}
  end
  if waiting + redis.call('XLEN', outbox) <= over then return cards() end
  id = open_storm()
end
local object = 'storm:' .. id
local storm = prefix .. object
take(storm, storm .. ':counts')
local ending = is_ending(storm)
local left = redis.call('ZCARD', storm .. ':waiting')
local behind = redis.call('XLEN', feed)
if ending and left == 0 and behind == 0 then
  close(storm, object)
else
  show(storm, object)
end
return {'storm', id, left, ending and 1 or 0, behind, tonumber(redis.call('HGET', storm, 'lines'))}
