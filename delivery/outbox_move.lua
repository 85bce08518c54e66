-- Hands one item to another queue: added there before it is taken from here.
-- KEYS: 1 lease (string), 2 outbox:<source> (stream), 3 the other queue (stream), 4 outboxes (set),
--       5 bell (stream)
-- ARGV: 1 the poster's token, 2 stream id, 3 item (JSON), 4 channel of the other queue or '',
--       5 why
-- Returns 1, or 0 when the lease is another's: then nothing is written.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if #redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2]) == 0 then
  return 1
end
redis.call('XADD', KEYS[3], '*', 'item', ARGV[3], 'why', ARGV[5])
if ARGV[4] ~= '' then
  redis.call('SADD', KEYS[4], ARGV[4])
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', '100', '*', 'channel', ARGV[4])
end
redis.call('XDEL', KEYS[2], ARGV[2])
return 1
