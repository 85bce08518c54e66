-- Puts one item into a channel's outbox, once per key.
-- KEYS: 1 told:<key> (string), 2 outbox:<channel> (stream), 3 outboxes (set), 4 bell (stream)
-- ARGV: 1 channel, 2 item (JSON), 3 seconds that the key is remembered
-- Returns 1 when queued, 0 when this key was queued before.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('XADD', KEYS[2], '*', 'item', ARGV[2])
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('SET', KEYS[1], '1', 'EX', ARGV[3])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', '100', '*', 'channel', ARGV[1])
return 1
