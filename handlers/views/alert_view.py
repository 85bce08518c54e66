"""What the card and the story of an alert are drawn from. Plain facts, gathered elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from approvals.entry import SEKISHO
from defender.alert import Alert
from feeds.cases import Case
from feeds.correlation import Session
from feeds.routing import Mentions

#: `portal`: closed or begun in Defender, by nobody that we know.
Phase = Literal["new", "taken", "in_progress", "reopened", "resolved", "dismissed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The machine as the estate knows it, else as the alert says."""

    machine: str = ""
    resource_group: str = ""
    subscription: str = ""
    os: str = ""
    cloud: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One alert with everything that its card says. `names`: what people are called."""

    alert: Alert
    case: Case = field(default_factory=Case)
    place: Place = field(default_factory=Place)
    #: those open when it happened, newest first; None where the machine is not one of Azure's VMs.
    sessions: tuple[Session, ...] | None = ()
    #: why they were asked for, by request
    reasons: Mapping[str, str] = field(default_factory=dict)
    last_session: Session | None = None
    #: a session whose port can still be closed, with what its button carries
    closable: tuple[Session, str] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    mentions: Mentions = field(default_factory=Mentions)
    #: when Sekisho first saw it, and when what Defender says of it last changed
    first_at: datetime | None = None
    changed_at: datetime | None = None
    #: whether our Defender is told of what people decide (a gateway is there)
    is_written_back: bool = True

    @property
    def at(self) -> datetime | None:
        """When it happened; else when Defender said so, else when it was first seen."""
        return self.alert.started_at or self.alert.generated_at or self.first_at

    @property
    def is_closed_by_people(self) -> bool:
        return self.case.is_closed

    @property
    def phase(self) -> Phase:
        """People's word first; what Defender closed by itself or in its portal counts as well."""
        case, state = self.case, self.alert.state
        if case.state == "resolved" or (not case.is_closed and state == "resolved"):
            return "resolved"
        if case.state == "dismissed" or (not case.is_closed and state == "dismissed"):
            return "dismissed"
        if case.owner:
            return "in_progress" if case.state == "inprogress" else "taken"
        if case.state == "inprogress" or state == "inprogress":
            return "in_progress"
        return "reopened" if case.decided_at is not None else "new"

    @property
    def is_closed(self) -> bool:
        return self.phase in ("resolved", "dismissed")

    @property
    def is_by_portal(self) -> bool:
        """Closed, or opened again, where we see no person."""
        if self.is_closed:
            return not self.case.is_closed
        if self.phase == "in_progress":
            return not self.case.owner and self.case.state != "inprogress"
        return self.case.decided_by == SEKISHO
