-- One change that two sources reported: the later row is known from now on and is no change of its
-- own; the stored one says both. Given: seconds that changes are kept, pairs of {later row's key,
-- stored change's key, its body}.
-- Returns how many were joined; one whose stored change is gone is left as it was.

local kept, joined = given[1], 0
for _, pair in ipairs(given[2]) do
  local later, name = prefix .. 'change:' .. pair[1], prefix .. 'change:' .. pair[2]
  local fate = redis.call('HGET', name, 'fate')
  if fate and redis.call('EXISTS', later) == 0 then
    redis.call('HSET', name, 'body', pair[3])
    redis.call('HSET', later, 'twin_of', pair[2])
    redis.call('EXPIRE', later, kept)
    local burst = prefix .. 'changes:' .. fate
    local channel = redis.call('HGET', burst, 'channel')
    if channel then
      put_card(channel, 'changes:' .. fate, redis.call('HINCRBY', burst, 'version', 1))
      ring(channel)
    end
    count('changes_joined')
    joined = joined + 1
  end
end
return joined
