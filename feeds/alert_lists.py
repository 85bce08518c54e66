"""What lists of alerts need beside the alerts: their keys alone, and many cases at once.

A list sorts thousands and shows five, so only what it is sorted by is read of all. The ledger reads
one case at a time, and checks it against nothing else either.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from feeds.cases import Case, read_case
from feeds.reading import AlertReads
from feeds.scripts import text

#: Keys of one read.
READ_MAX = 500
#: Alerts of one script call: 1 ms, in which Redis serves nobody else.
FACTS_MAX = 250
#: How far back a key is looked for: 90 days of a thousand alerts a day.
KEYS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """What an open alert is sorted and chosen by. `at_ms`: when it was generated."""

    key: str
    rank: int
    at_ms: float
    case: Case

    @property
    def urgency(self) -> tuple[bool, int, float]:
        """Without an owner before owned, High before Low, new before old."""
        return bool(self.case.owner), self.rank, -self.at_ms


class AlertLists:
    """Reads beside `AlertReads`, over the same Redis and names."""

    def __init__(self, reads: AlertReads) -> None:
        self._scripts = reads.scripts

    async def newest_keys(self) -> AsyncIterator[str]:
        """Every alert's key, the newest first."""
        name, redis = self._scripts.key("alerts"), self._scripts.redis
        for start in range(0, KEYS_MAX, READ_MAX):
            found = cast(Any, await redis.zrevrange(name, start, start + READ_MAX - 1))
            for key in found:
                yield text(key)
            if len(found) < READ_MAX:
                return
            await asyncio.sleep(0)

    async def open(self, limit: int) -> list[OpenAlert]:
        """The newest that are open in Azure, the most urgent first. What people have closed is
        left out: Azure follows a moment later."""
        name, redis = self._scripts.key("alerts:open"), self._scripts.redis
        found: dict[str, OpenAlert] = {}
        for start in range(0, limit, FACTS_MAX):
            end = min(start + FACTS_MAX, limit) - 1
            rows = cast(Any, await redis.zrevrange(name, start, end, withscores=True))
            part = [(text(key), at) for key, at in rows]
            facts = await self._facts([key for key, _ in part])
            for (key, at_ms), (rank, case) in zip(part, facts, strict=True):
                if rank is not None and not case.is_closed:
                    found[key] = OpenAlert(key, rank, at_ms, case)
            if len(rows) < FACTS_MAX:
                break
        return sorted(found.values(), key=lambda one: one.urgency)

    async def cases(self, keys: Sequence[str]) -> dict[str, Case]:
        """What people have decided, for every one of `keys`."""
        found: dict[str, Case] = {}
        for start in range(0, len(keys), FACTS_MAX):
            part = keys[start : start + FACTS_MAX]
            for key, (_, case) in zip(part, await self._facts(part), strict=True):
                found[key] = case
        return found

    async def _facts(self, keys: Sequence[str]) -> list[tuple[int | None, Case]]:
        """Rank and case of each; None for an alert that is not known any more."""
        said = await self._scripts.run("open_facts", list(keys))
        pairs = zip(said[::2], said[1::2], strict=True)
        return [(int(rank) if rank else None, read_case(body or None)) for rank, body in pairs]
