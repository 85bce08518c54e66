"""What is kept about file changes: bursts, silences, how far a workspace was read. Plain types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from approvals.events import PersonId
from defender.file_change_decode import FileChange
from feeds.bursts import Burst
from feeds.danger import Danger, Kind


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The machine (or the change window) that a burst is about, as it was at the first row."""

    machine: str = ""
    resource_id: str = ""
    resource_group: str = ""
    subscription: str = ""
    agent_id: str = ""
    #: what we call the Log Analytics workspace.
    workspace: str = ""
    table: str = ""
    security_channel: str = ""
    #: of a change window.
    window: str = ""
    #: of a silence: the last row that came, and what else is known of the machine.
    last_row_at: datetime | None = None
    others_send: int = 0
    #: whether it is alive can't be told: its workspace has no heartbeats at all.
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class StoredBurst:
    """One object that is told: `F-12` a burst, `W-3` a window's changes, `S-2` a silence."""

    id: str
    kind: str
    facts: Facts
    channel: str
    version: int
    count: int
    dangerous: int
    first_at: datetime
    last_at: datetime
    opened_at: datetime
    kinds: Mapping[Kind, int] = field(default_factory=dict)
    acts: Mapping[str, int] = field(default_factory=dict)
    machines: int = 1
    #: of a silence: when data came again.
    back_at: datetime | None = None
    quiet_until: datetime | None = None

    def burst(self, place: str) -> Burst:
        is_flood = self.kind == "flood"
        return Burst(self.id, place, self.first_at, self.last_at, self.opened_at, is_flood)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A change with what is thought of it. `fate`: where it is told, `muted:M-1`, `ignored`."""

    change: FileChange
    danger: Danger
    kind: Kind
    fate: str = ""


class WorkspaceState(msgspec.Struct, frozen=True, kw_only=True):
    """How far one workspace was read, and what is wrong with it; a restart goes on from there."""

    name: str = ""
    tables: tuple[str, ...] = ()
    probed_at: datetime | None = None
    #: rows that became readable before it were all read.
    read_to: datetime | None = None
    read_at: datetime | None = None
    last_row_at: datetime | None = None
    #: "", `partial`, `no_tables`, `refused`, `forbidden`, `unavailable`.
    problem: str = ""
    detail: str = ""
    #: nothing is asked before.
    wait_until: datetime | None = None
    #: the longest window to ask for, after partial answers.
    step_seconds: float = 0.0
    silence_looked_at: datetime | None = None
    is_silent: bool = False
    #: whether there is a table of heartbeats; None before it was looked for.
    has_beats: bool | None = None


class SilentMachine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that sent rows and does not any more."""

    id: str
    place: str
    machine: str
    workspace: str
    since: datetime
    quiet_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MachineCount:
    """A row of `/fim`: a machine with changes in a period."""

    place: str
    machine: str
    count: int
    dangerous: int
    latest_at: datetime
    #: the newest burst, which says what people think of it.
    burst_id: str


@dataclass(frozen=True, slots=True)
class ChangesReport:
    """Every change that came in is told, waits, or was muted; the rest is missing, by name."""

    ingested: int = 0
    told: int = 0
    waiting: int = 0
    muted: int = 0
    missing: tuple[str, ...] = ()


NOBODY = PersonId("")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def instant(ms: bytes | str | float) -> datetime:
    return EPOCH + timedelta(milliseconds=float(ms))
