"""File changes in: each workspace read in its turn, what is new grouped and queued.

One workspace's failure stops no other. How far each was read is kept in Redis, so a restart goes
on from there; reading a window twice tells nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from approvals.scope import Place
from defender.errors import AzureError
from defender.file_change_decode import FileChange
from defender.file_changes import FileIntegrityGateway
from feeds.bursts import Part, group
from feeds.danger import danger_of, kind_of
from feeds.facts import Facts as RouteFacts
from feeds.file_change_joining import Joining
from feeds.file_change_records import Facts, Weighed, WorkspaceState
from feeds.file_change_silence import Silence
from feeds.file_change_sorting import Said, by_machine, sort_out
from feeds.file_change_states import PROBE_EVERY, PROBE_SOON, States, after_reading, failed
from feeds.file_change_store import Batch, FileChangeStore
from feeds.settings import FileChangeSettings, Workspace
from feeds.windows import mute_for

log = logging.getLogger(__name__)

#: A row may become readable a little after the instant that it bears.
OVERLAP = timedelta(minutes=10)
#: How far back the very first reading goes: what happened before Sekisho came is not its news.
FIRST_READ = timedelta(hours=1)
#: The longest window of one reading; after a long stop several follow each other.
STEP_MAX = timedelta(hours=6)

#: The machine that the estate knows by this resource id, else None.
Find = Callable[[str], Place | None]


class FileChangeFeed:
    """`poll` every `settings().every`, by one process at a time (a lease)."""

    def __init__(
        self,
        gateway: FileIntegrityGateway,
        store: FileChangeStore,
        settings: Callable[[], FileChangeSettings],
        *,
        find: Find,
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._settings = settings
        self._find = find
        self.states = States(store)
        #: what is wrong by workspace, as this process last saw it; "" for nothing.
        self.problems: dict[str, str] = {}
        self.silence = Silence(gateway, store)
        self._joining = Joining(store)

    async def poll(self) -> None:
        """Every workspace once; those that have to wait are passed over."""
        settings = self._settings()
        for workspace in settings.workspaces:
            await self.poll_one(workspace, settings)

    async def poll_one(self, workspace: Workspace, settings: FileChangeSettings) -> None:
        now = await self._store.now()
        state = await self.states.read(workspace)
        if state.wait_until is not None and now < state.wait_until:
            return
        try:
            state = await self._probed(workspace, state, now)
            if state.tables:
                state = await self._read(workspace, state, settings, now)
                state = await self.silence.look(workspace, state, settings, now)
        except AzureError as error:
            state = failed(state, error, now)
            log.warning(
                "file_changes.workspace", extra={"workspace": workspace.name, "code": error.code}
            )
        await self.states.write(workspace, state)
        self.problems[workspace.name] = "silent" if state.is_silent else state.problem

    def warning(self) -> str:
        """For health: every workspace that is not read as it should be, by name (C043)."""
        found = sorted((name, why) for name, why in self.problems.items() if why)
        return ", ".join(f"{name}: {why}" for name, why in found)

    async def _probed(
        self, workspace: Workspace, state: WorkspaceState, now: datetime
    ) -> WorkspaceState:
        every = PROBE_EVERY if state.tables else PROBE_SOON
        if state.probed_at is not None and now - state.probed_at < every:
            return state
        tables = await self._gateway.generation(workspace.id)
        problem = "" if tables else "no_tables"
        return msgspec.structs.replace(
            state, tables=tables, probed_at=now, problem=problem, detail="", wait_until=None
        )

    async def _read(
        self,
        workspace: Workspace,
        state: WorkspaceState,
        settings: FileChangeSettings,
        now: datetime,
    ) -> WorkspaceState:
        since = (state.read_to or now - FIRST_READ) - OVERLAP
        step = timedelta(seconds=state.step_seconds) or STEP_MAX
        until = min(now, (state.read_to or since) + step)
        batch = await self._gateway.changes(workspace.id, since, until, tables=state.tables)
        await self.take(batch.rows, workspace, settings, now)
        if batch.bad:
            await self.states.count("changes_bad", batch.bad)
        return after_reading(state, batch, step=until - (state.read_to or since), now=now)

    async def take(
        self,
        rows: Iterable[FileChange],
        workspace: Workspace,
        settings: FileChangeSettings,
        now: datetime,
    ) -> int:
        """Group what is new and queue it. How many rows were new."""
        found = await self._joining.look(await self._store.unknown(rows))
        fresh = found.own
        new = await self._take_fresh(fresh, workspace, settings, now) if fresh else 0
        await self._joining.write(found)
        return new

    async def _take_fresh(
        self,
        fresh: Sequence[FileChange],
        workspace: Workspace,
        settings: FileChangeSettings,
        now: datetime,
    ) -> int:
        windows, mutes = await self._store.windows(), await self._store.mutes()
        said = Said(tuple(windows), tuple(mutes))
        # in a thread: thousands of paths would hold up a click
        weighed = await asyncio.to_thread(
            lambda: [self._weigh(change, settings, said, now) for change in fresh]
        )
        batches = await self._batches(weighed, said, workspace, settings, now)
        new, closed = await self._store.take(batches)
        for batch in closed:  # somebody has answered meanwhile: what came later is asked about anew
            again = await self._fresh(batch, now)
            more, _ = await self._store.take([again])
            new += more
        return new

    async def _fresh(self, batch: Batch, now: datetime) -> Batch:
        parts = group([row.change for row in batch.rows], (), now=now)
        burst = parts[0].burst if len(parts) == 1 else batch.burst
        burst_id = await self._store.next_id("F")
        return Batch(burst_id, batch.kind, batch.facts, batch.channel, burst, True, batch.rows)

    def _weigh(
        self, change: FileChange, settings: FileChangeSettings, said: Said, now: datetime
    ) -> Weighed:
        danger = danger_of(change, settings.weight)
        mute = mute_for(change.place, change.path, now, said.mutes)
        fate = f"muted:{mute.id}" if mute else ""
        if not fate and not danger.is_dangerous and settings.is_ignored(change.path):
            fate = "ignored"
        return Weighed(change, danger, kind_of(change, danger), fate)

    async def _batches(
        self,
        weighed: list[Weighed],
        said: Said,
        workspace: Workspace,
        settings: FileChangeSettings,
        now: datetime,
    ) -> list[Batch]:
        by_key = {row.change.key: row for row in weighed}
        told, quiet, announced = sort_out(weighed, said, now)
        known = await self._store.open_bursts(change.place for change in told)
        quiet_for, longest = settings.burst_quiet, settings.burst_longest
        parts = await asyncio.to_thread(
            group, told, known, now=now, quiet=quiet_for, longest=longest
        )
        batches = []
        for part in parts:
            burst_id = part.burst.id or await self._store.next_id("F")
            rows = tuple(by_key[change.key] for change in part.changes)
            kind = "flood" if part.burst.is_flood else "burst"
            batches.append(self._batch(burst_id, kind, part, rows, workspace, settings))
        for part in group(quiet, (), now=now):
            rows = tuple(by_key[change.key] for change in part.changes)
            batches.append(self._batch("", "muted", part, rows, workspace, settings))
        for window, changes in announced:
            for part in by_machine(changes, now):
                rows = tuple(by_key[change.key] for change in part.changes)
                batch = self._batch(window.id, "window", part, rows, workspace, settings)
                batches.append(batch)
        return batches

    def _batch(
        self,
        burst_id: str,
        kind: str,
        part: Part,
        rows: tuple[Weighed, ...],
        workspace: Workspace,
        settings: FileChangeSettings,
    ) -> Batch:
        change = part.changes[0]
        machine = self._find(change.resource_id)
        is_dangerous = any(row.danger.is_dangerous for row in rows)
        facts = Facts(
            machine=change.machine,
            resource_id=change.resource_id,
            resource_group=machine.resource_group if machine else change.resource_group,
            subscription=getattr(machine, "subscription_name", "") or change.subscription_id,
            agent_id=change.agent_id,
            workspace=workspace.name,
            table=change.table,
            security_channel=settings.security_channel,
            window=burst_id if kind == "window" else "",
        )
        asked = RouteFacts(
            severity="high" if is_dangerous else "medium",
            subscription_id=change.subscription_id,
            resource_group=facts.resource_group,
            machine=change.machine,
            tags=machine.tags if machine else {},
            cloud=change.cloud or ("azure" if change.resource_id else ""),
        )
        is_named = bool(change.resource_id or change.machine)
        routing = settings.routing
        channel = routing.find(asked).channel if is_named else routing.default_channel
        return Batch(burst_id, kind, facts, channel, part.burst, not part.burst.id, rows)
