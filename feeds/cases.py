"""What people have decided about one alert or burst of file changes. Pure.

Owner, state and reasons are ours; what Azure can hold is written there as well. A case is the fold
of its deeds, stored beside the audit log under a version (`Ledger.do`).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from approvals.deeds import Deed, DeedKind
from approvals.events import PersonId

#: Steps that a story shows; older ones are in the audit log.
STEPS_MAX = 30

NOBODY = PersonId("")


class Step(msgspec.Struct, frozen=True):
    """One deed, as the story and the thread tell it."""

    kind: DeedKind
    by: PersonId
    at: datetime
    reason: str = ""
    to: PersonId = NOBODY
    verdict: str = ""


class Case(msgspec.Struct, frozen=True):
    """`state` is what people want it to be: active, inprogress, resolved, dismissed."""

    owner: PersonId = NOBODY
    owned_at: datetime | None = None
    state: str = "active"
    decided_by: PersonId = NOBODY
    decided_at: datetime | None = None
    reason: str = ""
    verdict: str = ""
    #: in Defender XDR's word, where it came from there
    determination: str = ""
    #: the answer to "Was this you?": `yes`, `not_me` or "".
    answer: str = ""
    answered_by: PersonId = NOBODY
    steps: tuple[Step, ...] = ()

    @property
    def is_closed(self) -> bool:
        return self.state in ("resolved", "dismissed")


#: What a deed makes of its subject, and nothing else.
_STATES = {
    DeedKind.IN_PROGRESS: "inprogress",
    DeedKind.SUSPICIOUS: "inprogress",
    DeedKind.RESOLVED: "resolved",
    DeedKind.EXPECTED: "resolved",
    DeedKind.DISMISSED: "dismissed",
}

_decoder = msgspec.json.Decoder(Case)


def read_case(body: bytes | None) -> Case:
    """The case as stored; a new one before the first deed."""
    return Case() if body is None else _decoder.decode(body)


def write_case(case: Case) -> bytes:
    return msgspec.json.encode(case)


def after(case: Case, deed: Deed, *, actor: PersonId, at: datetime) -> Case:
    """The case after `deed`."""
    step = Step(deed.kind, actor, at, deed.reason, deed.to, deed.verdict)
    case = msgspec.structs.replace(case, steps=(*case.steps, step)[-STEPS_MAX:])
    decided = {
        "decided_by": actor,
        "decided_at": at,
        "reason": deed.reason,
        "verdict": deed.verdict,
        "determination": deed.determination,
    }
    match deed.kind:
        case DeedKind.TAKEN | DeedKind.ASSIGNED:
            owner = actor if deed.kind is DeedKind.TAKEN else deed.to
            return msgspec.structs.replace(case, owner=owner, owned_at=at)
        case DeedKind.RELEASED:
            return msgspec.structs.replace(case, owner=NOBODY, owned_at=None)
        case kind if kind in _STATES:
            return msgspec.structs.replace(case, state=_STATES[kind], **decided)
        case DeedKind.REOPENED:
            return msgspec.structs.replace(
                case, state="active", owner=NOBODY, owned_at=None, **decided
            )
        case DeedKind.YES:
            return msgspec.structs.replace(
                case, state="resolved", answer="yes", answered_by=actor, **decided
            )
        case DeedKind.NOT_ME:
            return msgspec.structs.replace(
                case, state="active", answer="not_me", answered_by=actor, **decided
            )
        case DeedKind.CLASSIFIED:
            return msgspec.structs.replace(
                case, verdict=deed.verdict, determination=deed.determination
            )
        case _:
            return case
