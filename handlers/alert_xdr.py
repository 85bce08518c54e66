"""What people decide goes to Defender XDR, too, where Microsoft Graph is configured.

Owner, classification, determination and comment. Best effort: what Azure's own API holds is written
by `alert_write_back`, and a failure here is logged, never told twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from approvals.deeds import Deed, DeedKind
from approvals.events import PersonId
from defender.alert import Alert
from defender.errors import AzureError
from defender.xdr_decode import Comment, XdrAlert

log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What Graph is asked to hold; None leaves a field as it is."""

    status: str | None = None
    owner: str | None = None
    classification: str | None = None
    determination: str | None = None


#: Our kinds of reason in Graph's words: classification and determination.
VERDICTS: Mapping[str, tuple[str, str]] = {
    "true_positive": ("truePositive", "other"),
    "benign": ("informationalExpectedActivity", "confirmedActivity"),
    "expected": ("informationalExpectedActivity", "confirmedActivity"),
    "test": ("informationalExpectedActivity", "securityTesting"),
    "false_positive": ("falsePositive", "notMalicious"),
}


def wanted(deed: Deed, actor: PersonId, names: Mapping[str, str]) -> Wanted | None:
    """What this deed says in Graph's words; None: nothing that Graph holds. Pure."""
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


async def write(
    xdr: Xdr, alert: Alert, deed: Deed, actor: PersonId, names: Mapping[str, str]
) -> bool:
    """Doing it twice is doing it once: a comment that stands is not added again."""
    want = wanted(deed, actor, names)
    if want is None:
        return False
    try:
        found = await xdr.find(alert)
        if found is None:
            return False
        await xdr.change(
            found.xdr_id,
            status=want.status,
            owner=want.owner,
            classification=want.classification,
            determination=want.determination,
        )
        said = f"{names.get(actor, actor)}: {deed.reason}" if deed.reason else ""
        if said and said not in [comment.text for comment in found.comments]:
            await xdr.comment(found.xdr_id, said)
    except AzureError as error:
        log.warning("alert %s in Defender XDR: %s: %s", alert.key, error.code, error.message)
        return False
    return True
