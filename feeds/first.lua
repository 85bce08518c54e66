-- The first members of a sorted set in one value (see rows.lua). Reads only.
-- Given: the key behind the prefix, how many. Returns them, packed.

return cmsgpack.pack(redis.call('ZRANGE', prefix .. given[1], 0, given[2] - 1))
