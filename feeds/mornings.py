"""Once a day, at the set local time: what was held back is told as a digest of each channel.

The instant of the last digest is kept in Redis, so that a restart neither repeats nor skips one;
`Held.tell` itself tells nothing twice. Alerts that were held while nothing ran are in the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from delivery.outbox import ChannelId
from feeds.held import DrawDigest, Held
from feeds.reading import instant, milliseconds
from feeds.settings import AlertSettings

log = logging.getLogger(__name__)

#: An alert may come in so long after the time that it bears, by which alerts are indexed.
LATE_MAX = timedelta(hours=24)
#: Digests of one channel and morning; each has thousands of alerts.
DIGESTS_MAX = 20


class Mornings:
    """`step` every half minute or so by the holder of the main lease."""

    def __init__(
        self,
        held: Held,
        settings: Callable[[], AlertSettings],
        *,
        draw: Callable[[ChannelId, int], DrawDigest],
    ) -> None:
        self._held = held
        self._scripts = held.scripts
        self._settings = settings
        self._draw = draw
        self._key = held.scripts.key("feeds", "morning")

    async def step(self) -> None:
        """Tell every channel its digest if a morning has come since the last one."""
        digest = self._settings().digest
        if digest is None:
            return
        now = instant(await self._scripts.now_ms())
        morning = digest.last(now)
        told_at = await self._told_at(morning)
        if told_at >= morning:
            return
        channels = await self._held.channels()
        muted = await self._held.muted(told_at, morning, late=LATE_MAX) if channels else {}
        for channel in channels:
            await self._tell(channel, digest.day(morning), muted.get(channel, 0))
        await self._scripts.redis.set(self._key, milliseconds(morning))

    async def _tell(self, channel: ChannelId, day: str, muted: int) -> None:
        """`muted` stands in the first message of the morning alone."""
        for _ in range(DIGESTS_MAX):
            is_first = await self._held.is_first(channel, day)
            draw = self._draw(channel, muted if is_first else 0)
            told = await self._held.tell(channel, day, draw)
            log.info("digest of %s for %s: %d alerts", day, channel, told)
            if not await self._held.held(channel, 1):
                return

    async def _told_at(self, morning: datetime) -> datetime:
        """At the very first start today's morning counts as told: nothing was held before it."""
        first = milliseconds(morning)
        await self._scripts.redis.set(self._key, first, nx=True)
        known = await self._scripts.redis.get(self._key)
        return instant(float(known or first))
