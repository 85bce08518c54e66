-- Takes in up to 500 alerts: what is new is stored, indexed and queued; what has changed is stored
-- and its card queued anew; what is known is nothing. All of it at once, so that no alert is known
-- without being queued. Per alert the queue comes first: were the script to stop half-way, the next
-- poll would queue it again, and the grouper goes by key.
-- Given: rows of key and fingerprint alone, or of key, fingerprint, body, generated ms as text (nil: now), is open, machine's index key, machine, kind,
--   mute's kind, channel, route, is held, rank as text, version that the change was seen against (0:
--   none yet), thread line (item in JSON, "": none), its key, is raised to High.
-- Returns one letter per row: n new, m new and muted, h new and held, c changed, s same, b unknown without its body: to be asked again, o changed
-- against something else: as stored now, to be asked again; then the versions and bodies stored, in order.

local KEY, FINGERPRINT, BODY, GENERATED, IS_OPEN, INDEX, MACHINE, KIND, MUTE_KIND = 1, 2, 3, 4, 5, 6, 7, 8, 9
local CHANNEL, ROUTE, IS_HELD, RANK, AGAINST, LINE, LINE_KEY, IS_RAISED = 10, 11, 12, 13, 14, 15, 16, 17

-- Numbers for Redis are texts from the start: each one that Lua has to write costs as much as a call.
local now_text = whole(now)

local mutes = {}
local function read_mutes()
  local stored = redis.call('HGETALL', prefix .. 'mutes')
  for i = 1, #stored, 2 do
    local row = cjson.decode(stored[i + 1])
    if row.until_ms <= now then
      redis.call('HDEL', prefix .. 'mutes', stored[i])
    else
      table.insert(mutes, {stored[i], row.mute})
    end
  end
end

local function mute_of(row)
  for _, pair in ipairs(mutes) do
    local mute = pair[2]
    if mute.channel == row[CHANNEL] and mute.kind == row[MUTE_KIND]
      and (mute.machine == '' or mute.machine == row[INDEX]) then
      return pair[1]
    end
  end
end

-- Indexes are written at the end, each with one call: Lua pays for every call, not for its length.
local indexes = {}
local function add(name, score, key)
  local pairs_of = indexes[name]
  if not pairs_of then
    pairs_of = {}
    indexes[name] = pairs_of
  end
  pairs_of[#pairs_of + 1] = score
  pairs_of[#pairs_of + 1] = key
end

local function index(row)
  local key, generated = row[KEY], row[GENERATED] or now_text
  add('alerts', generated, key)
  if row[IS_OPEN] then
    add('alerts:open', generated, key)
  end
  if row[INDEX] ~= '' then
    add('alerts:machine:' .. row[INDEX], generated, key)
  end
end

local rung = {}
local function queue(row)
  local channel = row[CHANNEL]
  redis.call('XADD', prefix .. 'feed:' .. channel, '*', 'alert', row[KEY], 'rank', row[RANK],
    'machine', row[MACHINE], 'kind', row[KIND])
  if not rung[channel] then
    redis.call('SADD', prefix .. 'feeds', channel)
    rung[channel] = true
  end
end

local counted = {}
local function tally(name)
  counted[name] = (counted[name] or 0) + 1
end

local function take_new(row, name)
  local letter, fate = 'n', 'feed'
  local muted = mute_of(row)
  if muted then
    letter, fate = 'm', 'muted:' .. muted
    redis.call('HINCRBY', prefix .. 'mutes:counts', muted, 1)
    tally('muted')
  elseif row[IS_HELD] then
    letter, fate = 'h', 'held:' .. row[CHANNEL]
    redis.call('ZADD', prefix .. 'held:' .. row[CHANNEL], row[GENERATED] or now_text, row[KEY])
    redis.call('SADD', prefix .. 'helds', row[CHANNEL])
    tally('held')
  else
    queue(row)
  end
  index(row)
  redis.call('HSET', name, 'fingerprint', row[FINGERPRINT], 'version', '1', 'first_at', now_text,
    'changed_at', now_text, 'channel', row[CHANNEL], 'route', row[ROUTE], 'fate', fate,
    'rank', row[RANK], 'body', row[BODY])
  tally('ingested')
  return letter
end

-- What has been told as a card is told again as that card; what is still waiting shows the change
-- when it is drawn. What was only counted (muted, held, storm, digest) gets its card once it is
-- raised to High.
local function tell_change(row, name, version)
  local stored = redis.call('HMGET', name, 'fate', 'channel')
  local fate, channel = stored[1], stored[2]
  local storm = string.match(fate, '^storm:([^:]+)')
  if fate == 'card' then
    put_card(channel, 'alert:' .. row[KEY], version)
    if row[LINE] ~= '' then put(channel, row[LINE_KEY], row[LINE]) end
    rung[channel] = true
  elseif storm and not redis.call('HGET', prefix .. 'storm:' .. storm, 'over_at') then
    redis.call('HINCRBY', prefix .. 'storm:' .. storm, 'version', 1)
  elseif fate ~= 'feed' and row[IS_RAISED] and not mute_of(row) then
    redis.call('ZREM', prefix .. 'held:' .. channel, row[KEY])
    row[CHANNEL] = channel
    queue(row)
    redis.call('HSET', name, 'fate', 'feed')
  end
end

local function take_change(row, name)
  local version = redis.call('HINCRBY', name, 'version', 1)
  tell_change(row, name, version)
  if not row[IS_OPEN] then
    redis.call('ZREM', prefix .. 'alerts:open', row[KEY])
  end
  index(row)
  redis.call('HSET', name, 'body', row[BODY], 'fingerprint', row[FINGERPRINT],
    'changed_at', now_text, 'rank', row[RANK])
  tally('changed')
  return 'c'
end

read_mutes()
local letters, bodies = {}, {}
for place, row in ipairs(given) do
  local name = prefix .. 'alert:' .. row[KEY]
  local known = redis.call('HGET', name, 'fingerprint')
  if known == row[FINGERPRINT] then
    letters[place] = 's'
  elseif not row[BODY] then
    letters[place] = 'b'
  elseif not known then
    letters[place] = take_new(row, name)
  elseif tonumber(redis.call('HGET', name, 'version')) == row[AGAINST] then
    letters[place] = take_change(row, name)
  else
    letters[place] = 'o'
    local stored = redis.call('HMGET', name, 'version', 'body')
    table.insert(bodies, stored[1])
    table.insert(bodies, stored[2])
  end
end
for name, n in pairs(counted) do count(name, n) end
for name, pairs_of in pairs(indexes) do redis.call('ZADD', prefix .. name, unpack(pairs_of)) end
for channel in pairs(rung) do ring(channel) end
return {table.concat(letters), bodies}
