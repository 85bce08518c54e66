"""What people do with a request: approve, deny, cancel, end, extend, retry. One way for all.

A button, a form, a slash command and a word in the thread end here, with the same checks. Rights
are asked at this very moment; a lost compare-and-set is decided again on the newer state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from approvals.asking import REASON_MAX
from approvals.entry import Entry
from approvals.events import (
    Approval,
    Approved,
    Cancelled,
    Closing,
    Denied,
    EndCause,
    Event,
    OpId,
    PersonId,
    RequestId,
    Retried,
    State,
    Terms,
)
from approvals.events import Refused as TryRefused
from approvals.ledger import Change, Conflict, Recorded, Repeated
from approvals.operations import op_id
from approvals.policy import (
    approver_rights,
    decider_rights,
    revoke_rights,
    rule_of,
    start_by,
)
from approvals.request import IllegalTransition, Request
from approvals.verdict import Code, Field, Refusal, Refused
from handlers.services import Services

#: A request that changes this often under one click is not decided by it.
TRIES_MAX = 8


@dataclass(frozen=True, slots=True)
class Done:
    """Recorded now, or by an earlier delivery of the same wish."""

    request: Request
    entry: Entry
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class NotDone:
    """Nothing changed: `refusal` says why; `request` None means that this ledger has none such."""

    refusal: Refusal | None
    request: Request | None


Result = Done | NotDone

#: What to record on this state, or why not. Pure but for the policy it asks.
Decide = Callable[[Request, datetime], Event | Refusal]


async def act(
    s: Services,
    request_id: RequestId,
    decide: Decide,
    *,
    actor: PersonId,
    op: OpId,
    trace: str = "",
) -> Result:
    """Read, decide, record; again when somebody was faster. Raises LedgerError."""
    for _ in range(TRIES_MAX):
        request = await s.ledger.read(request_id)
        if request is None:
            return NotDone(None, None)
        event = decide(request, s.ledger.instant)
        if isinstance(event, Refusal):
            return await _refuse(s, request, event, actor=actor, op=op)
        try:
            outcome = await s.ledger.record(Change(request, event, actor, trace), op_id=op)
        except IllegalTransition:
            return NotDone(Refusal(Code.TOO_LATE, Field.REQUEST), await s.ledger.read(request_id))
        match outcome:
            case Recorded():
                return Done(outcome.request, outcome.entry, is_repeated=False)
            case Repeated(request=after) if after is not None:
                return Done(after, outcome.entry, is_repeated=True)
            case Repeated() | Conflict():
                continue
    return NotDone(Refusal(Code.OUTDATED, Field.REQUEST), await s.ledger.read(request_id))


async def _refuse(
    s: Services, request: Request, refusal: Refusal, *, actor: PersonId, op: OpId
) -> Result:
    """What was refused, unless it is this very wish that has changed the request."""
    earlier = await s.ledger.find_op(op)
    if earlier is not None and not isinstance(earlier.event, TryRefused):
        return Done(request, earlier, is_repeated=True)
    note_try(s, request, refusal, actor=actor)
    return NotDone(refusal, request)


def note_try(s: Services, request: Request, refusal: Refusal, *, actor: PersonId) -> None:
    """Who tries without the right is recorded (B9); other refusals change nothing at all."""
    if refusal.code in (Code.OWN_REQUEST, Code.NOT_APPROVER) and request.is_open:
        event = TryRefused(what="decide", why=refusal.code.value)
        s.background.start(_record_try(s, request, event, actor), name="try")


async def _record_try(s: Services, request: Request, event: TryRefused, actor: PersonId) -> None:
    """Once for a person and a reason: clicking again and again fills no audit log."""
    op = op_id("try", request.id, actor, event.why)
    for _ in range(TRIES_MAX):
        outcome = await s.ledger.record(Change(request, event, actor), op_id=op)
        if not isinstance(outcome, Conflict):
            return
        request = outcome.request


# --- the decisions ----------------------------------------------------------------------------


def approve(
    s: Services,
    actor: PersonId,
    *,
    terms_version: int | None,
    comment: str = "",
    less: Callable[[Terms], Terms] | None = None,
) -> Decide:
    """An approval of the current terms, or of narrower ones."""

    def decide(request: Request, now: datetime) -> Event | Refusal:
        if request.state is not State.PENDING or now >= request.lapses_at:
            return _own_or_late(s, request, actor)
        if terms_version is not None and terms_version != request.terms_version:
            return Refusal(Code.OUTDATED, Field.REQUEST)
        if wrong := _has_left(s, request) or _too_long(comment):
            return wrong
        terms = less(request.terms) if less else request.terms
        if not request.terms.contains(terms):
            return Refusal(Code.WIDER, Field.REQUEST)
        policy = s.policy()
        rights = approver_rights(policy, request, actor, s.membership(), now, terms=terms)
        if isinstance(rights, Refused):
            return rights.refusals[0]
        approval = Approval(
            approver=actor,
            at=now,
            terms=terms,
            group=rights.group,
            rule=rights.rule,
            rule_version=rights.rule_version,
            rights_read_at=rights.rights_read_at,
            digest=request.digest,
            same_person=tuple(sorted(policy.same_person(actor))),
            comment=comment,
        )
        rule = rule_of(policy, request)
        is_last = len(request.approvals) + 1 >= request.rule.quorum
        deadline = start_by(rule, terms.window, now) if rule and is_last else None
        return Approved(approval, deadline)

    return decide


def deny(s: Services, actor: PersonId, reason: str) -> Decide:
    def decide(request: Request, now: datetime) -> Event | Refusal:
        if request.state is not State.PENDING or now >= request.lapses_at:
            return _own_or_late(s, request, actor)
        rights = decider_rights(s.policy(), request, actor, s.membership(), now)
        if isinstance(rights, Refused):
            return rights.refusals[0]
        if wrong := _wrong_reason(reason):
            return wrong
        return Denied(
            reason=reason.strip(),
            group=rights.group,
            rule=rights.rule,
            rule_version=rights.rule_version,
            rights_read_at=rights.rights_read_at,
        )

    return decide


def cancel(s: Services, actor: PersonId) -> Decide:
    """The requester takes it back; what is open already is ended instead."""

    def decide(request: Request, now: datetime) -> Event | Refusal:
        if not _is_own(s, request, actor):
            return _not_requester(request)
        match request.state:
            case State.PENDING | State.APPROVED | State.FAILED:
                return Cancelled()
            case State.APPLYING if not request.cancel_wanted:
                return Cancelled()
            case State.ACTIVE:
                return Closing(EndCause.CANCELLED)
            case _:
                return Refusal(Code.TOO_LATE, Field.REQUEST)

    return decide


def done(s: Services, actor: PersonId) -> Decide:
    """The requester no longer needs the port."""

    def decide(request: Request, now: datetime) -> Event | Refusal:
        if not _is_own(s, request, actor):
            return _not_requester(request)
        match request.state:
            case State.ACTIVE:
                return Closing(EndCause.DONE)
            case State.CLOSING if request.still_open is not None:
                return Closing(EndCause.DONE)
            case State.APPROVED | State.APPLYING if not request.cancel_wanted:
                return Cancelled()
            case _:
                return Refusal(Code.TOO_LATE, Field.REQUEST)

    return decide


def close_again(s: Services, actor: PersonId) -> Decide:
    """Try once more to close what could not be closed early: the order stays whose it was."""

    def decide(request: Request, now: datetime) -> Event | Refusal:
        rights = revoke_rights(s.policy(), request, actor, s.membership(), now)
        if isinstance(rights, Refused):
            return rights.refusals[0]
        if request.state is not State.CLOSING or request.closing is None:
            return Refusal(Code.TOO_LATE, Field.REQUEST)
        return Closing(request.closing.cause, request.closing.reason)

    return decide


def revoke(s: Services, actor: PersonId, reason: str) -> Decide:
    """An approver or administrator ends it, with a reason."""

    def decide(request: Request, now: datetime) -> Event | Refusal:
        rights = revoke_rights(s.policy(), request, actor, s.membership(), now)
        if isinstance(rights, Refused):
            return rights.refusals[0]
        if wrong := _wrong_reason(reason):
            return wrong
        match request.state:
            case State.ACTIVE | State.CLOSING:
                return Closing(EndCause.REVOKED, reason.strip())
            case State.APPROVED | State.FAILED:
                return Cancelled(reason.strip())
            case State.APPLYING if not request.cancel_wanted:
                return Cancelled(reason.strip())
            case _:
                return Refusal(Code.TOO_LATE, Field.REQUEST)

    return decide


def retry(s: Services, actor: PersonId) -> Decide:
    """The requester tries a failed opening again within the approval's time."""

    def decide(request: Request, now: datetime) -> Event | Refusal:
        if not _is_own(s, request, actor):
            return _not_requester(request)
        failure = request.failure
        if request.state is not State.FAILED or failure is None or not failure.retryable:
            return Refusal(Code.TOO_LATE, Field.REQUEST)
        if request.start_by is None or now >= request.start_by:
            return Refusal(Code.TOO_LATE, Field.REQUEST)
        return Retried()

    return decide


