"""File changes, settings and a workspace that answers what a test lays out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from defender.errors import AzureError
from defender.file_change_decode import MDE, FileChange
from defender.file_changes import ChangeBatch, LastRow
from feeds.routing import Route, Routing
from feeds.settings import FileChangeSettings, Workspace

NOW = datetime(2026, 11, 25, 9, 10, tzinfo=UTC)
WORKSPACE = Workspace("law-sec", "00000000-0000-0000-0000-0000000000b1")
WEB_01 = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-web"
    "/providers/Microsoft.Compute/virtualMachines/web-01"
)


def change(path: str = "/etc/hosts", *, seconds: float = 0, **facts: Any) -> FileChange:
    """A change `seconds` after NOW."""
    at = NOW + timedelta(seconds=seconds)
    named = {
        "key": f"{facts.get('machine', 'web-01')} {path} {seconds}",
        "table": MDE,
        "workspace": WORKSPACE.id,
        "machine": "web-01",
        "resource_id": WEB_01,
        "act": "touched",
        "path": path,
        "account": "root",
        "process": "vim",
        "changed_at": at,
        "seen_at": at,
    }
    return FileChange(**{**named, **facts})


def settings(**facts: Any) -> FileChangeSettings:
    routing = Routing((Route("web", "C0WEB", names=None),), "C0DEFAULT")
    named = {"workspaces": (WORKSPACE,), "routing": routing, "security_channel": "C0SECURITY"}
    return FileChangeSettings(**{**named, **facts})


@dataclass
class Gateway:
    """What Log Analytics would say; `asked` is every window that was asked for."""

    tables: tuple[str, ...] = (MDE,)
    batches: list[ChangeBatch] = field(default_factory=list)
    error: AzureError | None = None
    last: tuple[LastRow, ...] = ()
    #: None: there is no table of heartbeats.
    beats: dict[str, datetime] | None = field(default_factory=dict)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    probes: int = 0

    async def generation(self, workspace_id: str) -> tuple[str, ...]:
        self.probes += 1
        return self.tables

    async def changes(
        self, workspace_id: str, since: datetime, until: datetime, *, tables: tuple[str, ...]
    ) -> ChangeBatch:
        self.asked.append((since, until))
        if self.error is not None:
            raise self.error
        return self.batches.pop(0) if self.batches else ChangeBatch((), until)

    async def last_seen(
        self, workspace_id: str, now: datetime, *, tables: tuple[str, ...]
    ) -> tuple[LastRow, ...]:
        return self.last

    async def heartbeats(self, workspace_id: str, since: datetime) -> dict[str, datetime] | None:
        return self.beats
