"""Log Analytics workspaces: which machines write into which, and what they wrote."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from sandbox.azure.alert_body import Machine
from sandbox.azure.file_tables import (
    HEARTBEAT,
    MDE,
    SCHEMAS,
    TRACKING,
    Act,
    Change,
    TableName,
    heartbeat,
    row_of,
)
from sandbox.azure.kql import Table
from sandbox.azure.kql.values import INGESTED, Row
from sandbox.azure.state import AzureState
from sandbox.azure.wire import fold
from sandbox.world.model import VirtualMachine

#: Rows of one table that are kept: a demo may run for days.
KEPT = 200_000
_BEAT = timedelta(minutes=1)


class ChangeFields(TypedDict, total=False):
    """What a change may be told beside its path."""

    act: Act
    account: str
    process: str
    process_id: int
    size: int
    sha256: str
    old_path: str
    value_name: str
    value: str
    old_value: str
    source_ip: str
    columns: dict[str, Any]


class ChangeWish(ChangeFields, total=False):
    """What `change_file` may be told beside machine and path."""

    #: It happened so long ago, and can be read only so long after now.
    ago: timedelta
    delay: timedelta
    #: The row comes twice: from the sensor and from the agentless scan.
    twice: bool
    #: Into this table, where the workspace has both.
    table: TableName


@dataclass(slots=True)
class Workspace:
    """One workspace; `tables` says which it has, and with that which generation it is."""

    id: str
    name: str
    subscription_ids: frozenset[str]
    resource_group: str
    tables: dict[str, list[dict[str, Any]]]
    #: Answers 204, as one does that holds nothing at all.
    is_blank: bool = False

    @property
    def arm_id(self) -> str:
        """Where it is in Resource Manager."""
        subscription = min(self.subscription_ids)
        return (
            f"/subscriptions/{subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.OperationalInsights/workspaces/{self.name}"
        )

    def write(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows; a table that was not there begins with them."""
        kept = self.tables.setdefault(table, [])
        kept += rows
        del kept[:-KEPT]


@dataclass(slots=True)
class WorkspaceFaults:
    """How answers go wrong."""

    #: So many further answers hold only the first half of their rows, and say so.
    partial_answers: int = 0
    #: Rows written from now on can be read only after this.
    delay: timedelta = timedelta()
    silent: dict[str, datetime] = field(default_factory=dict)

    def clear(self) -> None:
        """Answers are whole, and everybody beats again."""
        self.partial_answers, self.delay = 0, timedelta()
        self.silent.clear()


class Workspaces:
    """All of them, by GUID."""

    def __init__(self, state: AzureState, found: Iterable[Workspace]) -> None:
        self.faults = WorkspaceFaults()
        self._state = state
        self._by_id = {workspace.id.lower(): workspace for workspace in found}

    def __iter__(self) -> Iterator[Workspace]:
        return iter(self._by_id.values())

    def find(self, workspace_id: str) -> Workspace | None:
        """The one with this GUID."""
        return self._by_id.get(workspace_id.lower())

    def of(self, machine: Machine) -> Workspace:
        """Where a machine writes to; LookupError for one that is not monitored."""
        for workspace in self._by_id.values():
            if machine.subscription_id in workspace.subscription_ids:
                return workspace
        raise LookupError(f"{machine.name} writes into no workspace")

    def change(
        self,
        machine: Machine,
        path: str,
        now: datetime,
        *,
        ago: timedelta = timedelta(),
        delay: timedelta | None = None,
        twice: bool = False,
        table: TableName | None = None,
        **fields: Unpack[ChangeFields],
    ) -> Row:
        """Something changed on a machine: the row that it wrote."""
        workspace = self.of(machine)
        into: str = table or next(t for t in (MDE, TRACKING) if t in workspace.tables)
        ingested_at = now + (self.faults.delay if delay is None else delay)
        row = row_of(into, Change(path, **fields), machine, at=now - ago, ingested_at=ingested_at)
        workspace.write(into, [row, dict(row)] if twice else [row])
        return row

    def silence(self, machine: Machine, now: datetime) -> None:
        """Its agent stops: no heartbeat from now on."""
        self.faults.silent.setdefault(fold(machine.id), now)

    def tables(self, workspace: Workspace, now: datetime) -> dict[str, Callable[[], Table]]:
        """What a query of this instant may read."""

        def of(table: str) -> Callable[[], Table]:
            def make() -> Table:
                own = workspace.tables[table]
                rows = self._beats(workspace, now) if table == HEARTBEAT and not own else own
                return Table(SCHEMAS[table], (row for row in rows if row[INGESTED] <= now))

            return make

        return {table: of(table) for table in workspace.tables}

    def _beats(self, workspace: Workspace, now: datetime) -> Iterator[dict[str, Any]]:
        """The last beat of each machine that runs, spread over the minute."""
        machines: tuple[Machine, ...] = (
            *self._state.machines.values(),
            *self._state.estate.arc_machines,
        )
        for machine in machines:
            if machine.subscription_id not in workspace.subscription_ids:
                continue
            if isinstance(machine, VirtualMachine) and machine.power_state not in (None, "running"):
                continue
            late = timedelta(seconds=zlib.crc32(machine.id.encode()) % _BEAT.seconds)
            yield heartbeat(machine, self.faults.silent.get(fold(machine.id), now - late))


def demo_workspaces(state: AzureState) -> tuple[Workspace, ...]:
    """The first subscriptions on Defender for Endpoint, the last still on Change Tracking."""
    subscriptions = [s.id for s in state.subscriptions.values()]
    new, old = frozenset(subscriptions[:2]), frozenset(subscriptions[2:])
    found = [Workspace(_guid(0xA1), "law-shop", new, "rg-ops", {MDE: [], HEARTBEAT: []})]
    if old:
        tables: dict[str, list[dict[str, Any]]] = {TRACKING: [], HEARTBEAT: []}
        found.append(Workspace(_guid(0xA2), "law-data", old, "rg-data-prod", tables))
    return tuple(found)


def _guid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012x}"
