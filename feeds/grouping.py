"""Moves what waits in the feeds to the outboxes: a card each, or a storm.

Every move is one script call that takes from here and puts there, so a process that is killed
between two of them leaves nothing behind and does nothing twice; several may run at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from defender.alert import Alert
from delivery.outbox import ChannelId, Line, ObjectId, Outbox
from feeds.scripts import text
from feeds.storm import Block, Detail, Details, Limits, Storms

log = logging.getLogger(__name__)

#: Entries of one script call, in which Redis serves nobody else.
STEP_MAX = 500
#: So many items wait in the outbox at most: a message that is being posted, two that follow, the
#: card. What comes later is drawn later: it is packed better, and a High one waits 3 s at most.
AHEAD = 4
#: Alerts that are drawn at once: enough for a full message, little enough for a click to wait.
DRAW_MAX = 300
FITS_MIN = 50


class Grouper:
    """`sweep` whenever something may wait, and at least twice a second during a storm."""

    def __init__(
        self, store: Storms, outbox: Outbox, *, details: Details, limits: Limits | None = None
    ) -> None:
        self._store = store
        self._scripts = store.scripts
        self._outbox = outbox
        self._details = details
        self._limits = limits or Limits()
        #: alerts that a message held, and some more; members that were too few for one.
        self._fits = DRAW_MAX
        self._too_few = 0

    async def sweep(self) -> None:
        """Everything that waits, channel by channel."""
        members = cast(Any, await self._scripts.redis.smembers(self._scripts.key("feeds")))
        for channel in sorted(text(member) for member in members):
            await self._group(ChannelId(channel))

    async def _group(self, channel: ChannelId) -> None:
        limits = self._limits
        given = [
            channel,
            limits.over,
            int(limits.window.total_seconds() * 1000),
            int(limits.refresh.total_seconds() * 1000),
            STEP_MAX,
        ]
        while True:
            step, *rest = await self._scripts.run("group", given)
            if text(step) != "storm":
                return
            storm_id, waiting, is_ending, behind, lines = rest
            if not behind:
                break
            await asyncio.sleep(0)
        if waiting:
            await self._tell(channel, text(storm_id), lines, is_last=bool(is_ending))

    # --- storms ---

    async def _tell(self, channel: ChannelId, storm_id: str, lines: int, *, is_last: bool) -> None:
        """Give the next members their lines, as long as the outbox has room for them."""
        while (queued := await self._outbox.size(channel)) < AHEAD:
            is_due = is_last or not queued
            full, members = await self._draw(channel, storm_id, is_due=is_due)
            if not members or not await self._pack(storm_id, lines, members, full):
                return  # more will come to fill the message, or somebody else was faster
            lines += len(full)
            await asyncio.sleep(0)

    async def _draw(
        self, channel: ChannelId, storm_id: str, *, is_due: bool
    ) -> tuple[list[Detail], list[str]]:
        """The messages that are worth a post now, and the members that they tell.

        One that is not full waits for what may come, unless nothing else is being said.
        """
        limit = min(DRAW_MAX, self._fits)
        while True:
            found = await self._store.waiting(storm_id, limit)
            if not is_due and len(found) < limit and len(found) == self._too_few:
                return [], []
            known = await self._store.alerts([key for _, key in found])
            drawn = await self._drawn(channel, known)
            is_cut = len(found) == limit  # there are more than were drawn
            if len(drawn) > 1 or not is_cut or limit == DRAW_MAX:
                break
            limit = min(DRAW_MAX, 2 * limit)
        if len(drawn) > 1:
            self._fits = max(FITS_MIN, drawn[0].holds + drawn[0].holds // 4)
            if is_cut or not is_due:
                drawn = drawn[:-1]
        elif known and not (is_due or is_cut):
            self._too_few = len(found)
            return [], []
        self._too_few = 0
        later = {alert.key for alert in known[sum(detail.holds for detail in drawn) :]}
        return drawn, [member for member, key in found if key not in later]

    async def _drawn(self, channel: ChannelId, alerts: Sequence[Alert]) -> list[Detail]:
        """In a thread: 30 ms at once would hold up the clicks."""
        if not alerts:
            return []
        drawn = list(await asyncio.to_thread(self._details, channel, alerts))
        if sum(detail.holds for detail in drawn) != len(alerts):
            raise ValueError("details hold other alerts than were given")
        return drawn

    async def _pack(
        self, storm_id: str, lines: int, members: Sequence[str], details: Sequence[Detail]
    ) -> bool:
        thread = ObjectId(f"storm:{storm_id}")
        keys = [f"{thread}:line:{lines + place}" for place in range(1, len(details) + 1)]
        items = [
            _line(key, detail.text, detail.blocks, thread)
            for key, detail in zip(keys, details, strict=True)
        ]
        return bool(await self._scripts.run("pack", [storm_id, str(lines), members, keys, items]))


def _line(key: str, said: str, blocks: list[Block], thread: ObjectId | None) -> str:
    return msgspec.json.encode(Line(key, said, blocks, thread_of=thread)).decode()
