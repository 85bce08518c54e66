-- A part of a sorted set in one value (see rows.lua). What is in it from the first part to the last
-- is in at least one of them. Reads only.
-- Given: the key behind the prefix, the cursor of the last part ('0' at first), members wanted.
-- Returns, packed, the next cursor ('0' at the end) and members.

local cursor, pairs_found = unpack(redis.call('ZSCAN', prefix .. given[1], given[2], 'COUNT', given[3]))
local members = {}
for place = 1, #pairs_found, 2 do members[#members + 1] = pairs_found[place] end
return cmsgpack.pack({cursor, members})
