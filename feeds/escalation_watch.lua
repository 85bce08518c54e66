-- Begins to watch alerts that nobody has taken, goes on, or stops for those that are closed.
-- Given: rows of key, route, ms after which the first step is due, is open.
-- An alert that is opened again begins anew; everything else that is repeated changes nothing.
-- Returns how many are watched from now on.

local KEY, ROUTE, AFTER, IS_OPEN = 1, 2, 3, 4
local DAYS_90 = 90 * 24 * 3600
local begun = 0

local function begin(row, name, reopened)
  redis.call('HSET', name, 'since', whole(now), 'route', row[ROUTE], 'done', '', 'closed', '0',
    'reopened', reopened)
  redis.call('EXPIRE', name, DAYS_90)
  redis.call('ZADD', prefix .. 'escalations', whole(now + row[AFTER]), row[KEY])
  begun = begun + 1
end

for _, row in ipairs(given) do
  local name = prefix .. 'escalation:' .. row[KEY]
  local closed = redis.call('HGET', name, 'closed')
  if row[IS_OPEN] and not closed then
    begin(row, name, '0')
  elseif row[IS_OPEN] and closed == '1' then
    begin(row, name, whole(now))
  elseif not row[IS_OPEN] and closed == '0' then
    redis.call('HSET', name, 'closed', '1')
    redis.call('ZREM', prefix .. 'escalations', row[KEY])
  end
end
return begun
