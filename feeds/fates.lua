-- Where alerts are told, many in one value (see rows.lua). Reads only.
-- Given: the keys of alerts. Returns, packed, for each its fate, false where it is not known, and
-- whether its card has an address.

local found = {}
for place, key in ipairs(given) do
  found[place] = {
    redis.call('HGET', prefix .. 'alert:' .. key, 'fate'),
    redis.call('EXISTS', prefix .. 'address:alert:' .. key) == 1,
  }
end
return cmsgpack.pack(found)
