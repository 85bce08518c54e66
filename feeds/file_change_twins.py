"""One change that Defender reports twice: by its sensor at once, by the agentless scan hours later.

No column tells the two sources apart; a row of the scan names no process and no account. Only what
is the same beyond doubt is joined: a change too many on a card is a question, one too few a hole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from defender.file_change_decode import MDE, FileChange

#: The scan runs once a day; an hour for its own length.
SCAN_EVERY = timedelta(hours=25)
#: Two clocks, and a row that names the scan's begin.
SKEW = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Pair:
    """What the sensor and the scan said of one change."""

    sensor: FileChange
    scan: FileChange


def is_of_scan(change: FileChange) -> bool:
    """Whether the row names nobody who did it, as the scan can't."""
    did = change.process or change.process_id or change.account or change.remote
    return change.table == MDE and not did and not change.twin


def pairs(changes: Iterable[FileChange]) -> list[Pair]:
    """Those that are one change, in whatever order they came. Pure."""
    of_path: dict[tuple[str, str, str], list[FileChange]] = defaultdict(list)
    for change in changes:
        if change.table == MDE and change.place and change.changed_at is not None:
            of_path[change.place, change.what, change.path].append(change)
    return [pair for rows in of_path.values() for pair in _pairs(rows)]


def _pairs(rows: Sequence[FileChange]) -> list[Pair]:
    scans = sorted((row for row in rows if is_of_scan(row)), key=_at)
    sensors = sorted((row for row in rows if not is_of_scan(row)), key=_at)
    found: list[Pair] = []
    joined: set[str] = set()
    for scan in scans:
        earlier = [row for row in sensors if _at(row) <= _at(scan) + SKEW]
        # the scan sees what the last change left; was it another one, there is a change between
        last = earlier[-1] if earlier else None
        if last is None or last.key in joined or last.twin not in ("", scan.key):
            continue
        if _at(scan) - _at(last) <= SCAN_EVERY and is_same(last, scan):
            joined.add(last.key)
            found.append(Pair(last, scan))
    return found


def is_same(sensor: FileChange, scan: FileChange) -> bool:
    """The same act with the same outcome; what neither of them names proves nothing."""
    if sensor.act != scan.act or sensor.old_path != scan.old_path:
        return False
    if sensor.new_hash and scan.new_hash:
        return sensor.new_hash.casefold() == scan.new_hash.casefold()
    if sensor.what == "registry":
        return bool(scan.new_value) and sensor.new_value == scan.new_value
    return scan.new_size is not None and sensor.new_size == scan.new_size


def joined(pair: Pair, *, key: str) -> FileChange:
    """Both in one, under the key of the row that came first; the sensor knows who and when."""
    other = pair.scan.key if key == pair.sensor.key else pair.sensor.key
    return msgspec.structs.replace(pair.sensor, key=key, twin=other)


def _at(change: FileChange) -> datetime:
    assert change.changed_at is not None  # those without a time are left out above
    return change.changed_at
