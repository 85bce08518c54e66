"""What can happen to a request: the events of the audit log.

Each event is the body of one audit entry; what it does to a request stands in `approvals.request`.
What is asked for stands below, in `approvals.terms` and `approvals.changes`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from approvals.changes import AzureChange, Outcome
from approvals.terms import (
    SHORTEST_WINDOW,
    Kind,
    Length,
    OpId,
    PersonId,
    RequestId,
    Target,
    Terms,
    Until,
    Window,
)

__all__ = [
    "OPEN_STATES",
    "SHORTEST_WINDOW",
    "Applied",
    "Applying",
    "Approval",
    "Approved",
    "Attempt",
    "Cancelled",
    "Closing",
    "Denied",
    "EndCause",
    "Ended",
    "Event",
    "Failed",
    "Kind",
    "Lapsed",
    "Length",
    "OpId",
    "Opened",
    "Opening",
    "PersonId",
    "Postponed",
    "Refused",
    "RequestId",
    "Retried",
    "Rule",
    "State",
    "StillOpen",
    "Submitted",
    "Target",
    "Terms",
    "Undone",
    "Until",
    "Warned",
    "Window",
]


class State(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    APPLYING = "applying"
    ACTIVE = "active"
    CLOSING = "closing"
    ENDED = "ended"
    APPLIED = "applied"
    UNDONE = "undone"
    DENIED = "denied"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    FAILED = "failed"


#: States in which a request still needs somebody or something to act.
OPEN_STATES = frozenset(
    {
        State.PENDING,
        State.APPROVED,
        State.APPLYING,
        State.ACTIVE,
        State.CLOSING,
        State.FAILED,
    }
)


class EndCause(StrEnum):
    """Why a session ended (or is being closed)."""

    EXPIRED = "expired"
    DONE = "done"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    VANISHED = "vanished"
    CANCELLED = "cancelled"


class Approval(msgspec.Struct, frozen=True):
    """One yes. `group` and `rule` say why this person was an approver at that moment.

    `digest` is that of the request as it was shown and judged: on a stolen Redis that may be
    another one than was filed, and then the yes counts for nothing.
    """

    approver: PersonId
    at: datetime
    terms: Terms
    group: str
    rule: str
    rule_version: str
    rights_read_at: datetime
    digest: str
    #: every Slack id of the approver (settings `people:`), so that one person is one yes.
    same_person: tuple[PersonId, ...] = ()
    comment: str = ""


class Rule(msgspec.Struct, frozen=True):
    """The approval rule as it stood when the request was filed."""

    name: str
    version: str
    line: int
    channel: str
    groups: tuple[str, ...]
    people: tuple[PersonId, ...]
    quorum: int
    longest_seconds: int
    #: cap of a session with all its extensions.
    longest_total_seconds: int


class Attempt(msgspec.Struct, frozen=True):
    """One try to open in Azure. `ends_at` never moves but by a proven refusal."""

    number: int
    ends_at: datetime
    send_by: datetime
    op: OpId


class Opening(msgspec.Struct, frozen=True):
    """What Azure showed: where to connect and until when."""

    opened_at: datetime
    ends_at: datetime
    address: str = ""
    #: port asked for → port to connect to (Azure Firewall maps them).
    mapped_ports: dict[int, int] = {}


# --- events: what an audit entry says happened ------------------------------------------------


class Submitted(msgspec.Struct, frozen=True, tag="submitted"):
    kind: Kind
    target: Target
    terms: Terms
    justification: str
    ticket: str
    rule: Rule
    #: Slack ids that are the same person as the requester (settings `people:`), requester included.
    same_person: tuple[PersonId, ...]
    lapses_at: datetime
    #: Channel and thread where it was asked by mention, else "".
    asked_in: str = ""
    asked_thread: str = ""
    extends: RequestId | None = None
    #: label of a named network or saved address, shown beside the source.
    source_label: str = ""
    #: what shall be different in Azure; UNSET, and not written, for JIT access.
    change: AzureChange | msgspec.UnsetType = msgspec.UNSET


class Approved(msgspec.Struct, frozen=True, tag="approved"):
    approval: Approval
    #: how long the requester may (re)try to open: set by the approval that completes the quorum.
    start_by: datetime | None = None


class Denied(msgspec.Struct, frozen=True, tag="denied"):
    reason: str
    group: str
    rule: str
    rule_version: str
    rights_read_at: datetime


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """Taken back by the requester, or (once approved) by an approver, who must give a reason."""

    reason: str = ""


class Lapsed(msgspec.Struct, frozen=True, tag="lapsed"):
    cause: str = "no_answer"


class Applying(msgspec.Struct, frozen=True, tag="applying", omit_defaults=True):
    """`before` (JSON of the kind's own) is what Azure had, kept so that a change can be undone."""

    attempt: Attempt
    terms: Terms
    before: str = ""


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    opening: Opening


class Applied(msgspec.Struct, frozen=True, tag="applied"):
    """The change is in Azure, read back. `undo_until`: how long one request puts it back."""

    outcome: Outcome
    undo_until: datetime | None = None


class Undone(msgspec.Struct, frozen=True, tag="undone"):
    """Request `by` has put back what this one had changed."""

    by: RequestId


class Failed(msgspec.Struct, frozen=True, tag="failed", omit_defaults=True):
    """Azure refused, or nothing could be opened in time. `code` is Azure's or ours.

    A change that was done on some targets only has its `outcome`, and can be undone.
    """

    code: str
    message: str
    retryable: bool
    outcome: Outcome | None = None
    undo_until: datetime | None = None


class Postponed(msgspec.Struct, frozen=True, tag="postponed"):
    """Azure refused this attempt for now (429, busy): proven, so the next may have a new end."""

    attempt: int
    retry_at: datetime
    code: str
    message: str


class Retried(msgspec.Struct, frozen=True, tag="retried"):
    """The requester tries a failed opening again, within the start deadline."""


class Closing(msgspec.Struct, frozen=True, tag="closing"):
    cause: EndCause
    reason: str = ""


class StillOpen(msgspec.Struct, frozen=True, tag="still_open"):
    """It could not be closed early; told once per closing. `code` names why."""

    code: str
    message: str
    until: datetime


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    cause: EndCause
    #: what proved it: "policy", "nsg", "policy+nsg", "clock", "azure" …
    proof: str
    by: RequestId | None = None


class Warned(msgspec.Struct, frozen=True, tag="warned"):
    """The requester has been told that the session ends soon."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """A try that changed nothing but must be on record (own request, no right)."""

    what: str
    why: str


Event = (
    Submitted
    | Approved
    | Denied
    | Cancelled
    | Lapsed
    | Applying
    | Opened
    | Applied
    | Undone
    | Failed
    | Postponed
    | Retried
    | Closing
    | StillOpen
    | Ended
    | Warned
    | Refused
)
