"""Asking a Log Analytics workspace for file changes: which table it has, what is new, what is cut.

Every query is a text of ours with instants put in: nothing foreign ever gets into one. A missing
table is a 400 and not a failure; it is how the generation is found.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

import msgspec

from defender.clients import AzureClients
from defender.decode import instant_of
from defender.errors import AzureRefused
from defender.file_change_decode import MDE, TRACKING, FileChange, decode_change
from defender.file_change_queries import ROWS_MAX, heartbeat_text, last_rows_text, query_text
from defender.file_change_rows import Rows, rows_of
from defender.settings import Service

__all__ = [
    "ROWS_MAX",
    "ChangeBatch",
    "FileIntegrityGateway",
    "LastRow",
    "is_semantic",
    "query_text",
]

log = logging.getLogger(__name__)

TABLES: Final = (MDE, TRACKING)

#: A window that is too full is halved down to this; what is still too much is told as cut.
SLICE_MIN = timedelta(seconds=1)
#: Queries of one reading.
QUERIES_MAX = 60
#: An answer that stays partial however short its window is not asked for again and again.
PARTIAL_HALVINGS = 3
_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
QUERY_DEADLINE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """What a window holds. `complete_to` is how far it was read: the watermark's next place."""

    rows: tuple[FileChange, ...]
    complete_to: datetime
    #: Azure's words for an answer that was only partial, "" otherwise.
    partial: str = ""
    bad: int = 0
    last_seen_at: datetime | None = None

    @property
    def is_partial(self) -> bool:
        return bool(self.partial)


@dataclass(frozen=True, slots=True)
class LastRow:
    """A machine and when it last sent a row."""

    machine: str
    resource_id: str
    at: datetime


@dataclass(slots=True)
class _Reading:
    """One window under way."""

    found: dict[str, FileChange] = field(default_factory=dict)
    partial: str = ""
    bad: int = 0
    left: int = QUERIES_MAX


class FileIntegrityGateway:
    """Per workspace, by its GUID (`customerId`); several workspaces never wait for each other."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def generation(self, workspace_id: str) -> tuple[str, ...]:
        """The tables that this workspace has; none is an answer, too."""
        found = []
        for table in TABLES:
            try:
                await self._query(workspace_id, f"{table}\n| take 0")
            except AzureRefused as refused:
                if not is_semantic(refused):
                    raise
            else:
                found.append(table)
        return tuple(found)

    async def changes(
        self, workspace_id: str, since: datetime, until: datetime, *, tables: tuple[str, ...]
    ) -> ChangeBatch:
        """Rows that became readable in [since, until), each once, oldest first."""
        reading, complete_to = _Reading(), until
        for table in tables:
            read_to = await self._slice(workspace_id, table, since, until, reading)
            complete_to = min(complete_to, read_to)
        rows = sorted(reading.found.values(), key=_seen)
        last = rows[-1].seen_at if rows else None
        return ChangeBatch(tuple(rows), complete_to, reading.partial, reading.bad, last)

    async def _slice(
        self,
        workspace_id: str,
        table: str,
        since: datetime,
        until: datetime,
        reading: _Reading,
        halvings: int = 0,
    ) -> datetime:
        """Read [since, until); a full or partial answer is kept and asked again in two halves.

        Returns the instant up to which everything was read (C081).
        """
        if reading.left <= 0:
            return since
        reading.left -= 1
        body = await self._query(workspace_id, query_text(table, since, until))
        # in a thread: thousands of rows would hold up a click
        answer, rows = await asyncio.to_thread(_decoded, body, table, workspace_id)
        reading.bad += answer.bad
        for change in rows:
            reading.found.setdefault(change.key, change)
        reading.partial = reading.partial or answer.partial
        if not answer.partial and len(answer.rows) <= ROWS_MAX:
            return until
        is_short = until - since < 2 * SLICE_MIN
        if answer.partial and (is_short or halvings >= PARTIAL_HALVINGS):
            seen = [change.seen_at for change in rows if change.seen_at is not None]
            return min(until, max([since, *seen]))
        if is_short:
            log.warning("file_changes.slice_too_full", extra={"workspace": workspace_id})
            reading.partial = reading.partial or "more rows in one second than one answer takes"
            return until
        middle = since + (until - since) / 2
        halvings += bool(answer.partial)
        read_to = await self._slice(workspace_id, table, since, middle, reading, halvings)
        if read_to < middle:
            return read_to
        return await self._slice(workspace_id, table, middle, until, reading, halvings)

    async def last_seen(
        self, workspace_id: str, now: datetime, *, tables: tuple[str, ...]
    ) -> tuple[LastRow, ...]:
        """The newest row of each machine that sent something in the last two weeks."""
        found: dict[str, LastRow] = {}
        for table in tables:
            body = await self._query(workspace_id, last_rows_text(table, now))
            for row in rows_of(body).rows:
                machine, resource = _text(row.get("Computer")), _text(row.get("Resource"))
                at = instant_of(_text(row.get("LastAt")))
                place = (resource or machine).casefold()
                if at is None or not place:
                    continue
                known = found.get(place)
                if known is None or known.at < at:
                    name = machine or resource.rpartition("/")[2]
                    found[place] = LastRow(name, resource, at)
        return tuple(sorted(found.values(), key=lambda row: row.at))

    async def heartbeats(self, workspace_id: str, since: datetime) -> dict[str, datetime] | None:
        """Machines whose agent has beaten since then, by resource id and by name, folded.

        None where the workspace has no such table: then nothing is known of who is alive.
        """
        try:
            rows = rows_of(await self._query(workspace_id, heartbeat_text(since))).rows
        except AzureRefused as refused:
            if not is_semantic(refused):
                raise
            return None
        found: dict[str, datetime] = {}
        for row in rows:
            at = instant_of(_text(row.get("LastAt")))
            for name in (_text(row.get("Computer")), _text(row.get("Resource"))):
                if at is not None and name:
                    found[name.casefold()] = at
        return found

    async def _query(self, workspace_id: str, text: str) -> bytes:
        if not _GUID.fullmatch(workspace_id):
            raise ValueError("a workspace is named by its GUID")
        return await self._clients.ask(
            Service.MONITOR,
            "POST",
            f"/v1/workspaces/{quote(workspace_id)}/query",
            {},
            msgspec.json.encode({"query": text}),
            deadline=QUERY_DEADLINE,
        )


def _decoded(body: bytes, table: str, workspace_id: str) -> tuple[Rows, list[FileChange]]:
    answer = rows_of(body)
    kept = answer.rows[:ROWS_MAX]
    return answer, [decode_change(row, table=table, workspace=workspace_id) for row in kept]


def is_semantic(refused: AzureRefused) -> bool:
    """The query names a table or column that this workspace does not have (C043)."""
    return refused.status == 400


def _seen(change: FileChange) -> tuple[datetime, str]:
    return change.seen_at or datetime.min.replace(tzinfo=UTC), change.key


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
