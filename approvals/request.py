"""The request: what is asked, its life and its legal transitions. Pure, no I/O.

A request is the fold of its audit entries: `fold` applies one `Event` after another, the ledger
stores the result, the proof computes it again from the chain. Only this module knows which step is
legal; the Lua script enforces the compare-and-set and the four eyes once more.

    pending ─approve (quorum)─▶ approved ─▶ applying ─▶ active ─▶ closing ─▶ ended
       ├─deny──▶ denied             │          └─▶ failed ─retry─▶ approved
       ├─cancel▶ cancelled          ├─cancel─▶ cancelled
       └─lapse─▶ lapsed             └─lapse──▶ lapsed
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, assert_never

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


@dataclass(frozen=True, slots=True)
class Request:
    """The fold of one request's entries; `version` counts them, `terms_version` changed terms."""

    id: RequestId
    kind: Kind
    state: State
    version: int
    terms_version: int
    requester: PersonId
    same_person: frozenset[PersonId]
    target: Target
    asked: Terms
    terms: Terms
    justification: str
    ticket: str
    rule: Rule
    submitted_at: datetime
    lapses_at: datetime
    changed_at: datetime
    source_label: str = ""
    asked_in: str = ""
    asked_thread: str = ""
    extends: RequestId | None = None
    approvals: tuple[Approval, ...] = ()
    start_by: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    opening: Opening | None = None
    failure: Failed | None = None
    postponed: Postponed | None = None
    denial: Denied | None = None
    closing: Closing | None = None
    closing_since: datetime | None = None
    still_open: StillOpen | None = None
    ended: Ended | None = None
    #: an order to close that came while the opening's outcome was unknown.
    cancel_wanted: bool = False
    warned: bool = False
    decided_by: PersonId | None = None
    closed_by: PersonId | None = None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what is approved: who asks for what, where, why; see `digest`."""
        return digest(self)

    @property
    def missing_approvals(self) -> int:
        return max(0, self.rule.quorum - len(self.approvals))

    @property
    def is_open(self) -> bool:
        """Whether somebody or something must still act. A failure without a retry is the end."""
        if self.state is State.FAILED:
            return self.failure is not None and self.failure.retryable
        return self.state in OPEN_STATES

    def is_same_person(self, person: PersonId) -> bool:
        return person == self.requester or person in self.same_person


class IllegalTransition(Exception):
    """The event is not legal in this state. `state` is where the request is."""

    def __init__(self, request: Request | None, event: Event, why: str) -> None:
        self.request = request
        self.event = event
        self.why = why
        super().__init__(f"{type(event).__name__}: {why}")


def digest(request: Request) -> str:
    """See `Request.digest`. Two spellings of one resource id give one digest."""
    target = msgspec.structs.replace(
        request.target, resource_id=request.target.resource_id.casefold()
    )
    bound = (
        request.id,
        request.kind.value,
        request.requester,
        target,
        request.asked,
        request.justification,
        request.ticket,
        request.extends,
    )
    # ASCII, since foreign text may hold half a character, which UTF-8 does not know
    body = json.dumps(msgspec.to_builtins(bound), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(body.encode("ascii")).hexdigest()


def fingerprint(requester: PersonId, target: Target, terms: Terms) -> str:
    """Sameness of open requests: person, VM, ports and source, whatever the window or reason."""
    body = msgspec.json.encode(
        (requester, target.resource_id.casefold(), sorted(terms.ports), terms.source)
    )
    return hashlib.sha256(body).hexdigest()


# --- transitions ------------------------------------------------------------------------------


def submit(request_id: RequestId, event: Submitted, *, actor: PersonId, at: datetime) -> Request:
    """The first entry of a request."""
    if event.rule.quorum < 1:
        raise IllegalTransition(None, event, "a quorum of at least one approval is needed")
    return Request(
        id=request_id,
        kind=event.kind,
        state=State.PENDING,
        version=1,
        terms_version=1,
        requester=actor,
        same_person=frozenset((*event.same_person, actor)),
        target=event.target,
        asked=event.terms,
        terms=event.terms,
        justification=event.justification,
        ticket=event.ticket,
        rule=event.rule,
        submitted_at=at,
        lapses_at=event.lapses_at,
        changed_at=at,
        source_label=event.source_label,
        asked_in=event.asked_in,
        asked_thread=event.asked_thread,
        extends=event.extends,
    )


def apply_event(request: Request, event: Event, *, actor: PersonId, at: datetime) -> Request:
    """The request after `event`, or IllegalTransition: the same in ledger, model and proof."""
    changed = _step(request, event, actor, at)
    return replace(changed, version=request.version + 1, changed_at=at)


def _step(request: Request, event: Event, actor: PersonId, at: datetime) -> Request:
    match event:
        case Submitted():
            raise IllegalTransition(request, event, "it is filed already")
        case Approved() | Denied() | Cancelled() | Lapsed() | Refused():
            return _decide(request, event, actor, at)
        case Applying() | Opened() | Failed() | Postponed() | Retried():
            return _open(request, event, actor, at)
        case Warned() | Closing() | StillOpen() | Ended():
            return _close(request, event, actor, at)
        case _:
            assert_never(event)


def _decide(
    request: Request,
    event: Approved | Denied | Cancelled | Lapsed | Refused,
    actor: PersonId,
    at: datetime,
) -> Request:
    match event:
        case Approved():
            return _approve(request, event, actor, at)
        case Denied():
            _need(request, event, State.PENDING)
            _four_eyes(request, event, actor)
            _in_time(request, event, at)
            return replace(request, state=State.DENIED, denial=event, decided_by=actor)
        case Cancelled():
            return _cancel(request, event, actor)
        case Lapsed():
            _need(request, event, State.PENDING, State.APPROVED, State.FAILED)
            return replace(request, state=State.LAPSED)
        case Refused():
            return request
        case _:
            assert_never(event)


def _open(
    request: Request,
    event: Applying | Opened | Failed | Postponed | Retried,
    actor: PersonId,
    at: datetime,
) -> Request:
    match event:
        case Applying():
            return _apply(request, event)
        case Opened():
            _need(request, event, State.APPLYING)
            return replace(request, state=State.ACTIVE, opening=event.opening, failure=None)
        case Failed():
            _need(request, event, State.APPROVED, State.APPLYING)
            state = State.CANCELLED if request.cancel_wanted else State.FAILED
            return replace(request, state=state, failure=event)
        case Postponed():
            _need(request, event, State.APPLYING)
            if event.attempt != len(request.attempts):
                raise IllegalTransition(request, event, "only the newest attempt is put off")
            return replace(request, postponed=event)
        case Retried():
            return _retry(request, event, actor, at)
        case _:
            assert_never(event)


def _close(
    request: Request,
    event: Warned | Closing | StillOpen | Ended,
    actor: PersonId,
    at: datetime,
) -> Request:
    match event:
        case Warned():
            _need(request, event, State.ACTIVE)
            return replace(request, warned=True)
        case Closing():
            _need(request, event, State.ACTIVE, State.CLOSING)
            return replace(
                request,
                state=State.CLOSING,
                closing=event,
                closing_since=at,
                closed_by=actor,
                still_open=None,
            )
        case StillOpen():
            _need(request, event, State.CLOSING)
            return replace(request, still_open=event)
        case Ended():
            _need(request, event, State.ACTIVE, State.CLOSING)
            return replace(request, state=State.ENDED, ended=event)
        case _:
            assert_never(event)


def _approve(request: Request, event: Approved, actor: PersonId, at: datetime) -> Request:
    _need(request, event, State.PENDING)
    _four_eyes(request, event, actor)
    _in_time(request, event, at)
    approval = event.approval
    if approval.approver != actor:
        raise IllegalTransition(request, event, "an approval is the actor's own")
    if approval.digest != request.digest:
        raise IllegalTransition(request, event, "another request than this was approved")
    if any(actor == given.approver or actor in given.same_person for given in request.approvals):
        raise IllegalTransition(request, event, "approved by this person already")
    if not request.terms.contains(approval.terms):
        raise IllegalTransition(request, event, "terms only shrink")
    narrowed = approval.terms != request.terms
    approvals = (*request.approvals, approval)
    complete = len(approvals) >= request.rule.quorum
    if complete and event.start_by is None:
        raise IllegalTransition(request, event, "the last approval sets the start deadline")
    return replace(
        request,
        state=State.APPROVED if complete else State.PENDING,
        approvals=approvals,
        terms=approval.terms,
        terms_version=request.terms_version + (1 if narrowed else 0),
        start_by=event.start_by if complete else None,
        decided_by=actor if complete else None,
    )


def _cancel(request: Request, event: Cancelled, actor: PersonId) -> Request:
    _need(request, event, State.PENDING, State.APPROVED, State.APPLYING, State.FAILED)
    if not request.is_same_person(actor):
        if request.state is State.PENDING:
            raise IllegalTransition(request, event, "only the requester cancels")
        if not event.reason:
            raise IllegalTransition(request, event, "taking back an approval needs a reason")
    if request.state is State.APPLYING:
        return replace(request, cancel_wanted=True, closed_by=actor)
    return replace(request, state=State.CANCELLED, closed_by=actor)


def _retry(request: Request, event: Retried, actor: PersonId, at: datetime) -> Request:
    _need(request, event, State.FAILED)
    if not request.is_same_person(actor):
        raise IllegalTransition(request, event, "only the requester tries again")
    if request.failure is None or not request.failure.retryable:
        raise IllegalTransition(request, event, "this failure can't be retried")
    if request.start_by is None or at >= request.start_by:
        raise IllegalTransition(request, event, "the approval has lapsed")
    return replace(request, state=State.APPROVED)


def _apply(request: Request, event: Applying) -> Request:
    _need(request, event, State.APPROVED, State.APPLYING)
    if event.attempt.number != len(request.attempts) + 1:
        raise IllegalTransition(request, event, "attempts are numbered without a gap")
    if event.terms != request.terms:
        raise IllegalTransition(request, event, "what opens are the approved terms")
    is_unknown = request.state is State.APPLYING and request.postponed is None
    if is_unknown and event.attempt.ends_at != request.attempts[-1].ends_at:
        raise IllegalTransition(request, event, "an unknown outcome keeps its end")
    return replace(
        request,
        state=State.APPLYING,
        attempts=(*request.attempts, event.attempt),
        failure=None,
        postponed=None,
    )


def _need(request: Request, event: Event, *states: State) -> None:
    if request.state not in states:
        raise IllegalTransition(request, event, f"it is {request.state}")


def _four_eyes(request: Request, event: Event, actor: PersonId) -> None:
    if request.is_same_person(actor):
        raise IllegalTransition(request, event, "the requester never decides")


def _in_time(request: Request, event: Event, at: datetime) -> None:
    if at >= request.lapses_at:
        raise IllegalTransition(request, event, "the time to decide is over")


def fold(request_id: RequestId, entries: list[tuple[PersonId, datetime, Event]]) -> Request:
    """The request from its entries in order. Raises IllegalTransition on the first wrong one."""
    first_actor, first_at, first = entries[0]
    if not isinstance(first, Submitted):
        raise IllegalTransition(None, first, "the first entry files the request")
    request = submit(request_id, first, actor=first_actor, at=first_at)
    for actor, at, event in entries[1:]:
        request = apply_event(request, event, actor=actor, at=at)
    return request
