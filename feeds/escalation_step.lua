-- Notes which steps of an alert were said, unless somebody else has, or it began anew.
-- Given: key, since (ms, as read), done (as read), done now, ms of the next step (nil: none).
-- Returns 1, or 0 when nothing was written.

local key, since, before, after, following = given[1], given[2], given[3], given[4], given[5]
local name = prefix .. 'escalation:' .. key
local known = redis.call('HMGET', name, 'since', 'done')
if known[1] ~= since or known[2] ~= before then return 0 end
redis.call('HSET', name, 'done', after)
if following then
  redis.call('ZADD', prefix .. 'escalations', whole(following), key)
else
  redis.call('ZREM', prefix .. 'escalations', key)
end
return 1
