"""A storm: more alerts than a channel can read one by one, counted in one card that is edited.

Details go into its thread, packed into few messages, the worst first; a file with every line ends
it. Texts and blocks come from who draws (`Details`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from defender.alert import Alert
from delivery.outbox import ChannelId, ObjectId
from feeds.reading import READ_MAX, AlertReads, Stored, instant
from feeds.scripts import text

Block = dict[str, Any]

#: Member of a storm: severity, machine, key, so that they sort by what is told first.
_SEPARATOR = "\n"

_FIRST = msgspec.msgpack.Decoder(list[str])
_STORM = msgspec.msgpack.Decoder(tuple[list[str], list[str], int])


@dataclass(frozen=True, slots=True)
class Detail:
    """One message for the thread. It holds the next `holds` of the alerts that were given."""

    text: str
    blocks: list[Block]
    holds: int


#: Packs alerts for a channel, in their order, into messages of at most 9,000 characters.
Details = Callable[[ChannelId, Sequence[Alert]], Sequence[Detail]]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a storm begins and ends, and how often its card is edited."""

    #: more than this many alerts waiting for one channel are a storm
    over: int = 5
    #: it ends after a window in which no more than that came
    window: timedelta = timedelta(seconds=60)
    #: `chat.update` takes 50 a minute, which all cards of a process share
    refresh: timedelta = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Storm:
    """What its card shows."""

    id: str
    channel: ChannelId
    version: int
    opened_at: datetime
    last_at: datetime
    over_at: datetime | None
    total: int
    #: alerts whose detail line is still to come
    waiting: int
    #: messages of its thread so far
    lines: int
    #: rank (0 for High) to number
    by_rank: Counter[int]
    #: (machine, rank) to number
    by_machine: Counter[tuple[str, int]]
    #: title to number
    by_kind: Counter[str]

    @property
    def object_id(self) -> ObjectId:
        return ObjectId(f"storm:{self.id}")

    def machines(self) -> list[str]:
        """Those with the worst and most alerts first."""
        worst: dict[str, list[int]] = {}
        for (machine, rank), n in self.by_machine.items():
            counts = worst.setdefault(machine, [0] * 10)
            counts[min(rank, 9)] += n
        return sorted(worst, key=lambda machine: [-n for n in worst[machine]])


class Storms(AlertReads):
    """Storms as they are known."""

    async def storm(self, storm_id: str) -> Storm | None:
        row, counts, waiting = _STORM.decode(await self.scripts.run("storm", [storm_id]))
        return _storm(storm_id, _pairs(row), _pairs(counts), waiting) if row else None

    async def current(self, channel: ChannelId) -> str | None:
        """The storm of a channel that is not over."""
        found = await self._redis.get(self.scripts.key("storm-of", channel))
        return None if found is None else text(found)

    async def members(self, storm_id: str, *, machine: str = "", rank: int = 9) -> list[str]:
        """Keys of its alerts, the worst first: of one machine, or at least that urgent."""
        rows: set[str] = set()
        async for part in self.in_parts("storm", storm_id, "members"):
            rows.update(part)
        found = [row.split(_SEPARATOR, 2) for row in sorted(rows)]
        return [
            key for severity, name, key in found if int(severity) <= rank and machine in ("", name)
        ]

    async def each(self, storm_id: str) -> AsyncIterator[Stored]:
        """Its alerts, the worst first, read in portions: ten thousand at once are 80 MB."""
        keys = await self.members(storm_id)
        for start in range(0, len(keys), READ_MAX):
            for stored in await self.many(keys[start : start + READ_MAX]):
                yield stored

    async def waiting(self, storm_id: str, limit: int) -> list[tuple[str, str]]:
        """Members without a line and their keys, the worst first."""
        rows = _FIRST.decode(await self.scripts.run("first", [f"storm:{storm_id}:waiting", limit]))
        return [(row, row.split(_SEPARATOR, 2)[2]) for row in rows]


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _storm(storm_id: str, row: dict[str, str], counts: dict[str, str], waiting: int) -> Storm:
    by_rank, by_kind = Counter[int](), Counter[str]()
    by_machine = Counter[tuple[str, int]]()
    for field, number in counts.items():
        kind, _, name = field.partition(_SEPARATOR)
        match kind:
            case "rank":
                by_rank[int(name)] = int(number)
            case "machine":
                rank, _, machine = name.partition(_SEPARATOR)
                by_machine[machine, int(rank)] = int(number)
            case _:
                by_kind[name] = int(number)
    over_at = row.get("over_at")
    return Storm(
        id=storm_id,
        channel=ChannelId(row["channel"]),
        version=int(row["version"]),
        opened_at=instant(row["opened_at"]),
        last_at=instant(row["last_at"]),
        over_at=None if over_at is None else instant(over_at),
        total=int(row["total"]),
        waiting=waiting,
        lines=int(row["lines"]),
        by_rank=by_rank,
        by_machine=by_machine,
        by_kind=by_kind,
    )
