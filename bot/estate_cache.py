"""What was seen of the estate, in Redis, so that a restart can type ahead at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis

from defender.estate import Estate


class EstateCache:
    """The leader reads Azure and writes; the others read what it wrote."""

    def __init__(
        self, estate: Estate, redis: Redis, *, tag: str, is_leading: Callable[[], bool]
    ) -> None:
        self._estate = estate
        self._redis = redis
        self._key = f"{{{tag}}}:inventory"
        self._is_leading = is_leading

    async def load(self) -> None:
        cached = await self._redis.get(self._key)
        if isinstance(cached, bytes):
            await self._estate.from_cache(cached)

    async def follow(self) -> None:
        if not self._is_leading():
            await self.load()

    async def read_azure(self) -> str:
        """Every subscription in turn; one that fails keeps what was known of it. Says which."""
        failed = await self._estate.refresh_all()
        cache = await asyncio.to_thread(self._estate.to_cache)
        await self._redis.set(self._key, cache)
        return ", ".join(f"{name}: {error.code}" for name, error in failed.items())
