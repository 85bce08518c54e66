"""The request: what is asked, its life and its legal transitions. Pure, no I/O.

A request is the fold of its audit entries: `fold` applies one `Event` after another, the ledger
stores the result, the proof computes it again from the chain. Only this module knows which step is
legal; the Lua script enforces the compare-and-set and the four eyes once more.

    pending ─approve (quorum)─▶ approved ─▶ applying ─▶ active ─▶ closing ─▶ ended
       ├─deny──▶ denied             │          └─▶ failed ─retry─▶ approved
       ├─cancel▶ cancelled          ├─cancel─▶ cancelled
       └─lapse─▶ lapsed             └─lapse──▶ lapsed

A change to Azure (`approvals.changes`) goes the same way, but ends where a session begins:
*applying ─▶ applied*, and *undone* when a later request has put it back. What was done on some
targets only is *failed* with an outcome: it can be tried again or undone, and never lapses away.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

import msgspec

from approvals.changes import AzureChange, Outcome, terms_of
from approvals.events import (
    OPEN_STATES,
    Applied,
    Applying,
    Approval,
    Approved,
    Attempt,
    Cancelled,
    Closing,
    Denied,
    Ended,
    Event,
    Failed,
    Kind,
    Lapsed,
    Opened,
    Opening,
    PersonId,
    Postponed,
    Refused,
    RequestId,
    Retried,
    Rule,
    State,
    StillOpen,
    Submitted,
    Target,
    Terms,
    Undone,
    Warned,
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
    #: what shall be different in Azure; None for JIT access.
    change: AzureChange | None = None
    #: what Azure had before the first attempt (JSON of the kind's own).
    before: str = ""
    outcome: Outcome | None = None
    undo_until: datetime | None = None
    undone_by: RequestId | None = None

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everything it is about; `target` is the first."""
        return self.change.targets if self.change is not None else (self.target,)

    @property
    def is_partial(self) -> bool:
        """Done on some targets and not on others."""
        done = self.outcome is not None and bool(self.outcome.done)
        return self.state is State.FAILED and done

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
    """Sameness of open requests: person, VM, ports and source, whatever the window or reason.

    For a change: person and change.
    """
    if terms.change:
        return hashlib.sha256(msgspec.json.encode((requester, terms.change))).hexdigest()
    body = msgspec.json.encode(
        (requester, target.resource_id.casefold(), sorted(terms.ports), terms.source)
    )
    return hashlib.sha256(body).hexdigest()


# --- transitions ------------------------------------------------------------------------------


def submit(request_id: RequestId, event: Submitted, *, actor: PersonId, at: datetime) -> Request:
    """The first entry of a request."""
    if event.rule.quorum < 1:
        raise IllegalTransition(None, event, "a quorum of at least one approval is needed")
    change = None if isinstance(event.change, msgspec.UnsetType) else event.change
    if (wrong := _not_its_terms(event, change)) is not None:
        raise IllegalTransition(None, event, wrong)
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
        change=change,
    )


def _not_its_terms(event: Submitted, change: AzureChange | None) -> str | None:
    """Why kind, terms and change do not belong together. The approvals name the terms alone."""
    if change is None:
        is_access = event.kind is Kind.JIT_ACCESS and not event.terms.change
        return None if is_access else "it says not what shall be changed"
    if event.kind is not change.KIND or event.terms != terms_of(change):
        return "its terms are not those of its change"
    if not change.targets or change.targets[0] != event.target:
        return "its target is not the first of its change"
    return None


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
        case Applied() | Undone():
            return _change(request, event)
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
            if request.is_partial and request.failure is not None:
                over = msgspec.structs.replace(request.failure, retryable=False)
                return replace(request, failure=over)
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
            if request.change is not None:
                raise IllegalTransition(request, event, "a change opens nothing")
            return replace(request, state=State.ACTIVE, opening=event.opening, failure=None)
        case Failed():
            _need(request, event, State.APPROVED, State.APPLYING)
            return _fail(request, event)
        case Postponed():
            _need(request, event, State.APPLYING)
            if event.attempt != len(request.attempts):
                raise IllegalTransition(request, event, "only the newest attempt is put off")
            return replace(request, postponed=event)
        case Retried():
            return _retry(request, event, actor, at)
        case _:
            assert_never(event)


def _fail(request: Request, event: Failed) -> Request:
    """Failed, or cancelled where that was wanted and nothing is done yet."""
    if event.outcome is not None and request.change is None:
        raise IllegalTransition(request, event, "an opening has no outcome of a change")
    outcome = event.outcome or request.outcome
    is_cancelled = request.cancel_wanted and not (outcome and outcome.done)
    return replace(
        request,
        state=State.CANCELLED if is_cancelled else State.FAILED,
        failure=event,
        outcome=outcome,
        undo_until=event.undo_until or request.undo_until,
    )


def _change(request: Request, event: Applied | Undone) -> Request:
    if request.change is None:
        raise IllegalTransition(request, event, "it changes nothing but a port")
    match event:
        case Applied(outcome=outcome, undo_until=until):
            _need(request, event, State.APPLYING)
            return replace(
                request, state=State.APPLIED, outcome=outcome, undo_until=until, failure=None
            )
        case Undone(by=by):
            _need(request, event, State.APPLIED, State.FAILED)
            if request.outcome is None:
                raise IllegalTransition(request, event, "nothing was changed")
            return replace(request, state=State.UNDONE, undone_by=by)


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
    if request.is_partial:
        raise IllegalTransition(request, event, "a part is done: it can be undone, not cancelled")
    if request.state is State.APPLYING:
        if request.change is not None and request.postponed is None:
            raise IllegalTransition(request, event, "Azure is at work on it")
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
    if request.before and event.before not in ("", request.before):
        raise IllegalTransition(request, event, "what was before stands since the first attempt")
    if (
        request.change is None
        and is_unknown
        and event.attempt.ends_at != request.attempts[-1].ends_at
    ):
        raise IllegalTransition(request, event, "an unknown outcome keeps its end")
    return replace(
        request,
        state=State.APPLYING,
        attempts=(*request.attempts, event.attempt),
        before=request.before or event.before,
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
