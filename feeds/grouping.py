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
            found = await self._store.waiting(storm_id, DRAW_MAX)
            stored = await self._store.many([key for _, key in found])
            if not found:
                return
            drawn = list(self._details([one.alert for one in stored])) if stored else []
            full = self._full(drawn, len(stored), is_last=is_last or not queued)
            if stored and not full:
                return  # more will come to fill the message
            later = {one.alert.key for one in stored[sum(detail.holds for detail in full) :]}
            members = [member for member, key in found if key not in later]
            if not await self._pack(storm_id, lines, members, full):
                return
            lines += len(full)
            await asyncio.sleep(0)

    def _full(self, drawn: list[Detail], given: int, *, is_last: bool) -> list[Detail]:
        """The messages that are worth a post now: one that is not full waits for what may come.

        When all that could be drawn at once was drawn, the last message was cut by that alone.
        """
        if sum(detail.holds for detail in drawn) != given:
            raise ValueError("details hold other alerts than were given")
        if len(drawn) > 1 and (given == DRAW_MAX or not is_last):
            return drawn[:-1]
        return drawn if is_last or given == DRAW_MAX else []

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
