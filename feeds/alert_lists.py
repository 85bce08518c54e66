"""What lists of alerts need beside the alerts: their keys alone, and many cases at once.

The ledger reads one case at a time, checked against nothing else; a list shows hundreds of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from feeds.cases import Case, read_case
from feeds.reading import AlertReads
from feeds.scripts import text

#: Keys, or cases, of one read.
READ_MAX = 500
#: How far back a key is looked for: 90 days of a thousand alerts a day.
KEYS_MAX = 100_000


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

    async def cases(self, keys: Sequence[str]) -> dict[str, Case]:
        """What people have decided, for every one of `keys`."""
        found: dict[str, Case] = {}
        for start in range(0, len(keys), READ_MAX):
            part = keys[start : start + READ_MAX]
            pipe = self._scripts.redis.pipeline(transaction=False)
            for key in part:
                pipe.hget(self._scripts.key("subject", f"alert:{key}"), "body")
            for key, body in zip(part, await pipe.execute(), strict=True):
                found[key] = read_case(body or None)
            await asyncio.sleep(0)
        return found
