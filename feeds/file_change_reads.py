"""File changes in Redis, read back: by burst, by machine, by path; windows and muted paths."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from approvals.scope import fold
from defender.file_change_decode import FileChange
from feeds.bursts import Burst
from feeds.danger import Kind, comparable, danger_of, kind_of
from feeds.file_change_records import (
    Facts,
    MachineCount,
    StoredBurst,
    Weighed,
    instant,
    milliseconds,
)
from feeds.scripts import Offset, Scripts, no_offset, text
from feeds.windows import ChangeWindow, PathMute

#: Rows that a card, a list or a search reads.
READ_MAX = 500
#: Bursts of one machine that a list looks at.
BURSTS_MAX = 20
#: A card of a window names its reason for so long.
WINDOW_MEMORY = timedelta(days=30)
#: Bursts that a new change may still join are this recent.
OPEN_FOR = timedelta(minutes=15)

_CHANGE = msgspec.json.Decoder(FileChange)
_FACTS = msgspec.json.Decoder(Facts)
_WINDOW = msgspec.json.Decoder(ChangeWindow)
_MUTE = msgspec.json.Decoder(PathMute)


class FileChangeReads:
    """One workspace's (Slack's) file changes, to be looked at."""

    def __init__(self, redis: Redis, *, tag: str, offset: Offset = no_offset) -> None:
        self.redis = redis
        self.scripts = Scripts(redis, tag=tag, offset=offset)

    def key(self, *parts: str) -> str:
        return self.scripts.key(*parts)

    async def now(self) -> datetime:
        return instant(await self.scripts.now_ms())

    async def open_bursts(self, places: Iterable[str]) -> list[Burst]:
        """Bursts of these machines that a change may still join."""
        now = await self.scripts.now_ms()
        low = now - int(OPEN_FOR.total_seconds() * 1000)
        found = []
        for place in set(places):
            key = self.key("changes:bursts", place)
            ids = cast(Any, await self.redis.zrangebyscore(key, low, "+inf"))
            bursts = await self.bursts([text(each) for each in ids])
            found += [b.burst(place) for b in bursts if b.kind in ("burst", "flood")]
        return found

    # --- bursts ---

    async def burst(self, burst_id: str) -> StoredBurst | None:
        found = await self.bursts([burst_id])
        return found[0] if found else None

    async def bursts(self, ids: Sequence[str]) -> list[StoredBurst]:
        """Those that are known, in the order of `ids`."""
        pipe = self.redis.pipeline(transaction=False)
        for each in ids:
            pipe.hgetall(self.key("changes", each))
            pipe.scard(self.key("changes", each, "machines"))
        rows = await pipe.execute() if ids else []
        return [
            _burst(each, rows[2 * place], int(rows[2 * place + 1]))
            for place, each in enumerate(ids)
            if rows[2 * place]
        ]

    async def rows(self, burst_id: str, *, first: int = 0, count: int = READ_MAX) -> list[Weighed]:
        """The changes of a burst, the most dangerous first, then the oldest."""
        key = self.key("changes", burst_id, "rows")
        keys = cast(Any, await self.redis.zrange(key, first, first + count - 1))
        return await self.changes([text(each) for each in keys])

    async def changes(self, keys: Sequence[str]) -> list[Weighed]:
        pipe = self.redis.pipeline(transaction=False)
        for key in keys:
            pipe.hmget(self.key("change", key), ["body", "fate", "weight"])
        rows = await pipe.execute() if keys else []
        return [_weighed(*row) for row in rows if row[0] is not None]

    async def newest_bursts(self, place: str, count: int = 20) -> list[StoredBurst]:
        key = self.key("changes:bursts", place)
        ids = cast(Any, await self.redis.zrevrange(key, 0, count - 1))
        return await self.bursts([text(each) for each in ids])

    # --- lists ---

    async def places(self) -> dict[str, Facts]:
        """Every machine with a change that is kept, by how it is compared."""
        found = cast(Any, await cast(Any, self.redis.hgetall(self.key("changes:names"))))
        return {text(place): _FACTS.decode(facts) for place, facts in found.items()}

    async def named(self, name: str) -> list[str]:
        """Places whose machine bears this name, as people type it (C124)."""
        wanted = fold(name)
        return [
            place
            for place, facts in (await self.places()).items()
            if wanted in (fold(facts.machine), fold(place), fold(facts.machine.partition(".")[0]))
        ]

    async def of_machine(self, place: str, since: datetime, limit: int = READ_MAX) -> list[Weighed]:
        """The newest first."""
        return await self._since(self.key("changes:machine", place), since, limit)

    async def between(
        self, resource_id: str, machine: str, since: datetime, until: datetime
    ) -> list[Weighed]:
        """A machine's changes in these hours, the oldest first; known by its id or by its name."""
        found: dict[str, tuple[datetime, Weighed]] = {}
        for place in dict.fromkeys(p.casefold() for p in (resource_id, machine) if p):
            for row in await self.of_machine(place, since):
                at = row.change.changed_at or row.change.seen_at
                if at is not None and since <= at <= until:
                    found[row.change.key] = at, row
        return [row for _, row in sorted(found.values(), key=lambda pair: pair[0])]

    async def of_path(self, path: str, since: datetime, limit: int = READ_MAX) -> list[Weighed]:
        """On every machine, the newest first; composed and decomposed spellings are one path."""
        return await self._since(self.key("changes:path", path_index(path)), since, limit)

    async def _since(self, key: str, since: datetime, limit: int) -> list[Weighed]:
        low = milliseconds(since)
        keys = cast(Any, await self.redis.zrevrangebyscore(key, "+inf", low, 0, limit))
        return await self.changes([text(each) for each in keys])

    async def counts(self, since: datetime) -> list[MachineCount]:
        """Machines with changes since then, most first."""
        low = milliseconds(since)
        key = self.key("changes:machines")
        rows = cast(Any, await self.redis.zrangebyscore(key, low, "+inf", withscores=True))
        names = await self.places()
        pipe = self.redis.pipeline(transaction=False)
        for raw, _ in rows:
            pipe.zcount(self.key("changes:machine", text(raw)), low, "+inf")
            pipe.zrevrange(self.key("changes:bursts", text(raw)), 0, BURSTS_MAX - 1)
        answers = await pipe.execute() if rows else []
        ids = {text(each) for found in answers[1::2] for each in found}
        bursts = {burst.id: burst for burst in await self.bursts(sorted(ids))}
        found = []
        for (raw, latest), count, of_place in zip(rows, answers[::2], answers[1::2], strict=True):
            place = text(raw)
            own = [bursts[text(each)] for each in of_place if text(each) in bursts]
            recent = [burst for burst in own if burst.last_at >= since]
            found.append(
                MachineCount(
                    place,
                    names[place].machine or place if place in names else place,
                    int(count),
                    sum(burst.dangerous for burst in recent if burst.kind != "window"),
                    instant(latest),
                    recent[0].id if recent else "",
                )
            )
        return sorted(found, key=lambda row: (-row.count, row.machine))

    # --- what people said beforehand ---

    async def put_window(self, window: ChangeWindow) -> None:
        """Windows that no late row can meet any more make room; the audit log keeps them."""
        key, body = self.key("changes:windows"), msgspec.json.encode(window)
        await cast(Any, self.redis.hset(key, window.id, body))
        for old in await self.windows():
            if old.ends_at < window.opened_at - WINDOW_MEMORY:
                await cast(Any, self.redis.hdel(key, old.id))

    async def windows(self) -> list[ChangeWindow]:
        found = cast(Any, await cast(Any, self.redis.hvals(self.key("changes:windows"))))
        return sorted((_WINDOW.decode(each) for each in found), key=lambda each: each.until)

    async def window(self, window_id: str) -> ChangeWindow | None:
        body = await cast(Any, self.redis.hget(self.key("changes:windows"), window_id))
        return None if body is None else _WINDOW.decode(body)

    async def put_mute(self, mute: PathMute) -> None:
        body = msgspec.json.encode(mute)
        await cast(Any, self.redis.hset(self.key("changes:mutes"), mute.id, body))

    async def mutes(self) -> list[PathMute]:
        found = cast(Any, await cast(Any, self.redis.hvals(self.key("changes:mutes"))))
        return [_MUTE.decode(each) for each in found]


