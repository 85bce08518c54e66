"""How many processes of the bot live on this Redis, by their heartbeats: what Slack's own count of
connections is compared with (C054)."""

from __future__ import annotations

from datetime import timedelta

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

BEAT_EVERY = timedelta(seconds=10)
#: Three beats missed: it is gone.
ALIVE_FOR = timedelta(seconds=35)

# KEYS: 1 replicas (sorted set: name by Redis TIME). ARGV: 1 own name or '', 2 seconds of a life.
_BEAT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
if ARGV[1] ~= '' then redis.call('ZADD', KEYS[1], now, ARGV[1]) end
return redis.call('ZCARD', KEYS[1])
"""


class Replicas:
    """This process's heartbeat, and everybody's count."""

    def __init__(self, redis: Redis, *, tag: str, name: str) -> None:
        self._redis = redis
        self._key = f"{{{tag}}}:replicas"
        self._name = name
        self._script: AsyncScript = redis.register_script(_BEAT)
        self.alive = 1

    async def beat(self) -> None:
        """I live; who else does?"""
        life = int(ALIVE_FOR.total_seconds())
        self.alive = int(await self._script(keys=[self._key], args=[self._name, life]))

    async def leave(self) -> None:
        """A clean stop is not counted for half a minute more."""
        await self._redis.zrem(self._key, self._name)
