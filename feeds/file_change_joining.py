"""Joins rows of two sources with what is stored, before they are counted as changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from defender.file_change_decode import MDE, FileChange
from feeds.file_change_reads import path_index
from feeds.file_change_records import milliseconds
from feeds.file_change_store import FileChangeStore
from feeds.file_change_twins import SCAN_EVERY, Pair, joined, pairs
from feeds.scripts import text

#: Paths of one read, and changes of one path that are compared.
PATHS_MAX = 200
CHANGES_MAX = 50


@dataclass(frozen=True, slots=True)
class Joined:
    """What is a change of its own, and what was joined to another."""

    own: tuple[FileChange, ...]
    #: (key of the row that is none of its own, the change that stands for both)
    twins: tuple[tuple[str, FileChange], ...] = ()


class Joining:
    """Reads before the changes are taken in, writes after it: repeating either does no harm."""

    def __init__(self, store: FileChangeStore) -> None:
        self._store = store

    async def look(self, fresh: Sequence[FileChange]) -> Joined:
        """Each fresh row joined to a fresh or a stored one that reports the same."""
        by_key = {change.key: change for change in fresh}
        stored = await self._stored([change for change in fresh if change.table == MDE])
        twins: list[tuple[str, FileChange]] = []
        for pair in pairs([*stored, *fresh]):
            later = _later(pair, by_key)
            if later is None:
                continue
            first = pair.sensor if later is pair.scan else pair.scan
            both = joined(pair, key=first.key)
            del by_key[later.key]
            if first.key in by_key:
                by_key[first.key] = both
            twins.append((later.key, both))
        return Joined(tuple(by_key.values()), tuple(twins))

    async def write(self, found: Joined) -> None:
        """After the changes of the same reading are stored."""
        if found.twins:
            bodies = [
                [key, change.key, msgspec.json.encode(change).decode()]
                for key, change in found.twins
            ]
            kept = int(self._store.retention.total_seconds())
            await self._store.scripts.run("changes_twin", [kept, bodies])

    async def _stored(self, fresh: Sequence[FileChange]) -> list[FileChange]:
        """What is known of the same paths from the last scan on."""
        times = [change.changed_at for change in fresh if change.changed_at is not None]
        if not times:
            return []
        since = milliseconds(min(times) - 2 * SCAN_EVERY)
        paths = list(dict.fromkeys(path_index(change.path) for change in fresh))
        keys: list[str] = []
        for start in range(0, len(paths), PATHS_MAX):
            pipe = self._store.redis.pipeline(transaction=False)
            for path in paths[start : start + PATHS_MAX]:
                name = self._store.key("changes:path", path)
                pipe.zrevrangebyscore(name, "+inf", since, 0, CHANGES_MAX)
            keys += [text(key) for found in cast(Any, await pipe.execute()) for key in found]
        stored: list[FileChange] = []
        for start in range(0, len(keys), PATHS_MAX):
            part = await self._store.changes(keys[start : start + PATHS_MAX])
            stored += [row.change for row in part]
        return stored


def _later(pair: Pair, fresh: dict[str, FileChange]) -> FileChange | None:
    """The row that is none of its own: of two fresh ones the scan's; None where both are stored."""
    if pair.scan.key in fresh:
        return pair.scan
    return pair.sensor if pair.sensor.key in fresh else None