def _wrong_reason(reason: str) -> Refusal | None:
    """Something must be said, and the audit entry carries it whole."""
    if not any(sign.isalnum() for sign in reason):
        return Refusal(Code.REASON_MISSING, Field.REASON)
    return _too_long(reason)


def _too_long(said: str) -> Refusal | None:
    if len(said.strip()) <= REASON_MAX:
        return None
    args = {"length": len(said.strip()), "limit": REASON_MAX}
    return Refusal(Code.REASON_TOO_LONG, Field.REASON, args)


def _has_left(s: Services, request: Request) -> Refusal | None:
    """A port is opened for nobody who is not there any more, whatever the rule says of groups."""
    profile = s.directory.known(request.requester)
    if profile is None or not profile.is_deleted:
        return None
    return Refusal(Code.PERSON_INACTIVE, Field.REQUEST, {"person": request.requester})


def _own_or_late(s: Services, request: Request, actor: PersonId) -> Refusal:
    if _is_own(s, request, actor):
        return Refusal(Code.OWN_REQUEST, Field.REQUEST, {"requester": request.requester})
    return Refusal(Code.TOO_LATE, Field.REQUEST)


def _is_own(s: Services, request: Request, actor: PersonId) -> bool:
    return request.is_same_person(actor) or request.requester in s.policy().same_person(actor)


def _not_requester(request: Request) -> Refusal:
    return Refusal(Code.NOT_REQUESTER, Field.REQUEST, {"requester": request.requester})
