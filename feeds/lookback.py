"""How far back a read of Resource Graph goes.

Behind the cursor by the overlap, since alerts come late; and further, so that what is resolved in
the portal shows within one poll: as far as the oldest open alert, but not beyond LOOKBACK_MAX known
ones, which cost one page. Older ones are seen by the whole reads in between.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from feeds.cursors import Cursor
from feeds.reading import instant, milliseconds
from feeds.store import AlertStore

#: Alerts that are read once more in each poll to see them change: 20 ms of decoding.
LOOKBACK_MAX = 100


class Lookback:
    """Where the next read begins."""

    def __init__(self, store: AlertStore) -> None:
        self._redis = store.scripts.redis
        self._all = store.scripts.key("alerts")
        self._open = store.scripts.key("alerts:open")

    async def since(self, cursor: Cursor, *, began_at: datetime, overlap: timedelta) -> datetime:
        """Never before `began_at`: what was generated earlier is not our news."""
        base = max(began_at, (cursor.generated_at or began_at) - overlap)
        oldest = cast(Any, await self._redis.zrange(self._open, 0, 0, withscores=True))
        if not oldest:
            return base
        wanted = max(began_at, instant(oldest[0][1]))
        if wanted >= base:
            return base
        limit = await self._limit(base)
        return wanted if limit is None else max(wanted, limit)

    async def _limit(self, base: datetime) -> datetime | None:
        """The instant of the alert that is LOOKBACK_MAX before `base`."""
        rows = cast(
            Any,
            await self._redis.zrevrangebyscore(
                self._all,
                milliseconds(base),
                "-inf",
                start=LOOKBACK_MAX - 1,
                num=1,
                withscores=True,
            ),
        )
        return instant(rows[0][1]) if rows else None
