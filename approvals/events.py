"""What is asked for and what can happen to it: terms, targets, and the events of the audit log.

Each event is the body of one audit entry; what it does to a request stands in `approvals.request`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

import msgspec

RequestId = NewType("RequestId", str)
PersonId = NewType("PersonId", str)
OpId = NewType("OpId", str)

#: Under this there is nothing left to open (DESIGN, Requests).
SHORTEST_WINDOW = timedelta(minutes=5)


class Kind(StrEnum):
    """What is asked for. One file of `approvals.actions` each."""

    JIT_ACCESS = "jit_access"


class State(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    APPLYING = "applying"
    ACTIVE = "active"
    CLOSING = "closing"
    ENDED = "ended"
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


class Length(msgspec.Struct, frozen=True, tag="length"):
    """A window that starts when the port opens. `seconds` > 0."""

    seconds: int

    @property
    def duration(self) -> timedelta:
        return timedelta(seconds=self.seconds)


class Until(msgspec.Struct, frozen=True, tag="until"):
    """A window that ends at an instant, whenever the port opens."""

    at: datetime


Window = Length | Until


class Target(msgspec.Struct, frozen=True):
    """The VM as it was when asked for: what the approver saw. `resource_id` in Azure's spelling."""

    resource_id: str
    name: str
    resource_group: str
    subscription_id: str
    subscription_name: str
    location: str
    os: str = ""
    tags: dict[str, str] = {}


class Terms(msgspec.Struct, frozen=True):
    """What would be opened. Terms only shrink: see `contains`."""

    ports: tuple[int, ...]
    source: str
    window: Window

    def contains(self, other: Terms) -> bool:
        """Whether an approval of these terms covers `other`, which must be equal or narrower."""
        if self.source != other.source or not other.ports:
            return False
        if not set(other.ports) <= set(self.ports):
            return False
        match (self.window, other.window):
            case (Length() as mine, Length() as theirs):
                return 0 < theirs.seconds <= mine.seconds
            case (Until() as mine, Until() as theirs):
                return theirs.at <= mine.at
            case _:
                return False


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


class Applying(msgspec.Struct, frozen=True, tag="applying"):
    attempt: Attempt
    terms: Terms


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    opening: Opening


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Azure refused, or nothing could be opened in time. `code` is Azure's or ours."""

    code: str
    message: str
    retryable: bool


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
    | Failed
    | Postponed
    | Retried
    | Closing
    | StillOpen
    | Ended
    | Warned
    | Refused
)
