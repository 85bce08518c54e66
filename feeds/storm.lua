-- A storm as it is, in one value (see rows.lua): thousands of counts are drawn every 2 s. Reads
-- only.
-- Given: storm. Returns, packed: field, value, ... of the storm; count, number, ... of what it
-- counts; how many members have no line yet.

local storm = prefix .. 'storm:' .. given[1]
return cmsgpack.pack({
  redis.call('HGETALL', storm),
  redis.call('HGETALL', storm .. ':counts'),
  redis.call('ZCARD', storm .. ':waiting'),
})
