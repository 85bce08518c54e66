"""What people do with an alert: one deed, decided on the state of this very moment.

A button, a form and a slash command end here. Each `Decide` is pure; a lost compare-and-set is
decided again on what the faster one left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from approvals.deeds import REASON_MAX, Deed, DeedKind, Stale
from approvals.entry import Entry
from approvals.events import OpId, PersonId
from feeds.cases import NOBODY, Case, after, write_case
from feeds.reading import Stored
from handlers.alert_facts import AlertFacts, subject_of
from handlers.services import Services
from handlers.views.alert_view import AlertView
from handlers.views.alert_words import title

#: An alert that changes this often under one click is not decided by it.
TRIES_MAX = 8
#: What people call an alert in the audit log.
NAME_MAX = 120


class Not(StrEnum):
    """Why nothing was done; the sentence is the view's."""

    UNKNOWN = "unknown"
    ALREADY_YOURS = "already_yours"
    TAKEN = "take_from"
    CLOSED = "closed"
    OPEN = "late_open"
    IN_PROGRESS = "late_in_progress"
    NOT_OWNER = "not_owner"
    GUEST = "guest"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Did:
    """Recorded now, or by an earlier delivery of the same wish."""

    stored: Stored
    case: Case
    entry: Entry
    deed: Deed


@dataclass(frozen=True, slots=True)
class DidNot:
    """Nothing changed; `stored` None: there is no such alert here."""

    why: Not
    stored: Stored | None
    case: Case


Result = Did | DidNot
Decide = Callable[[Stored, Case, PersonId], Deed | Not]


async def act(
    s: Services, facts: AlertFacts, typed: str, decide: Decide, *, actor: PersonId, op: OpId
) -> Result:
    """Read, decide, record; again when somebody was faster. Raises LedgerError."""
    if actor in s.membership().guests:
        return DidNot(Not.GUEST, None, Case())
    stored = await facts.find(typed)
    if stored is None:
        return DidNot(Not.UNKNOWN, None, Case())
    case = Case()
    for _ in range(TRIES_MAX):
        version, case = await facts.case(stored.alert.key)
        deed = decide(stored, case, actor)
        if isinstance(deed, Not):
            return await _refused(s, stored, case, deed, op)
        then = after(case, deed, actor=actor, at=await s.ledger.now())
        done = await s.ledger.do(
            deed, actor=actor, op_id=op, version=version, body=write_case(then)
        )
        if not isinstance(done, Stale):
            return Did(stored, then, done, deed)
    return DidNot(Not.BUSY, stored, case)


async def _refused(s: Services, stored: Stored, case: Case, why: Not, op: OpId) -> Result:
    """What was refused, unless it is this very wish that has changed it."""
    earlier = await s.ledger.find_op(op)
    if earlier is not None and isinstance(earlier.event, Deed):
        return Did(stored, case, earlier, earlier.event)
    return DidNot(why, stored, case)


# --- what may be wished -------------------------------------------------------------------------


def take(stored: Stored, case: Case, actor: PersonId) -> Deed | Not:
    """Who owns it keeps it: taking over is a hand-over, which says so."""
    if _is_closed(stored, case):
        return Not.CLOSED
    if case.owner:
        return Not.ALREADY_YOURS if case.owner == actor else Not.TAKEN
    return _deed(DeedKind.TAKEN, stored)


def release(stored: Stored, case: Case, actor: PersonId) -> Deed | Not:
    if _is_closed(stored, case):
        return Not.CLOSED
    return _deed(DeedKind.ASSIGNED, stored) if case.owner == actor else Not.NOT_OWNER


def assign(to: PersonId, note: str = "") -> Decide:
    def decide(stored: Stored, case: Case, actor: PersonId) -> Deed | Not:
        if _is_closed(stored, case):
            return Not.CLOSED
        if case.owner == to:
            return Not.ALREADY_YOURS if to == actor else Not.TAKEN
        kind = DeedKind.TAKEN if to == actor else DeedKind.ASSIGNED
        return _deed(kind, stored, reason=note, to=to if kind is DeedKind.ASSIGNED else NOBODY)

    return decide


def in_progress(stored: Stored, case: Case, actor: PersonId) -> Deed | Not:
    """Begun, without an owner or by another than the owner; once is enough."""
    del actor
    view = AlertView(alert=stored.alert, case=case)
    if view.is_closed:
        return Not.CLOSED
    return Not.IN_PROGRESS if view.phase == "in_progress" else _deed(DeedKind.IN_PROGRESS, stored)


def resolve(reason: str, verdict: str = "") -> Decide:
    return _closing(DeedKind.RESOLVED, reason, verdict)


def dismiss(reason: str, verdict: str = "") -> Decide:
    return _closing(DeedKind.DISMISSED, reason, verdict)


def _closing(kind: DeedKind, reason: str, verdict: str) -> Decide:
    def decide(stored: Stored, case: Case, actor: PersonId) -> Deed | Not:
        del actor
        if _is_closed(stored, case):
            return Not.CLOSED
        return _deed(kind, stored, reason=reason, verdict=verdict)

    return decide


def reopen(reason: str = "") -> Decide:
    def decide(stored: Stored, case: Case, actor: PersonId) -> Deed | Not:
        del actor
        if not _is_closed(stored, case):
            return Not.OPEN
        return _deed(DeedKind.REOPENED, stored, reason=reason)

    return decide


def _is_closed(stored: Stored, case: Case) -> bool:
    return AlertView(alert=stored.alert, case=case).is_closed


def _deed(
    kind: DeedKind,
    stored: Stored,
    *,
    reason: str = "",
    verdict: str = "",
    to: PersonId = NOBODY,
) -> Deed:
    return Deed(
        kind=kind,
        subject=subject_of(stored.alert.key),
        name=title(stored.alert, NAME_MAX),
        reason=reason.strip()[:REASON_MAX],
        to=to,
        verdict=verdict,
    )
