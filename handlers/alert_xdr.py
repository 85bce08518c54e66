"""What people decide in Graph's words: owner, status, classification and determination. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from approvals.deeds import Deed, DeedKind
from approvals.events import PersonId
from defender.alert import Alert
from defender.xdr_decode import Comment, XdrAlert, XdrIncident
from feeds.cases import Case


class Xdr(Protocol):
    """`defender.xdr.XdrGateway`."""

    async def find(self, alert: Alert) -> XdrAlert | None: ...

    async def change(
        self,
        xdr_id: str,
        *,
        status: str | None = None,
        owner: str | None = None,
        classification: str | None = None,
        determination: str | None = None,
    ) -> XdrAlert: ...

    async def comment(self, xdr_id: str, text: str) -> tuple[Comment, ...]: ...

    async def changed_since(self, at: datetime) -> Sequence[XdrAlert]: ...

    async def incident(self, incident_id: str) -> XdrIncident: ...

    async def change_incident(
        self,
        incident_id: str,
        *,
        owner: str | None = None,
        classification: str | None = None,
        determination: str | None = None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What Graph is asked to hold; None leaves a field as it is."""

    status: str | None = None
    owner: str | None = None
    classification: str | None = None
    determination: str | None = None

    @property
    def fields(self) -> dict[str, str]:
        """What is named, by the names that `feeds.xdr_records` keeps."""
        said = {
            "status": self.status,
            "owner": self.owner,
            "classification": self.classification,
            "determination": self.determination,
        }
        return {name: value for name, value in said.items() if value is not None}


#: Our kinds of reason in Graph's words: classification and determination.
VERDICTS: Mapping[str, tuple[str, str]] = {
    "true_positive": ("truePositive", "other"),
    "benign": ("informationalExpectedActivity", "confirmedActivity"),
    "expected": ("informationalExpectedActivity", "confirmedActivity"),
    "test": ("informationalExpectedActivity", "securityTesting"),
    "false_positive": ("falsePositive", "notMalicious"),
}


def wanted(deed: Deed, actor: PersonId, names: Mapping[str, str]) -> Wanted | None:
    """What this deed says in Graph's words; None: nothing that Graph holds.

    `names`: what people are called there.
    """
    classification, determination = VERDICTS.get(deed.verdict, (None, None))
    match deed.kind:
        case DeedKind.TAKEN:
            return Wanted("inProgress", names.get(actor, actor))
        case DeedKind.ASSIGNED if deed.to:
            return Wanted("inProgress", names.get(deed.to, deed.to))
        case DeedKind.ASSIGNED:
            return Wanted(owner="")
        case DeedKind.IN_PROGRESS:
            return Wanted("inProgress")
        case DeedKind.RESOLVED | DeedKind.DISMISSED:
            return Wanted("resolved", None, classification, determination)
        case DeedKind.REOPENED:
            return Wanted("new", "")
        case _:
            return None


def is_wanted(deed: Deed, actor: PersonId, case: Case) -> bool:
    """Whether it still holds: somebody may have decided otherwise since, here or there."""
    match deed.kind:
        case DeedKind.TAKEN:
            return not case.is_closed and case.owner == actor
        case DeedKind.ASSIGNED:
            return not case.is_closed and case.owner == deed.to
        case DeedKind.IN_PROGRESS:
            return case.state == "inprogress"
        case DeedKind.RESOLVED:
            return case.state == "resolved"
        case DeedKind.DISMISSED:
            return case.state == "dismissed"
        case DeedKind.REOPENED:
            return not case.is_closed
        case _:
            return False
