"""What quiet hours hold back: a queue per channel, told as one digest in the morning."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from delivery.outbox import ChannelId, Line
from feeds.reading import FACTS_MAX, AlertReads, Stored, milliseconds
from feeds.scripts import text
from feeds.storm import Block

#: Alerts of one script call; more make a further digest of the same morning.
DIGEST_MAX = 2_000

#: Draws the messages of a digest, mostly one: (text, blocks).
DrawDigest = Callable[[Sequence[Stored]], Sequence[tuple[str, list[Block]]]]


class Held(AlertReads):
    """The alerts that wait for the morning."""

    async def channels(self) -> list[ChannelId]:
        members = cast(Any, await self._redis.smembers(self.scripts.key("helds")))
        return sorted(ChannelId(text(member)) for member in members)

    async def held(self, channel: ChannelId, limit: int = DIGEST_MAX) -> list[Stored]:
        """The oldest first."""
        key = self.scripts.key("held", channel)
        members = cast(Any, await self._redis.zrange(key, 0, limit - 1))
        return await self.many([text(member) for member in members])

    async def muted(
        self, since: datetime, until: datetime, *, late: timedelta
    ) -> Counter[ChannelId]:
        """How many came in after `since`, up to `until`, and are kept quiet; by channel."""
        first, last = milliseconds(since - late), milliseconds(until)
        keys = cast(Any, await self._redis.zrangebyscore(self.scripts.key("alerts"), first, "+inf"))
        found: Counter[ChannelId] = Counter()
        for start in range(0, len(keys), FACTS_MAX):
            pipe = self._redis.pipeline(transaction=False)
            for key in keys[start : start + FACTS_MAX]:
                pipe.hmget(self.scripts.key("alert", text(key)), "fate", "channel", "first_at")
            for fate, channel, first_at in await pipe.execute():
                if (fate or b"").startswith(b"muted:") and (
                    milliseconds(since) < int(first_at) <= last
                ):
                    found[ChannelId(text(channel))] += 1
            await asyncio.sleep(0)
        return found

    async def is_first(self, channel: ChannelId, name: str) -> bool:
        """Whether nothing of this digest was told yet."""
        return await self._free(channel, name) == 1

    async def tell(self, channel: ChannelId, name: str, draw: DrawDigest) -> int:
        """Queue what is held as the digest `name` (its date). Returns how many alerts it tells.

        Whoever runs it twice, or at the same time elsewhere, tells nothing twice.
        """
        stored = await self.held(channel)
        if not stored:
            return 0
        start = await self._free(channel, name)
        lines = [
            Line(f"digest:{channel}:{name}:{place}", said, blocks)
            for place, (said, blocks) in enumerate(draw(stored), start=start)
        ]
        if not lines:
            raise ValueError("a digest without a message")
        alerts = [one.alert.key for one in stored]
        keys = [line.key for line in lines]
        items = [msgspec.json.encode(line).decode() for line in lines]
        is_told = await self.scripts.run("digest", [channel, name, alerts, keys, items, start])
        return len(alerts) if is_told else 0

    async def _free(self, channel: ChannelId, name: str) -> int:
        """The number of the first line: after those of an earlier digest of the same morning."""
        told = await self._redis.get(self.scripts.key("digest-lines", channel, name))
        return 1 if told is None else int(told) + 1
