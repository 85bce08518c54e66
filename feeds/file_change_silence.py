"""No data is not the same as no changes: a machine or workspace that went silent is told itself.

Both tables hold changes alone, so a quiet machine and a dead sensor look the same there. Where the
workspace has heartbeats, a machine that beats is quiet; where it has no such table at all, it is
not known, and said so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from defender.file_change_decode import FileChange
from defender.file_changes import FileIntegrityGateway, LastRow
from feeds.file_change_records import Facts, SilentMachine, WorkspaceState, milliseconds
from feeds.file_change_store import FileChangeStore
from feeds.settings import FileChangeSettings, Workspace

#: How often silence is looked for; it is measured in hours.
LOOK_EVERY = timedelta(minutes=15)
#: Machines told at once; more of them are a workspace's trouble.
TOLD_MAX = 20

_SILENT = msgspec.json.Decoder(SilentMachine)


class Silence:
    """Who sent rows and does not any more."""

    def __init__(self, gateway: FileIntegrityGateway, store: FileChangeStore) -> None:
        self._gateway = gateway
        self._store = store

    async def look(
        self,
        workspace: Workspace,
        state: WorkspaceState,
        settings: FileChangeSettings,
        now: datetime,
    ) -> WorkspaceState:
        if state.silence_looked_at is not None and now - state.silence_looked_at < LOOK_EVERY:
            return state
        rows = await self._gateway.last_seen(workspace.id, now, tables=state.tables)
        beats = await self._gateway.heartbeats(workspace.id, now - settings.silent_after)
        silent, senders = split(rows, beats or {}, now=now, after=settings.silent_after)
        is_unknown = beats is None
        is_all = bool(silent) and not senders
        if is_all:
            if not state.is_silent:
                last = silent[-1]
                whole = LastRow("", f"workspace:{workspace.id}", last.at)
                await self._tell(workspace, whole, settings, others=0, is_unknown=is_unknown)
        else:
            for row in silent[:TOLD_MAX]:
                await self._tell(workspace, row, settings, others=senders, is_unknown=is_unknown)
            await self._back(workspace, {place_of(row) for row in silent}, now)
        return msgspec.structs.replace(
            state, silence_looked_at=now, is_silent=is_all, has_beats=not is_unknown
        )

    async def all(self) -> list[SilentMachine]:
        key = self._store.key("changes:silent")
        found = cast(Any, await cast(Any, self._store.redis.hvals(key)))
        return sorted((_SILENT.decode(each) for each in found), key=lambda each: each.since)

    async def quiet(self, place: str, until: datetime) -> None:
        """Nothing more is said of this one until then."""
        key = self._store.key("changes:silent")
        body = await cast(Any, self._store.redis.hget(key, place))
        if body is None:
            return
        silent = msgspec.structs.replace(_SILENT.decode(body), quiet_until=until)
        await cast(Any, self._store.redis.hset(key, place, msgspec.json.encode(silent)))
        await self._store.mark(silent.id, quiet=milliseconds(until))

    async def _tell(
        self,
        workspace: Workspace,
        row: LastRow,
        settings: FileChangeSettings,
        *,
        others: int,
        is_unknown: bool,
    ) -> None:
        """Once a silence: it is known by its place until data comes again."""
        key, place = self._store.key("changes:silent"), place_of(row)
        if await cast(Any, self._store.redis.hexists(key, place)):
            return
        silence_id = await self._store.next_id("S")
        facts = Facts(
            machine=row.machine,
            resource_id="" if row.resource_id.startswith("workspace:") else row.resource_id,
            resource_group=group_of(row.resource_id),
            workspace=workspace.name,
            last_row_at=row.at,
            others_send=others,
            is_unknown=is_unknown,
        )
        await self._store.tell_silence(silence_id, facts, settings.routing.default_channel)
        silent = SilentMachine(
            id=silence_id, place=place, machine=row.machine, workspace=workspace.name, since=row.at
        )
        await cast(Any, self._store.redis.hset(key, place, msgspec.json.encode(silent)))

    async def _back(self, workspace: Workspace, still: set[str], now: datetime) -> None:
        key = self._store.key("changes:silent")
        for silent in await self.all():
            if silent.workspace == workspace.name and silent.place not in still:
                await self._store.mark(silent.id, back=milliseconds(now))
                await cast(Any, self._store.redis.hdel(key, silent.place))


def group_of(resource_id: str) -> str:
    return FileChange(key="", table="", resource_id=resource_id).resource_group


def place_of(row: LastRow) -> str:
    return (row.resource_id or row.machine).casefold()


def split(
    rows: tuple[LastRow, ...], beats: Mapping[str, datetime], *, now: datetime, after: timedelta
) -> tuple[list[LastRow], int]:
    """Machines that went silent, the longest silent first, and how many others are alive."""
    silent = [
        row
        for row in rows
        if now - row.at > after
        and place_of(row) not in beats
        and row.machine.casefold() not in beats
    ]
    return silent, len(rows) - len(silent)
