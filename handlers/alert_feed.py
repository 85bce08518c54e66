"""What the handlers of alerts are given, beside `Services`. Absent where the feed is off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from defender.alert import Alert
from defender.file_change_decode import FileChange
from feeds.mutes import Mutes
from feeds.routing import Routed
from feeds.settings import AlertSettings
from feeds.store import AlertStore
from feeds.storm import Storms
from handlers.alert_xdr import Xdr

Verb = Literal["resolve", "dismiss", "activate", "inProgress"]


class States(Protocol):
    """The gateway that changes an alert in Defender (`defender.alerts.AlertGateway`)."""

    async def set_state(self, alert: Alert, verb: Verb) -> None:
        """AzureError as `defender.errors` sorts it."""


class Changes(Protocol):
    """File changes of a machine between two instants, oldest first, for the story."""

    async def __call__(
        self, resource_id: str, machine: str, since: datetime, until: datetime
    ) -> Sequence[FileChange]: ...


async def no_changes(
    resource_id: str, machine: str, since: datetime, until: datetime
) -> Sequence[FileChange]:
    """Where file integrity is not read."""
    del resource_id, machine, since, until
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFeed:
    """One workspace's alerts: where they are kept, how they are routed, how Azure is told."""

    store: AlertStore
    storms: Storms
    mutes: Mutes
    settings: Callable[[], AlertSettings]
    #: `feeds.intake.Intake.route`: where an alert goes by the rules of this moment
    route: Callable[[Alert], Routed]
    #: None: Sekisho may not change alerts, so Defender keeps its own state
    states: States | None = None
    changes: Changes = no_changes
    #: Microsoft Graph, where it is configured
    xdr: Xdr | None = None