def path_index(path: str) -> str:
    """Composed, without case, at a length that a key may have; the path itself keeps its bytes."""
    folded = comparable(path).casefold().encode("utf-8", "surrogatepass")
    return hashlib.sha256(folded).hexdigest()[:24]


def _weighed(body: bytes, fate: bytes, weight: bytes) -> Weighed:
    change = _CHANGE.decode(body)
    heavy = int(weight or 0)
    danger = danger_of(change, lambda path: heavy)
    return Weighed(change, danger, kind_of(change, danger), text(fate or b""))


def _burst(burst_id: str, row: dict[bytes, bytes], machines: int) -> StoredBurst:
    named = {text(name): value for name, value in row.items()}
    whats = {k.partition(":")[2]: int(v) for k, v in named.items() if k.startswith("what:")}
    back, quiet = named.get("back"), named.get("quiet")
    return StoredBurst(
        id=burst_id,
        kind=text(named.get("kind", b"burst")),
        facts=_FACTS.decode(named.get("facts", b"{}")),
        channel=text(named.get("channel", b"")),
        version=int(named.get("version", 0)),
        count=int(named.get("n", 0)),
        dangerous=int(named.get("dangerous", 0)),
        first_at=instant(named.get("first", b"0")),
        last_at=instant(named.get("last", b"0")),
        opened_at=instant(named.get("opened", b"0")),
        kinds={Kind(k): n for k, n in whats.items() if k in set(Kind)},
        acts={k.partition(":")[2]: int(v) for k, v in named.items() if k.startswith("act:")},
        machines=machines,
        back_at=instant(back) if back else None,
        quiet_until=instant(quiet) if quiet else None,
    )
