"""Forgets alerts once Defender has none of them any more: what Redis holds stays bounded.

Defender keeps alerts for 90 days, so one that is older never comes again. What people did with it
stays in the audit log.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, cast

from feeds.reading import AlertReads
from feeds.scripts import text

log = logging.getLogger(__name__)

#: Older than Defender's 90 days, younger than a receipt of the outbox, without which an alert of a
#: storm could no longer be proved to have been told.
KEPT = timedelta(days=92)
#: Alerts of one script call.
BATCH_MAX = 200


class Retention(AlertReads):
    """`step` once an hour by the holder of the main lease; it may run twice."""

    async def step(self) -> None:
        retired = 0
        while found := await self._batch():
            retired += found
        if retired:
            log.info("%d alerts older than %d days are forgotten", retired, KEPT.days)

    async def _batch(self) -> int:
        """One script call: how many alerts were in it, 0 when none is so old."""
        limit = await self.scripts.now_ms() - int(KEPT.total_seconds() * 1000)
        name = self.scripts.key("alerts")
        rows = cast(
            Any,
            await self._redis.zrangebyscore(name, "-inf", f"({limit}", start=0, num=BATCH_MAX),
        )
        keys = [text(row) for row in rows]
        if not keys:
            return 0
        known = {stored.alert.key: stored.alert for stored in await self.many(keys)}
        places = {key: alert.resource_id or alert.machine for key, alert in known.items()}
        given = [[key, places.get(key, "").casefold()] for key in keys]
        await self.scripts.run("retire", given)
        return len(keys)
