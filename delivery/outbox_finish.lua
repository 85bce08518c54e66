-- Ends one item: what is known of its outcome, its address and its place in the queue at once, so
-- that a crash leaves either all of it to be looked up or nothing to be done.
-- KEYS: 1 lease (string), 2 outbox:<channel> (stream), 3 address:<object>, 4 object:<channel>:<ts>,
--       5 receipt:<item key>, 6.. attempt:<key>
-- ARGV: 1 the poster's token, 2 stream id, 3 address (JSON) or '', 4 object id,
--       5 ts of what has no address of its own or '', 6 seconds that this receipt is kept
-- Returns 1, or 0 when the lease is another's: then nothing is written.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[3] ~= '' then
  redis.call('SET', KEYS[3], ARGV[3])
  redis.call('SET', KEYS[4], ARGV[4])
end
if ARGV[5] ~= '' then
  redis.call('SET', KEYS[5], ARGV[5], 'EX', ARGV[6])
end
redis.call('XDEL', KEYS[2], ARGV[2])
for place = 6, #KEYS do
  redis.call('DEL', KEYS[place])
end
return 1
