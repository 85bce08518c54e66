"""File changes in Redis: taken in once.

A batch is one script call (`changes.lua`), so that nothing is stored without being queued.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from defender.file_change_decode import FileChange
from feeds.bursts import Burst
from feeds.file_change_reads import READ_MAX, FileChangeReads, path_index
from feeds.file_change_records import Facts, Weighed, milliseconds
from feeds.scripts import Offset, no_offset, text

#: Rows of one script call: 6 ms, fsync included, in which Redis serves nobody else.
BATCH_MAX = 500
#: Changes are told from Redis for this long, then from Log Analytics alone.
RETENTION = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes of one burst on their way into the script."""

    id: str
    kind: str
    facts: Facts
    channel: str
    burst: Burst
    is_new: bool
    rows: tuple[Weighed, ...]


class FileChangeStore(FileChangeReads):
    """One workspace's (Slack's) file changes."""

    def __init__(
        self,
        redis: Redis,
        *,
        tag: str,
        offset: Offset = no_offset,
        retention: timedelta = RETENTION,
    ) -> None:
        super().__init__(redis, tag=tag, offset=offset)
        self.retention = retention

    async def unknown(self, changes: Iterable[FileChange]) -> list[FileChange]:
        """Those that are not stored yet, each once."""
        by_key = {change.key: change for change in changes}
        keys, found = list(by_key), []
        for start in range(0, len(keys), READ_MAX):
            part = keys[start : start + READ_MAX]
            pipe = self.redis.pipeline(transaction=False)
            for key in part:
                pipe.exists(self.key("change", key))
            found += [k for k, known in zip(part, await pipe.execute(), strict=True) if not known]
        return [by_key[key] for key in found]

    async def next_id(self, letter: str) -> str:
        """`F-12`: numbers are never used twice; one that is lost is a gap."""
        number = await cast(Any, self.redis.incr(self.key("changes:number", letter)))
        return f"{letter}-{int(number)}"

    async def take(self, batches: Sequence[Batch]) -> tuple[int, list[Batch]]:
        """Store them. How many rows were new, and the batches whose burst was closed meanwhile."""
        new, closed = 0, []
        for batch in batches:
            is_new = batch.is_new
            for start in range(0, max(1, len(batch.rows)), BATCH_MAX):
                part = _packed(batch, batch.rows[start : start + BATCH_MAX], is_new=is_new)
                kept = int(self.retention.total_seconds())
                [word] = await self.scripts.run("changes", [kept, [part]])
                if text(word) == "x":
                    closed.append(replace(batch, rows=batch.rows[start:]))
                    break
                new += text(word).count("n")
        return new, closed

    async def tell_silence(self, silence_id: str, facts: Facts, channel: str) -> None:
        """A card for a silence; it has no rows, that is its point."""
        body = msgspec.json.encode(facts).decode()
        await self.scripts.run("changes_card", [silence_id, "silent", body, channel, []])

    async def mark(self, burst_id: str, **fields: int) -> None:
        """Something was learnt that its card should say: written and queued at once."""
        pairs = [str(each) for pair in fields.items() for each in pair]
        await self.scripts.run("changes_card", [burst_id, "", "", "", pairs])


def _packed(batch: Batch, rows: Sequence[Weighed], *, is_new: bool) -> list[Any]:
    burst, facts = batch.burst, batch.facts
    return [
        batch.id,
        batch.kind,
        msgspec.json.encode(facts).decode(),
        batch.channel,
        milliseconds(burst.first_at),
        milliseconds(burst.last_at),
        burst.place,
        is_new,
        facts.machine,
        [_packed_row(row, burst) for row in rows],
    ]


def _packed_row(row: Weighed, burst: Burst) -> list[Any]:
    change = row.change
    at = min(change.changed_at or burst.last_at, burst.opened_at)
    return [
        change.key,
        msgspec.json.encode(change).decode(),
        milliseconds(at),
        row.danger.weight,
        row.kind.value,
        change.act,
        path_index(change.path),
        row.fate,
    ]
