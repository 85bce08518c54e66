"""Proves that nothing is lost: ingested = told + waiting + muted. What is missing is named.

Alerts move one way (feed, storm or held, outbox, told) while this reads. The places are read in
that order, so an alert on its way is seen at least once; what looks missing is looked at again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, cast

import msgspec

from delivery.outbox import Card, ChannelId, Item, Outbox
from feeds.reading import AlertReads
from feeds.scripts import text

#: Entries of one read, between which other work gets its turn: 2 ms.
PORTION = 100
#: A stream's entries are read field by field.
ENTRIES_MAX = 50
#: So often something must be missing to be called so.
LOOKS = 3
LOOK_AGAIN_SECONDS = 0.2

_LINES = re.compile(r"(storm:[^:]+|digest:[^:]+:[^:]+):(\d+):(\d+)")
_ITEM = msgspec.json.Decoder(Item)
_FATES = msgspec.msgpack.Decoder(list[tuple[str | Literal[False], bool]])


@dataclass(frozen=True, slots=True)
class FeedsReport:
    """Alerts by what became of them; every alert that is known is in exactly one."""

    ingested: int
    told: int
    waiting: int
    muted: int
    #: neither told, waiting nor muted: their keys
    missing: tuple[str, ...] = ()
    #: counted when they came in, and not even known any more
    forgotten: int = 0
    #: messages that Slack will never take, set aside; what they hold is among the missing
    refused: int = 0

    @property
    def is_good(self) -> bool:
        return not self.missing and not self.forgotten


@dataclass(slots=True)
class _Seen:
    """What waits, and where."""

    alerts: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)


class Verify:
    """Looks at everything; writes nothing."""

    def __init__(self, store: AlertReads, outbox: Outbox) -> None:
        self._store = store
        self._scripts = store.scripts
        self._redis = store.scripts.redis
        self._outbox = outbox

    async def run(self, *, pause: timedelta = timedelta(0)) -> FeedsReport:
        """The report, by up to three looks. `pause` leaves others the time between two reads."""
        counters = await self._store.counters()
        ingested = counters.get("ingested", 0) - counters.get("retired", 0)
        known: dict[str, None] = {}
        async for part in self._store.in_parts("alerts"):
            known |= dict.fromkeys(part)
            await _rest(pause)
        keys = list(known)
        found = await self._look(keys, pause)
        for _ in range(LOOKS - 1):
            missing = [key for key in keys if found[key] == "missing"]
            if not missing:
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            found |= await self._look(missing, pause)
        said = list(found.values())
        return FeedsReport(
            ingested=max(ingested, len(keys)),
            told=said.count("told"),
            waiting=said.count("waiting"),
            muted=said.count("muted"),
            missing=tuple(key for key in keys if found[key] == "missing"),
            forgotten=max(0, ingested - len(keys)),
            refused=await self._outbox.set_aside_count(),
        )

    async def _look(self, keys: Sequence[str], pause: timedelta) -> dict[str, str]:
        seen = _Seen()
        await self._feeds(seen)
        await self._counted(seen)
        await self._outboxes(seen)
        found: dict[str, str] = {}
        receipts = _Receipts(self._outbox, seen)
        for start in range(0, len(keys), PORTION):
            part = keys[start : start + PORTION]
            fates = _FATES.decode(await self._scripts.run("fates", part))
            await receipts.read(fate for fate, _ in fates if fate)
            for key, (fate, is_shown) in zip(part, fates, strict=True):
                found[key] = _state(key, fate or None, seen, receipts, is_shown=is_shown)
            await _rest(pause)
        return found

    # --- what waits, in the order in which alerts move ---

    async def _feeds(self, seen: _Seen) -> None:
        for channel in await self._members("feeds"):
            async for fields in self._entries("feed", channel):
                seen.alerts.add(text(fields[b"alert"]))

    async def _counted(self, seen: _Seen) -> None:
        """In storms without a line yet, and held back for the morning."""
        for channel in await self._members("helds"):
            async for part in self._store.in_parts("held", channel):
                seen.alerts.update(part)
        storms = cast(Any, await self._redis.zrange(self._scripts.key("storms"), 0, -1))
        for storm in storms:
            async for part in self._store.in_parts("storm", text(storm), "waiting"):
                seen.alerts.update(member.split("\n", 2)[-1] for member in part)

    async def _outboxes(self, seen: _Seen) -> None:
        for channel in await self._members("outboxes"):
            async for fields in self._entries("outbox", channel):
                item = _ITEM.decode(fields[b"item"])
                if isinstance(item, Card):
                    seen.objects.add(item.object_id)
                else:
                    seen.lines.add(item.key)

    async def _members(self, name: str) -> list[ChannelId]:
        members = cast(Any, await self._redis.smembers(self._scripts.key(name)))
        return sorted(ChannelId(text(member)) for member in members)

    async def _entries(self, kind: str, channel: ChannelId) -> Any:
        """The fields of a stream's entries, in portions."""
        start = "-"
        while True:
            key = self._scripts.key(kind, channel)
            rows = cast(Any, await self._redis.xrange(key, min=start, count=ENTRIES_MAX))
            for _, fields in rows:
                yield fields
            if len(rows) < ENTRIES_MAX:
                return
            await asyncio.sleep(0)
            start = f"({text(rows[-1][0])}"


async def _rest(pause: timedelta) -> None:
    await asyncio.sleep(pause.total_seconds())


class _Receipts:
    """Which lines were told; each is asked for once."""

    def __init__(self, outbox: Outbox, seen: _Seen) -> None:
        self._outbox = outbox
        self._seen = seen
        self._asked: set[str] = set()
        self._told: set[str] = set()

    async def read(self, fates: Iterable[str]) -> None:
        wanted = {key for fate in set(fates) for key in lines_of(fate)} - self._asked
        self._asked |= wanted
        self._told |= await self._outbox.receipts(sorted(wanted))

    def state(self, fate: str) -> str:
        lines = lines_of(fate)
        if not lines or not all(key in self._told or key in self._seen.lines for key in lines):
            return "missing"
        return "told" if all(key in self._told for key in lines) else "waiting"


def lines_of(fate: str) -> list[str]:
    """Keys of the lines that tell an alert of this fate; none where it has a card of its own."""
    found = _LINES.fullmatch(fate)
    if found is None:
        return []
    name, first, last = found.groups()
    between = "line:" if name.startswith("storm:") else ""
    return [f"{name}:{between}{n}" for n in range(int(first), int(last) + 1)]


def _state(key: str, fate: str | None, seen: _Seen, receipts: _Receipts, *, is_shown: bool) -> str:
    if fate is None:
        return "missing"
    if is_shown:
        return "told"
    if key in seen.alerts or f"alert:{key}" in seen.objects:
        return "waiting"
    if fate.startswith("muted:"):
        return "muted"
    return receipts.state(fate)
