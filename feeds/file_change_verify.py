"""Proves that no file change is lost: ingested = told + waiting + muted. What is missing is named.

A change is told when its burst's card was shown in a version that has it, or newer; it waits while
that card is in an outbox. What looks missing is looked at again: a card may be on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from delivery.outbox import Card, ChannelId, ObjectId, Outbox
from feeds.file_change_reads import READ_MAX, FileChangeReads
from feeds.file_change_records import ChangesReport
from feeds.scripts import text

#: So often something must be missing to be called so.
LOOKS = 3
LOOK_AGAIN_SECONDS = 0.2
#: Items of one outbox that are looked through.
WAITING_MAX = 10_000


class VerifyChanges:
    """Looks at everything that is kept; writes nothing."""

    def __init__(self, store: FileChangeReads, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox

    async def run(self) -> ChangesReport:
        report = await self._look()
        for _ in range(LOOKS - 1):
            if not report.missing:
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            report = await self._look()
        return report

    async def _look(self) -> ChangesReport:
        fates = await self._fates()
        waiting_now = await self._waiting()
        told = waiting = muted = 0
        missing: list[str] = []
        known: dict[str, str] = {}
        for key, fate in fates.items():
            if fate.startswith(("muted:", "ignored")):
                muted += 1
                continue
            if fate not in known:
                known[fate] = await self._state(fate, waiting_now)
            match known[fate]:
                case "told":
                    told += 1
                case "waiting":
                    waiting += 1
                case _:
                    missing.append(key)
        return ChangesReport(len(fates), told, waiting, muted, tuple(missing))

    async def _fates(self) -> dict[str, str]:
        store = self._store
        rows = cast(Any, await store.redis.zrange(store.key("changes"), 0, -1))
        keys = [text(row) for row in rows]
        found: dict[str, str] = {}
        for start in range(0, len(keys), READ_MAX):
            part = keys[start : start + READ_MAX]
            found |= await self._fates_of(part)
            await asyncio.sleep(0)
        return found

    async def _fates_of(self, keys: Sequence[str]) -> dict[str, str]:
        pipe = self._store.redis.pipeline(transaction=False)
        for key in keys:
            pipe.hget(self._store.key("change", key), "fate")
        fates = await pipe.execute()
        # one that is indexed and not stored has outlived its retention this very moment
        return {k: text(f) for k, f in zip(keys, fates, strict=True) if f is not None}

    async def _waiting(self) -> set[str]:
        found: set[str] = set()
        for channel in await self._outbox.channels():
            for queued in await self._outbox.waiting(ChannelId(channel), WAITING_MAX):
                if isinstance(queued.item, Card):
                    found.add(str(queued.item.object_id))
        return found

    async def _state(self, burst_id: str, waiting: set[str]) -> str:
        name = ObjectId(f"changes:{burst_id}")
        if name in waiting:
            return "waiting"
        burst = await self._store.burst(burst_id)
        address = await self._outbox.address(name)
        if burst is None or address is None:
            return "missing"
        return "told" if address.shown_version >= burst.version else "missing"
