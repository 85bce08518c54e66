-- Notes how far a source was read. Neither instant ever goes back, whoever writes late.
-- Given: source, ms up to which alerts were generated (nil: as before), began ms (the first one
--   stays), whether the whole answer was there.
-- Returns {generated ms, read ms, began ms} as they are now.

local source, generated, began, is_whole = given[1], given[2], given[3], given[4]
local name = prefix .. 'cursor:' .. source

local function raise(field, value)
  local known = tonumber(redis.call('HGET', name, field) or '0')
  if value > known then redis.call('HSET', name, field, whole(value)) end
end

if is_whole then
  raise('generated', generated or 0)
end
raise('read', now)
redis.call('SET', prefix .. 'cursor:began', whole(began), 'NX')
local found = redis.call('HMGET', name, 'generated', 'read')
return {found[1] or '0', found[2], redis.call('GET', prefix .. 'cursor:began')}
