"""Proves that nothing is lost: ingested = told + waiting + muted. What is missing is named.

Alerts move one way (feed, storm or held, outbox, told) while this reads. The places are read in
that order, so an alert on its way is seen at least once; what looks missing is looked at again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from delivery.outbox import Card, ChannelId, Item, Outbox
from feeds.reading import AlertReads
from feeds.scripts import text

#: Entries of one read, between which other work gets its turn.
PORTION = 100
#: So often something must be missing to be called so.
LOOKS = 3
LOOK_AGAIN_SECONDS = 0.2

_LINES = re.compile(r"(storm:[^:]+|digest:[^:]+:[^:]+):(\d+):(\d+)")
_ITEM = msgspec.json.Decoder(Item)


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

    async def run(self) -> FeedsReport:
        """The report, by up to three looks."""
        counters = await self._store.counters()
        ingested = counters.get("ingested", 0) - counters.get("retired", 0)
        rows = cast(Any, await self._redis.zrange(self._scripts.key("alerts"), 0, -1))
        keys = [text(row) for row in rows]
        found = await self._look(keys)
        for _ in range(LOOKS - 1):
            missing = [key for key in keys if found[key] == "missing"]
            if not missing:
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            found |= await self._look(missing)
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

    async def _look(self, keys: Sequence[str]) -> dict[str, str]:
        seen = _Seen()
        await self._feeds(seen)
        await self._counted(seen)
        await self._outboxes(seen)
        found: dict[str, str] = {}
        receipts = _Receipts(self._outbox, seen)
        for start in range(0, len(keys), PORTION):
            part = keys[start : start + PORTION]
            pipe = self._redis.pipeline(transaction=False)
            for key in part:
                pipe.hget(self._scripts.key("alert", key), "fate")
                pipe.exists(self._scripts.key("address", f"alert:{key}"))
            answers = await pipe.execute()
            fates = [None if fate is None else text(fate) for fate in answers[::2]]
            await receipts.read(fate for fate in fates if fate is not None)
            for key, fate, is_shown in zip(part, fates, answers[1::2], strict=True):
                found[key] = _state(key, fate, seen, receipts, is_shown=bool(is_shown))
            await asyncio.sleep(0)
        return found

    # --- what waits, in the order in which alerts move ---

    async def _feeds(self, seen: _Seen) -> None:
        for channel in await self._members("feeds"):
            async for fields in self._entries("feed", channel):
                seen.alerts.add(text(fields[b"alert"]))

    async def _counted(self, seen: _Seen) -> None:
        """In storms without a line yet, and held back for the morning."""
        for channel in await self._members("helds"):
            key = self._scripts.key("held", channel)
            rows = cast(Any, await self._redis.zrange(key, 0, -1))
            seen.alerts |= {text(row) for row in rows}
        storms = cast(Any, await self._redis.zrange(self._scripts.key("storms"), 0, -1))
        for storm in storms:
            key = self._scripts.key("storm", text(storm), "waiting")
            rows = cast(Any, await self._redis.zrange(key, 0, -1))
            seen.alerts |= {text(row).split("\n", 2)[-1] for row in rows}

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
            rows = cast(Any, await self._redis.xrange(key, min=start, count=PORTION))
            for _, fields in rows:
                yield fields
            if len(rows) < PORTION:
                return
            start = f"({text(rows[-1][0])}"


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
