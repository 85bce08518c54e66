"""The scripts of the feeds: one call each, over keys that share the workspace's hash tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib import resources
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from delivery.outbox import KEY_MEMORY

#: Added to Redis' TIME; other than 0 only in the demo, whose director moves the clock.
Offset = Callable[[], timedelta]


def no_offset() -> timedelta:
    return timedelta(0)


class Scripts:
    """Keys and scripts of one workspace."""

    def __init__(self, redis: Redis, *, tag: str, offset: Offset = no_offset) -> None:
        self.redis = redis
        self._prefix = f"{{{tag}}}"
        self._offset = offset
        self._loaded: dict[str, AsyncScript] = {}

    def key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    async def run(self, name: str, given: Sequence[Any]) -> Any:
        """Run `name`.lua. One msgpack argument: redis-py packs thousands ten times as slowly."""
        script = self._loaded.get(name)
        if script is None:
            text = _source("shared.lua") + _source(f"{name}.lua")
            script = self._loaded[name] = self.redis.register_script(text)
        milliseconds = int(self._offset().total_seconds() * 1000)
        memory = int(KEY_MEMORY.total_seconds())
        arguments: list[str | int | bytes] = [
            self._prefix,
            milliseconds,
            memory,
            msgspec.msgpack.encode(given),
        ]
        return await script(keys=[self.key("alerts")], args=arguments)

    async def now_ms(self) -> int:
        """Redis TIME and the offset, in ms since 1970."""
        seconds, micros = await cast(Any, self.redis.time())
        offset = self._offset().total_seconds()
        return int(seconds) * 1000 + int(micros) // 1000 + int(offset * 1000)


def _source(name: str) -> str:
    return resources.files("feeds").joinpath(name).read_text("utf-8")


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
