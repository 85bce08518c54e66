"""A poster's turn at one channel: it lasts as long as the lease is renewed."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from delivery.outbox import ChannelId, Outbox, Poster


class LeaseLost(Exception):
    """Another process posts to this channel now."""


class Turn:
    """Nothing is posted or written without `hold` right before it."""

    def __init__(self, outbox: Outbox, channel: ChannelId, token: str, lease: timedelta) -> None:
        self._outbox = outbox
        self._lease = lease
        self.poster = Poster(channel, token)

    @property
    def channel(self) -> ChannelId:
        return self.poster.channel

    async def take(self) -> bool:
        """Take or renew the lease; False when it is another's."""
        return await self._outbox.take(self.poster, self._lease)

    async def hold(self) -> None:
        if not await self.take():
            raise LeaseLost(self.channel)

    async def rest(self, seconds: float) -> None:
        """Wait without losing the turn: nobody else may post in a pause that Slack asked for."""
        until = time.monotonic() + seconds
        step = self._lease.total_seconds() / 3
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, step))
            await self.hold()

    async def end(self) -> None:
        await self._outbox.give_back(self.poster)
