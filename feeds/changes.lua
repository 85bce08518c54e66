-- Takes in one batch of file changes: what is new is stored and indexed, its burst grows and the
-- burst's card is queued, all at once; what is known is nothing. The card is queued first: were the
-- script to stop half-way, the next reading would find the rest new.
-- Given: seconds that changes are kept, parts of {burst's id ('': its rows are not told), kind,
--   facts (JSON), channel, first ms, last ms, place, is begun here, machine's name, rows of {key,
--   body, changed ms, weight, what it is, what was done, path's index, fate ('': the burst)}}.
-- Returns one word per part: a letter per row (n new, s same), or x: what people have decided about
-- this burst closed it, and nothing of the part was stored.

local ID, KIND, FACTS, CHANNEL, FIRST, LAST, PLACE, IS_NEW, MACHINE, ROWS = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local KEY, BODY, AT, WEIGHT, WHAT, ACT, PATH, FATE = 1, 2, 3, 4, 5, 6, 7, 8
local DANGEROUS, HEAVIEST, SPAN = 50, 1000, 2000000000000

local kept, parts = given[1], given[2]
local oldest = whole(now - kept * 1000)

local function is_closed(part)
  local body = redis.call('HGET', prefix .. 'subject:changes:' .. part[ID], 'body')
  if not body then return false end
  local case = cjson.decode(body)
  return case.state == 'resolved' or case.state == 'dismissed' or (case.answer or '') ~= ''
end

local function trim(name)
  redis.call('ZREMRANGEBYSCORE', name, '-inf', oldest)
  redis.call('EXPIRE', name, kept)
end

local function index(name, key, at)
  redis.call('ZADD', name, whole(at), key)
  trim(name)
end

local function store(part, row)
  local fate = row[FATE] ~= '' and row[FATE] or part[ID]
  local name = prefix .. 'change:' .. row[KEY]
  redis.call('ZADD', prefix .. 'changes', whole(row[AT]), row[KEY])
  redis.call('ZADD', prefix .. 'changes:machine:' .. part[PLACE], whole(row[AT]), row[KEY])
  index(prefix .. 'changes:path:' .. row[PATH], row[KEY], row[AT])
  redis.call('HSET', name, 'body', row[BODY], 'fate', fate, 'weight', row[WEIGHT],
    'seen', whole(now))
  redis.call('EXPIRE', name, kept)
end

local function grow(part, fresh)
  local name = prefix .. 'changes:' .. part[ID]
  local known = redis.call('HMGET', name, 'first', 'last')
  local first = math.min(tonumber(known[1]) or part[FIRST], part[FIRST])
  local last = math.max(tonumber(known[2]) or part[LAST], part[LAST])
  for _, row in ipairs(fresh) do
    local score = (HEAVIEST - row[WEIGHT]) * SPAN + row[AT]
    redis.call('ZADD', name .. ':rows', whole(score), row[KEY])
    redis.call('HINCRBY', name, 'what:' .. row[WHAT], 1)
    redis.call('HINCRBY', name, 'act:' .. row[ACT], 1)
    if row[WEIGHT] >= DANGEROUS then redis.call('HINCRBY', name, 'dangerous', 1) end
  end
  redis.call('HINCRBY', name, 'n', #fresh)
  redis.call('HSET', name, 'first', whole(first), 'last', whole(last), 'grown', whole(now))
  redis.call('SADD', name .. ':machines', part[MACHINE])
  for _, each in ipairs({name, name .. ':rows', name .. ':machines'}) do
    redis.call('EXPIRE', each, kept)
  end
  index(prefix .. 'changes:bursts', part[ID], now)
  index(prefix .. 'changes:bursts:' .. part[PLACE], part[ID], now)
end

local function tell(part)
  local name = prefix .. 'changes:' .. part[ID]
  redis.call('HSETNX', name, 'kind', part[KIND])
  redis.call('HSETNX', name, 'facts', part[FACTS])
  redis.call('HSETNX', name, 'channel', part[CHANNEL])
  redis.call('HSETNX', name, 'opened', whole(now))
  local version = redis.call('HINCRBY', name, 'version', 1)
  local channel = redis.call('HGET', name, 'channel')
  put_card(channel, 'changes:' .. part[ID], version)
  ring(channel)
end

-- A machine is known by name as long as something of it is kept.
local function name_machine(part)
  local machines, names = prefix .. 'changes:machines', prefix .. 'changes:names'
  for _, place in ipairs(redis.call('ZRANGEBYSCORE', machines, '-inf', oldest, 'LIMIT', 0, 100)) do
    redis.call('HDEL', names, place)
    redis.call('ZREM', machines, place)
  end
  redis.call('ZADD', machines, 'GT', whole(part[LAST]), part[PLACE])
  redis.call('HSET', names, part[PLACE], part[FACTS])
end

local function take(part)
  if part[ID] ~= '' and not part[IS_NEW] and is_closed(part) then return 'x' end
  local letters, fresh, silent = {}, {}, {}
  for place, row in ipairs(part[ROWS]) do
    if redis.call('EXISTS', prefix .. 'change:' .. row[KEY]) == 1 then
      letters[place] = 's'
    else
      letters[place] = 'n'
      table.insert(row[FATE] == '' and fresh or silent, row)
    end
  end
  if #fresh > 0 then
    tell(part)
    grow(part, fresh)
  end
  for _, row in ipairs(fresh) do store(part, row) end
  for _, row in ipairs(silent) do store(part, row) end
  if #fresh + #silent > 0 then
    trim(prefix .. 'changes')
    trim(prefix .. 'changes:machine:' .. part[PLACE])
    name_machine(part)
    count('changes_ingested', #fresh + #silent)
    count('changes_muted', #silent)
  end
  return table.concat(letters)
end

local words = {}
for place, part in ipairs(parts) do words[place] = take(part) end
return words
