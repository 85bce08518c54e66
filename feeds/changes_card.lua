-- Queues the card of something that has no rows of its own (a silence), or of which something was
-- learnt. Given: its id, kind ('': it is there already), facts (JSON), channel, names and values.
-- Returns its version, 0 for what is not there.

local id, kind, facts, channel, pairs_given = given[1], given[2], given[3], given[4], given[5]
local name = prefix .. 'changes:' .. id
if kind ~= '' then
  redis.call('HSETNX', name, 'kind', kind)
  redis.call('HSETNX', name, 'facts', facts)
  redis.call('HSETNX', name, 'channel', channel)
  redis.call('HSETNX', name, 'opened', whole(now))
end
channel = redis.call('HGET', name, 'channel')
if not channel then return 0 end
local version = redis.call('HINCRBY', name, 'version', 1)
put_card(channel, 'changes:' .. id, version)
for place = 1, #pairs_given, 2 do
  redis.call('HSET', name, pairs_given[place], pairs_given[place + 1])
end
redis.call('EXPIRE', name, 7776000)
ring(channel)
return version
