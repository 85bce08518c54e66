"""What changed in Defender XDR since we last knew, as deeds. Pure.

The newer act wins: what people decided in Slack after the change there stays, and is written there.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from approvals.deeds import FOREIGN, REASON_MAX, Deed, DeedKind, Subject, foreign
from approvals.events import PersonId
from defender.xdr_decode import XdrAlert
from feeds.cases import NOBODY, Case
from feeds.xdr_records import Record, digest_at

#: The fields that go both ways, and what a new alert has in them.
FIELDS: Mapping[str, str] = {
    "owner": "",
    "status": "new",
    "classification": "unknown",
    "determination": "unknown",
}
#: What sets an owner, and what sets the state.
_OWNED = frozenset({DeedKind.TAKEN, DeedKind.ASSIGNED, DeedKind.RELEASED, DeedKind.REOPENED})
_DECIDED = frozenset(
    {DeedKind.IN_PROGRESS, DeedKind.RESOLVED, DeedKind.DISMISSED, DeedKind.REOPENED}
)
#: Characters of Graph's word for what was found.
_WORD_MAX = 60


@dataclass(frozen=True, slots=True)
class About:
    """Which alert of ours, what people call it, and who its owner there is in Slack's terms."""

    subject: Subject
    name: str
    owner: PersonId


def fields_of(now: XdrAlert) -> dict[str, str]:
    """What a new alert has is said in one spelling."""
    found = {name: getattr(now, name) for name in FIELDS}
    return {name: value or FIELDS[name] for name, value in found.items()}


def changed(record: Record, now: XdrAlert) -> dict[str, str]:
    """The fields that are not as they were last known; those under way from us are no news."""
    if is_older(now, record):
        return {}
    found = {}
    for name, value in fields_of(now).items():
        known = (record.seen.get(name, FIELDS[name]), record.writing.get(name))
        if value.casefold() not in [one.casefold() for one in known if one is not None]:
            found[name] = value
    return found


def is_older(now: XdrAlert, record: Record) -> bool:
    """An answer that was under way while a newer one was told, or we wrote."""
    return (
        now.changed_at is not None
        and record.changed_at is not None
        and now.changed_at < record.changed_at
    )


def is_touched(now: XdrAlert) -> bool:
    """Whether anybody has done anything with it."""
    return bool(now.comments) or any(
        value.casefold() != FIELDS[name].casefold() for name, value in fields_of(now).items()
    )


@dataclass(frozen=True, slots=True)
class News:
    """A deed, and what makes it the same however often it is read: its op-id is made of this."""

    deed: Deed
    once: str


def news(record: Record, now: XdrAlert, case: Case, about: About) -> Iterator[News]:
    """What is to be told. The case changes by the first, so the rest is decided anew after it."""
    found = changed(record, now)
    at = now.changed_at.isoformat() if now.changed_at else ""
    status = _status(found, now, case, about)
    is_closing = status is not None and status.kind is DeedKind.RESOLVED
    classified = None if is_closing else _classified(found, now, case, about)
    for deed in (status, classified, _owner(found, now, case, about)):
        if deed is not None:
            yield News(deed, f"{deed.kind}:{at}")
    for comment in now.comments:
        if not record.has_heard(comment):
            said = comment.text[:REASON_MAX]
            deed = _deed(DeedKind.COMMENTED, about, reason=said, by=foreign(comment.by))
            yield News(deed, digest_at(comment))


def _status(found: Mapping[str, str], now: XdrAlert, case: Case, about: About) -> Deed | None:
    if "status" not in found or not _is_newer(now, _ours_at(case, _DECIDED, case.decided_at)):
        return None
    match found["status"].casefold():
        case "resolved" if not case.is_closed:
            verdict, word = verdict_of(now)
            return _deed(DeedKind.RESOLVED, about, verdict=verdict, determination=word)
        case "new" | "inprogress" if case.is_closed:
            return _deed(DeedKind.REOPENED, about)
        case "inprogress" if case.state != "inprogress":
            return _deed(DeedKind.IN_PROGRESS, about)
        case _:
            return None


def _classified(found: Mapping[str, str], now: XdrAlert, case: Case, about: About) -> Deed | None:
    if found.keys().isdisjoint(("classification", "determination")):
        return None
    verdict, word = verdict_of(now)
    is_known = (verdict, word) == (case.verdict, case.determination)
    if is_known or not _is_newer(now, _ours_at(case, _DECIDED, case.decided_at)):
        return None
    return _deed(DeedKind.CLASSIFIED, about, verdict=verdict, determination=word)


def _owner(found: Mapping[str, str], now: XdrAlert, case: Case, about: About) -> Deed | None:
    """Opening it again lets the owner go here, so who has it there is said anew."""
    is_open_again = "status" in found and not case.owner and not case.is_closed
    is_news = ("owner" in found or is_open_again) and case.owner != about.owner
    if not is_news or not _is_newer(now, _ours_at(case, _OWNED, case.owned_at)):
        return None
    return _deed(DeedKind.ASSIGNED, about, to=about.owner)


def _ours_at(case: Case, kinds: Container[DeedKind], known: datetime | None) -> datetime | None:
    """When somebody here did it last; None where the last one was read from Defender XDR."""
    last = next((step for step in reversed(case.steps) if step.kind in kinds), None)
    return None if last is not None and last.by.startswith(FOREIGN) else known


def _is_newer(now: XdrAlert, ours: datetime | None) -> bool:
    return ours is None or now.changed_at is None or now.changed_at > ours


def verdict_of(now: XdrAlert) -> tuple[str, str]:
    """Our kind of reason and Graph's word for what was found; "" for what is not said."""
    word = "" if now.determination.casefold() in ("", "unknown") else now.determination
    match now.classification.casefold():
        case "truepositive":
            return "true_positive", word[:_WORD_MAX]
        case "informationalexpectedactivity" if word.casefold() == "securitytesting":
            return "test", word
        case "informationalexpectedactivity":
            return "benign", word[:_WORD_MAX]
        case "falsepositive":
            return "false_positive", word[:_WORD_MAX]
        case _:
            return "", word[:_WORD_MAX]


def _deed(
    kind: DeedKind,
    about: About,
    *,
    reason: str = "",
    to: PersonId = NOBODY,
    verdict: str = "",
    determination: str = "",
    by: PersonId | None = None,
) -> Deed:
    return Deed(
        kind=kind,
        subject=about.subject,
        name=about.name,
        reason=reason,
        to=to,
        verdict=verdict,
        determination=determination,
        by=foreign() if by is None else by,
    )
