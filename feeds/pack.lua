-- Gives a storm's members their detail lines: the lines are queued and the members leave the
-- waiting ones at once. Only whoever has seen the storm as it is may do it.
-- Given: storm, lines told so far, members, keys of the lines, lines (items in JSON).
-- Returns 1, or 0 when somebody else was faster: then nothing is written.

local id, seen, members, keys, lines = given[1], given[2], given[3], given[4], given[5]
local storm = prefix .. 'storm:' .. id
local known = redis.call('HMGET', storm, 'lines', 'channel')
if known[1] ~= seen then return 0 end
for _, member in ipairs(members) do
  if not redis.call('ZSCORE', storm .. ':waiting', member) then return 0 end
end
for place, key in ipairs(keys) do put(known[2], key, lines[place]) end
local first, last = tonumber(seen) + 1, tonumber(seen) + #lines
local fate = 'storm:' .. id .. ':' .. first .. ':' .. last
for _, member in ipairs(members) do
  local key = string.match(member, '^[^\n]*\n[^\n]*\n(.*)$')
  local name = prefix .. 'alert:' .. key
  if redis.call('EXISTS', name) == 1 then redis.call('HSET', name, 'fate', fate) end
  redis.call('ZREM', storm .. ':waiting', member)
end
redis.call('HSET', storm, 'lines', last)
redis.call('HINCRBY', storm, 'version', 1)
ring(known[2])
return 1
