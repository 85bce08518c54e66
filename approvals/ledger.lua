-- One transition of the ledger: audit entries, states, indexes and deadlines in one atomic step.
-- Lua does not roll back: everything is checked first, then XADD, then the rest.
--
-- KEYS 1 audit stream   2 op-id   3 deadlines   4 open   5 pending   6 active   7 number   8 lease
--      then 4 per change: request hash, requests of the person, requests of the VM, same fingerprint
--      then requests of each further VM that a change to Azure is about
-- ARGV 1 op-id                      7 offset of the clock in µs (0 except in the demo)
--      2 life of the op-id in ms    8 number that is free ("": no new request)
--      3 void that may be passed    9 value the lease must have ("": none needed)
--      4 head: sequence            10 life of a closed request in ms (0: for ever)
--      5 head: MAC                 11 newest requests kept per person and VM
--      6 instant of the entries, µs
--      then 17 per change:
--      1 entry  2 MAC  3 request ("": an entry without one; where 6 is given, the hash is that of
--      a subject of the feeds, compared and set by its version)  4 version before (0: new)
--      5 state before  6 version  7 state  8 terms version  9 digest  10 body  11 requester
--      12 ids that are the requester, ",a,b,"  13 who decides ("": no decision)
--      14 lapses at, µs  15 next deadline, ms ("": none)  16 "open" | "closed"
--      17 closed request whose fingerprint may be taken over ("": none)
--
-- Answer: status, op-id, TIME + offset in µs, and
--   recorded | repeated <sequence or void> | head <entries from ours on> | time <head's instant>
--   stale <version> <body> | conflict <request> | missing <request> | exists <request> | same <request> | number <number>
--   refused <same_person | lapsed> <request> | lease | type <key> | cut <newest id ever written>

local AT_MOST_APART = 2000000 -- µs between the bot's instant and TIME
local GAP_MAX = 200           -- entries told to who has lost the head; the rest is read by XRANGE
local PER_KEY, PER_ARG, FIRST_KEY, FIRST_ARG = 4, 17, 8, 11

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(ARGV[7])
local now_text = string.format('%.0f', now)

local function answer(status, ...)
  return {status, ARGV[1], now_text, ...}
end

