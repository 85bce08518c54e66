"""Which changes are told together: by machine and burst. Pure.

A burst is over when it was quiet for two minutes, or after ten at most, counted in the changes' own
time; nothing joins it later than ten minutes after its card was first shown. Many bursts at once
from one machine are what it kept while it was off or slow: one digest (C087).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from defender.file_change_decode import FileChange

QUIET: Final = timedelta(minutes=2)
LONGEST: Final = timedelta(minutes=10)
#: More new bursts of one machine in one reading are one digest.
FLOOD_BURSTS: Final = 3
#: A change that is so much older than now came late; the card says both times.
LATE_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Burst:
    """One card's worth. `id` is "" until it is stored; times are the changes' own."""

    id: str
    place: str
    first_at: datetime
    last_at: datetime
    #: when its first row reached us.
    opened_at: datetime
    is_flood: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Changes of one reading that belong to one burst, as it is with them."""

    burst: Burst
    changes: tuple[FileChange, ...]


def group(
    changes: Iterable[FileChange],
    open_bursts: Sequence[Burst],
    *,
    now: datetime,
    quiet: timedelta = QUIET,
    longest: timedelta = LONGEST,
) -> list[Part]:
    """Every change in one part; what can't join an open burst begins one."""
    by_place: dict[str, list[FileChange]] = {}
    for change in changes:
        by_place.setdefault(change.place, []).append(change)
    parts: list[Part] = []
    for place, rows in by_place.items():
        known = [b for b in open_bursts if b.place == place and now - b.opened_at <= longest]
        parts += _of_machine(place, rows, known, now, (quiet, longest))
    return parts


def time_of(change: FileChange, now: datetime) -> datetime:
    """When it happened; a row from the future (a wrong clock) happened now."""
    return min(change.changed_at or change.seen_at or now, now)


def is_late(burst: Burst) -> bool:
    return burst.opened_at - burst.last_at >= LATE_AFTER


Limits = tuple[timedelta, timedelta]


def _of_machine(
    place: str, rows: list[FileChange], known: list[Burst], now: datetime, limits: Limits
) -> list[Part]:
    parts: list[Part] = []
    for change in sorted(rows, key=lambda row: (time_of(row, now), row.key)):
        at = time_of(change, now)
        joined = _join(parts, known, at, now, limits)
        if joined is None:
            fresh = Burst("", place, at, at, now)
            parts.append(Part(fresh, (change,)))
        else:
            burst = joined.burst
            first, last = min(burst.first_at, at), max(burst.last_at, at)
            burst = replace(burst, first_at=first, last_at=last)
            parts[parts.index(joined)] = Part(burst, (*joined.changes, change))
    fresh_parts = [part for part in parts if not part.burst.id]
    if len(fresh_parts) <= FLOOD_BURSTS:
        return [part for part in parts if part.changes]
    return [*(p for p in parts if p.burst.id and p.changes), _flood(place, fresh_parts, now)]


def _join(
    parts: list[Part], known: list[Burst], at: datetime, now: datetime, limits: Limits
) -> Part | None:
    """The part that a change of `at` belongs to; an open burst becomes a part when it is joined."""
    for part in reversed(parts):
        if _fits(part.burst, at, now, limits):
            return part
    for burst in known:
        if _fits(burst, at, now, limits) and not any(p.burst.id == burst.id for p in parts):
            part = Part(burst, ())
            parts.append(part)
            return part
    return None


def _fits(burst: Burst, at: datetime, now: datetime, limits: Limits) -> bool:
    quiet, longest = limits
    if burst.is_flood:
        return now - at >= LATE_AFTER or burst.first_at <= at <= burst.last_at
    is_near = burst.first_at - quiet <= at <= burst.last_at + quiet
    return is_near and max(burst.last_at, at) - min(burst.first_at, at) <= longest


def _flood(place: str, parts: list[Part], now: datetime) -> Part:
    changes = tuple(change for part in parts for change in part.changes)
    first = min(part.burst.first_at for part in parts)
    last = max(part.burst.last_at for part in parts)
    return Part(Burst("", place, first, last, now, is_flood=True), changes)
