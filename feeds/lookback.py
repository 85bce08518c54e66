"""Which known alerts a poll reads once more, to see in time that they were closed, or opened again.

A read by time sees only new ones. So the open ones that are older are asked for by name, and a few
of the newest closed. There may be more than one query takes: then each poll asks for the next part.
A state that has changed is seen at once all the same, by comparing (`feeds.older`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from feeds.reading import milliseconds
from feeds.scripts import text
from feeds.store import AlertStore

#: Open alerts of one poll, and closed ones: together one query of Resource Graph (200 names).
OPEN_MAX = 150
CLOSED_MAX = 50


class Lookback:
    """Where the last poll stopped lives in memory: a restart begins anew with the newest."""

    def __init__(self, store: AlertStore) -> None:
        self._redis = store.scripts.redis
        self._all = store.scripts.key("alerts")
        self._open = store.scripts.key("alerts:open")
        self._start = 0

    async def again(self, before: datetime) -> list[str]:
        """Keys of alerts generated before that instant, newest first."""
        limit = f"({milliseconds(before)}"
        open_keys = await self._newest(self._open, limit, self._start, OPEN_MAX)
        if not open_keys and self._start:
            self._start = 0
            open_keys = await self._newest(self._open, limit, 0, OPEN_MAX)
        self._start = self._start + OPEN_MAX if len(open_keys) == OPEN_MAX else 0
        known = set(open_keys)
        recent = await self._newest(self._all, limit, 0, CLOSED_MAX)
        return open_keys + [key for key in recent if key not in known]

    async def _newest(self, key: str, limit: str, start: int, count: int) -> list[str]:
        found = await self._redis.zrevrangebyscore(key, limit, "-inf", start=start, num=count)
        return [text(member) for member in cast(Any, found)]