local TYPES = {'stream', 'string', 'zset', 'zset', 'zset', 'zset', 'string', 'string'}
local PER_CHANGE = {'hash', 'zset', 'zset', 'string'}
local changes = math.floor((#ARGV - FIRST_ARG) / PER_ARG)
local FURTHER = FIRST_KEY + changes * PER_KEY
for i, key in ipairs(KEYS) do
  local wanted = TYPES[i] or PER_CHANGE[(i - FIRST_KEY - 1) % PER_KEY + 1]
  if i > FURTHER then wanted = 'zset' end
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= wanted then return answer('type', key) end
end

local op = redis.call('GET', KEYS[2])
if op and op ~= ARGV[3] then return answer('repeated', op) end

if ARGV[9] ~= '' and redis.call('GET', KEYS[8]) ~= ARGV[9] then return answer('lease') end

local sequence, mac, head_at = '0', '', 0
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if last then
  sequence = string.match(last[1], '^(%d+)%-0$') or last[1]
  local fields = last[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'mac' then mac = fields[i + 1] end
    if fields[i] == 'at' then head_at = tonumber(fields[i + 1]) or 0 end
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' and info[i + 1] ~= (last and last[1] or '0-0') then
      return answer('cut', info[i + 1])
    end
  end
end
if sequence ~= ARGV[4] or mac ~= ARGV[5] then
  return answer('head', redis.call('XRANGE', KEYS[1], ARGV[4] .. '-0', '+', 'COUNT', GAP_MAX))
end

local at = tonumber(ARGV[6])
if math.abs(at - now) > AT_MOST_APART or at < head_at then
  return answer('time', string.format('%.0f', head_at))
end

local function change(n)
  local key, arg = FIRST_KEY + (n - 1) * PER_KEY, FIRST_ARG + (n - 1) * PER_ARG
  return {
    hash = KEYS[key + 1], person = KEYS[key + 2], vm = KEYS[key + 3], same = KEYS[key + 4],
    entry = ARGV[arg + 1], mac = ARGV[arg + 2], id = ARGV[arg + 3],
    before = ARGV[arg + 4], state_before = ARGV[arg + 5],
    version = ARGV[arg + 6], state = ARGV[arg + 7], terms_version = ARGV[arg + 8],
    digest = ARGV[arg + 9], body = ARGV[arg + 10], requester = ARGV[arg + 11],
    people = ARGV[arg + 12], decider = ARGV[arg + 13], lapses_at = ARGV[arg + 14],
    deadline = ARGV[arg + 15], open = ARGV[arg + 16] == 'open', takes_over = ARGV[arg + 17],
  }
end

local function refusal_of_new(c)
  if redis.call('EXISTS', c.hash) == 1 then return answer('exists', c.id) end
  local number = redis.call('GET', KEYS[7]) or '0'
  if number ~= ARGV[8] then return answer('number', number) end
  local same = redis.call('GET', c.same)
  if same and same ~= c.takes_over then return answer('same', same) end
end

local function refusal_of_change(c)
  local stored = redis.call('HMGET', c.hash, 'version', 'state', 'requester', 'people', 'lapses_at')
  if not stored[1] then return answer('missing', c.id) end
  if stored[1] ~= c.before or stored[2] ~= c.state_before then return answer('conflict', c.id) end
  if c.decider == '' then return nil end
  local people = stored[4] or ''
  if c.decider == stored[3] or string.find(people, ',' .. c.decider .. ',', 1, true) then
    return answer('refused', 'same_person', c.id)
  end
  local lapses_at = tonumber(stored[5])
  if not lapses_at or now >= lapses_at then return answer('refused', 'lapsed', c.id) end
end

local function refusal_of_deed(c)
  if c.version == '' then return nil end
  local stored = redis.call('HMGET', c.hash, 'version', 'body')
  if (stored[1] or '0') ~= c.before then
    return answer('stale', stored[1] or '0', stored[2] or '')
  end
end

local list = {}
for n = 1, changes do
  local c = change(n)
  local refusal
  if c.id ~= '' then
    if c.before == '0' then refusal = refusal_of_new(c) else refusal = refusal_of_change(c) end
  else
    refusal = refusal_of_deed(c)
  end
  if refusal then return refusal end
  list[n] = c
end

-- From here on nothing is asked any more.
for n, c in ipairs(list) do
  redis.call('XADD', KEYS[1], string.format('%.0f-0', tonumber(ARGV[4]) + n),
    'entry', c.entry, 'mac', c.mac, 'at', ARGV[6])
end

local function member(key, wanted, score, id)
  if wanted then redis.call('ZADD', key, 'NX', score, id) else redis.call('ZREM', key, id) end
end

local function indexes(c)
  return {c.person, c.vm, unpack(KEYS, FURTHER + 1)}
end

local function index_new(c, score)
  for _, key in ipairs(indexes(c)) do
    redis.call('ZADD', key, score, c.id)
    redis.call('ZREMRANGEBYRANK', key, 0, -tonumber(ARGV[11]) - 1)
    redis.call('PERSIST', key)
  end
  redis.call('SET', c.same, c.id)
  redis.call('SET', KEYS[7], c.id)
end

local function close(c)
  if redis.call('GET', c.same) == c.id then redis.call('DEL', c.same) end
  if ARGV[10] ~= '0' then
    redis.call('PEXPIRE', c.hash, ARGV[10])
    for _, key in ipairs(indexes(c)) do redis.call('PEXPIRE', key, ARGV[10]) end
  end
end

local score = string.format('%.0f', math.floor(at / 1000))
for _, c in ipairs(list) do
  if c.id ~= '' then
    redis.call('HSET', c.hash, 'version', c.version, 'state', c.state,
      'terms_version', c.terms_version, 'digest', c.digest, 'body', c.body)
    if c.before == '0' then
      redis.call('HSET', c.hash, 'requester', c.requester, 'people', c.people,
        'lapses_at', c.lapses_at)
      index_new(c, score)
    end
    member(KEYS[4], c.open, score, c.id)
    member(KEYS[5], c.state == 'pending', score, c.id)
    member(KEYS[6], c.state == 'active' or c.state == 'closing', score, c.id)
    redis.call('ZREM', KEYS[3], c.id)
    if c.deadline ~= '' then redis.call('ZADD', KEYS[3], c.deadline, c.id) end
    if not c.open then close(c) end
  elseif c.version ~= '' then
    redis.call('HSET', c.hash, 'version', c.version, 'body', c.body)
    if ARGV[10] ~= '0' then redis.call('PEXPIRE', c.hash, ARGV[10]) end
  end
end
redis.call('SET', KEYS[2], string.format('%.0f', tonumber(ARGV[4]) + 1), 'PX', ARGV[2])
return answer('recorded')
