"""What a card needs beside the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from approvals.events import State, Window
from approvals.request import Request
from feeds.risk import UNKNOWN, RiskFacts


@dataclass(frozen=True, slots=True)
class PastRequest:
    """One of the asker's last requests for this VM."""

    at: datetime
    state: State
    ports: tuple[int, ...]
    window: Window


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says beside the request itself. `now` is when it is drawn."""

    group_names: Mapping[str, str]
    approver_count: int
    now: datetime
    #: "running", "stopped", "deallocated", …; None where nobody read it.
    power: str | None = None
    #: newest first, at most five.
    history: tuple[PastRequest, ...] = ()
    #: another open session on this VM and one of these ports: Azure may end it.
    shared_with: Request | None = None
    #: what the feeds know of this VM now; what they don't is said to be unknown.
    risk: RiskFacts = UNKNOWN
    ticket_url: str | None = None
    portal_url: str | None = None
