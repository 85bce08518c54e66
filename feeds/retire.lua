-- Forgets alerts that Defender itself no longer has, with everything that is kept of them.
-- Given: rows of key, machine's index key ("": none). Returns how many were forgotten.

local forgotten = 0
for _, row in ipairs(given) do
  local key, index = row[1], row[2]
  if redis.call('DEL', prefix .. 'alert:' .. key) == 1 then
    forgotten = forgotten + 1
  end
  redis.call('ZREM', prefix .. 'alerts', key)
  redis.call('ZREM', prefix .. 'alerts:open', key)
  redis.call('ZREM', prefix .. 'escalations', key)
  redis.call('DEL', prefix .. 'escalation:' .. key, prefix .. 'address:alert:' .. key)
  if index ~= '' then
    redis.call('ZREM', prefix .. 'alerts:machine:' .. index, key)
  end
end
if forgotten > 0 then count('retired', forgotten) end
return forgotten
