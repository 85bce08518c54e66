"""Alerts as they are known, read back from Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import msgspec
from redis.asyncio import Redis

from defender.alert import Alert
from delivery.outbox import ChannelId, ObjectId
from feeds.scripts import Offset, Scripts, no_offset, text

#: Alerts that are asked for at once.
READ_MAX = 200
#: Bodies of one answer, between two looks at other work: 2 ms.
BREATH = 50
#: Small facts of one read.
FACTS_MAX = 500
#: How many of the newest alerts a search reads, and how many between two looks at other work.
SEARCH_MAX = 5_000
SEARCH_AT_ONCE = 50

#: What `_stored` is made of, in this order.
FIELDS = ("body", "version", "channel", "route", "fate", "first_at", "changed_at")

_ALERT = msgspec.json.Decoder(Alert)
_ROWS = msgspec.msgpack.Decoder(list[list[str | Literal[False]]])
_PART = msgspec.msgpack.Decoder(tuple[str, list[str]])


@dataclass(frozen=True, slots=True)
class Stored:
    """An alert as it is known. `version` counts its changes, `fate` says where it is told."""

    alert: Alert
    version: int
    channel: ChannelId
    route: str
    fate: str
    first_at: datetime
    changed_at: datetime

    @property
    def object_id(self) -> ObjectId:
        """Its card."""
        return ObjectId(f"alert:{self.alert.key}")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found, the newest first."""

    stored: tuple[Stored, ...]
    #: older ones hold the words, too
    has_more: bool = False
    #: there are alerts that were not read
    is_cut: bool = False


class AlertReads:
    """One workspace's alerts, to be looked at."""

    def __init__(self, redis: Redis, *, tag: str, offset: Offset = no_offset) -> None:
        self._redis = redis
        self.scripts = Scripts(redis, tag=tag, offset=offset)

    async def alert(self, key: str) -> Stored | None:
        found = await self.many([key])
        return found[0] if found else None

    async def many(self, keys: Sequence[str]) -> list[Stored]:
        """Those that are known, in the order of `keys`."""
        return [_stored(row) async for row in self._rows(FIELDS, keys)]

    async def alerts(self, keys: Sequence[str]) -> list[Alert]:
        """The same without what became of them: half as much to read."""
        return [_ALERT.decode(body) async for (body,) in self._rows(("body",), keys)]

    async def open(self, *, limit: int = 1_000) -> list[Stored]:
        """Active and in progress, the most urgent first, then the newest."""
        keys = await self._newest(self.scripts.key("alerts:open"), limit)
        return sorted(await self.many(keys), key=lambda stored: stored.alert.rank)

    async def open_count(self) -> int:
        return int(await self._redis.zcard(self.scripts.key("alerts:open")))

    async def of_machine(self, machine: str, *, limit: int = 200) -> list[Stored]:
        """By resource id, or by name where there is none; the newest first."""
        return await self.many(
            await self._newest(self.scripts.key("alerts:machine", machine.casefold()), limit)
        )

    async def between(self, since: datetime, until: datetime) -> list[Stored]:
        """By the moment of their generation, the oldest first."""
        low, high = milliseconds(since), milliseconds(until)
        name = self.scripts.key("alerts")
        keys = cast(Any, await self._redis.zrangebyscore(name, low, high))
        return await self.many([text(key) for key in keys])

    async def severities(self, since: datetime) -> list[tuple[datetime, int]]:
        """When each was generated, and its rank: for counting, without reading the alerts."""
        name, low = self.scripts.key("alerts"), milliseconds(since)
        rows = cast(Any, await self._redis.zrangebyscore(name, low, "+inf", withscores=True))
        found = []
        for start in range(0, len(rows), FACTS_MAX):
            part = rows[start : start + FACTS_MAX]
            pipe = self._redis.pipeline(transaction=False)
            for key, _ in part:
                pipe.hget(self.scripts.key("alert", text(key)), "rank")
            for (_, at), rank in zip(part, await pipe.execute(), strict=True):
                if rank is not None:
                    found.append((instant(at), int(rank)))
            await asyncio.sleep(0)
        return found

    async def search(self, words: str, *, limit: int = 50) -> Found:
        """The newest whose title, machine, kind, description or entities hold every word."""
        wanted = words.casefold().split()
        found: list[Stored] = []
        async for stored in self.newest(limit=SEARCH_MAX, at_once=SEARCH_AT_ONCE):
            said = _searched(stored.alert)
            if all(word in said for word in wanted):
                found.append(stored)
                if len(found) > limit:
                    return Found(tuple(found[:limit]), has_more=True)
        known = int(await self._redis.zcard(self.scripts.key("alerts")))
        return Found(tuple(found), is_cut=known > SEARCH_MAX)

    async def newest(
        self, *, limit: int = SEARCH_MAX, at_once: int = READ_MAX
    ) -> AsyncIterator[Stored]:
        """One after the other, read in portions."""
        keys = await self._newest(self.scripts.key("alerts"), limit)
        for start in range(0, len(keys), at_once):
            for stored in await self.many(keys[start : start + at_once]):
                yield stored

    async def counters(self) -> dict[str, int]:
        """ingested, changed, muted, held, …: since the workspace began."""
        found = await cast(Any, self._redis.hgetall(self.scripts.key("counters:feeds")))
        return {text(name): int(n) for name, n in found.items()}

    async def count(self, name: str, n: int = 1) -> None:
        """Something that the scripts don't see: `bad` pages, `skipped` payloads."""
        await cast(Any, self._redis.hincrby(self.scripts.key("counters:feeds"), name, n))

    async def in_parts(self, *parts: str) -> AsyncIterator[list[str]]:
        """A sorted set in portions and in no order; what moves meanwhile may come twice."""
        cursor = "0"
        while True:
            given = [":".join(parts), cursor, FACTS_MAX]
            cursor, members = _PART.decode(await self.scripts.run("members", given))
            yield members
            if cursor == "0":
                return
            await asyncio.sleep(0)

    async def _rows(self, fields: Sequence[str], keys: Sequence[str]) -> AsyncIterator[list[str]]:
        """The fields of those that are known, the first of which each has."""
        for start in range(0, len(keys), BREATH):
            given = [fields, keys[start : start + BREATH]]
            for row in _ROWS.decode(await self.scripts.run("rows", given)):
                if row[0] is not False:
                    yield cast(list[str], row)
            await asyncio.sleep(0)

    async def _newest(self, key: str, limit: int) -> list[str]:
        members = cast(Any, await self._redis.zrevrange(key, 0, limit - 1))
        return [text(member) for member in members]


def _searched(alert: Alert) -> str:
    said = [alert.key, alert.title, alert.alert_type, alert.machine, alert.description]
    said += [word for entity in alert.entities for word in (entity.name, *entity.facts.values())]
    return "\n".join(said).casefold()


def _stored(row: Sequence[str]) -> Stored:
    body, version, channel, route, fate, first_at, changed_at = row
    return Stored(
        alert=_ALERT.decode(body),
        version=int(version),
        channel=ChannelId(channel),
        route=route,
        fate=fate,
        first_at=instant(first_at),
        changed_at=instant(changed_at),
    )


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def instant(milliseconds: str | bytes | float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=float(milliseconds))
