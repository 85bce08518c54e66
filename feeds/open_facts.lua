-- What a list is sorted by, of many alerts in one call: thousands of single reads would keep the
-- process from answering clicks for a second. Reads only.
-- Given: the keys of alerts. Returns for each its rank and the body of its case, "" for none.

local found = {}
for at, key in ipairs(given) do
  local rank = redis.call('HGET', prefix .. 'alert:' .. key, 'rank')
  local case = redis.call('HGET', prefix .. 'subject:alert:' .. key, 'body')
  found[2 * at - 1] = rank or ''
  found[2 * at] = case or ''
end
return found
