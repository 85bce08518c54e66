"""What of a change in Defender XDR is news: analysts' acts, once; our own never."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from approvals.deeds import DeedKind, Subject, foreign
from approvals.events import PersonId
from defender.xdr_decode import Comment, XdrAlert
from feeds.cases import NOBODY, Case, after
from feeds.xdr_news import About, changed, is_touched, news, verdict_of
from feeds.xdr_records import Record, digest, digest_at

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
SOON, EARLIER = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)
SATO, KIMURA = PersonId("U0SATO"), PersonId("U0KIMURA")
NEW = XdrAlert(xdr_id="da1", status="new", classification="unknown", changed_at=NOW)


def there(**facts: Any) -> XdrAlert:
    return structs.replace(NEW, **facts)


def told(
    now: XdrAlert, case: Case | None = None, *, record: Record | None = None, owner: str = ""
) -> list[tuple[Any, ...]]:
    """Every deed in a row, each decided on what the one before has left."""
    return list(_told(now, case or Case(), record or Record(), owner))


def _told(now: XdrAlert, case: Case, record: Record, owner: str) -> Iterator[tuple[Any, ...]]:
    about = About(Subject("alert:k"), "Shell", PersonId(owner))
    done: set[str] = set()
    while left := [one for one in news(record, now, case, about) if one.once not in done]:
        deed = left[0].deed
        done.add(left[0].once)
        case = after(case, deed, actor=deed.by, at=SOON)
        yield deed.kind.value, deed.to or deed.verdict or deed.reason or ""
    assert len(done) <= 4 + len(now.comments)


ASSIGNED: dict[str, tuple[XdrAlert, Case, str, list[tuple[str, str]]]] = {
    "an owner": (there(owner="s@x"), Case(), SATO, [("assigned", SATO)]),
    "one whom Slack does not know": (
        there(owner="s@x"),
        Case(),
        foreign("s@x"),
        [("assigned", "xdr:s@x")],
    ),
    "the same as here": (there(owner="s@x"), Case(owner=SATO, owned_at=EARLIER), SATO, []),
    "taken here since": (there(owner="s@x"), Case(owner=KIMURA, owned_at=SOON), SATO, []),
    "taken here before": (
        there(owner="s@x"),
        Case(owner=KIMURA, owned_at=EARLIER),
        SATO,
        [("assigned", SATO)],
    ),
    "in progress": (there(status="inProgress"), Case(), NOBODY, [("in_progress", "")]),
    "in progress as here": (there(status="inProgress"), Case(state="inprogress"), NOBODY, []),
    "resolved as what it is": (
        there(status="resolved", classification="falsePositive", determination="clean"),
        Case(),
        NOBODY,
        [("resolved", "false_positive")],
    ),
    "dismissed here already": (there(status="resolved"), Case(state="dismissed"), NOBODY, []),
    "reopened here since": (there(status="resolved"), Case(decided_at=SOON), NOBODY, []),
    "opened again, in somebody's hands": (
        there(status="inProgress", owner="s@x"),
        Case(owner=SATO, owned_at=EARLIER, state="resolved", decided_at=EARLIER),
        SATO,
        [("reopened", ""), ("assigned", SATO), ("in_progress", "")],
    ),
    "classified": (
        there(classification="TruePositive", determination="malware"),
        Case(),
        NOBODY,
        [("classified", "true_positive")],
    ),
    "begun and classified at once": (
        there(status="inProgress", classification="falsePositive"),
        Case(),
        NOBODY,
        [("in_progress", ""), ("classified", "false_positive")],
    ),
    "a status of next year": (there(status="unknownFutureValue"), Case(), NOBODY, []),
}


@pytest.mark.proves("D5")
@pytest.mark.parametrize("name", ASSIGNED)
def test_each_change_is_a_deed_and_the_newer_act_wins(name: str) -> None:
    now, case, owner, wanted = ASSIGNED[name]
    assert sorted(told(now, case, owner=owner)) == sorted(wanted)


@pytest.mark.proves("D5")
def test_what_we_write_is_no_news_before_and_after_it_is_there() -> None:
    now = there(owner="S@x", status="inProgress")
    under_way = Record(writing={"owner": "s@x", "status": "inProgress"})
    written = Record(seen={"owner": "s@x", "status": "inProgress"})
    assert told(now, record=under_way, owner=SATO) == []
    assert told(now, record=written, owner=SATO) == []
    edited = there(owner="s@x", status="inProgress", classification="truePositive")
    assert told(edited, record=under_way, owner=SATO) == [("classified", "true_positive")]


@pytest.mark.proves("D5")
def test_an_answer_from_before_our_write_says_nothing() -> None:
    record = Record(seen={"owner": "s@x"}, changed_at=SOON)
    assert changed(record, there(owner="")) == {}
    assert changed(record, there(owner="", changed_at=SOON)) == {"owner": ""}


@pytest.mark.proves("D5")
def test_comments_are_told_once_and_ours_never() -> None:
    theirs, same_again = Comment("Looks bad", "eva", NOW), Comment("Looks bad", "eva", SOON)
    ours = Comment("sato: rotated", "Sekisho", NOW)
    record = Record(heard=frozenset({digest("sato: rotated"), digest_at(theirs)}))
    now = there(comments=(theirs, ours, same_again))
    assert told(now, record=record) == [("commented", "Looks bad")]


@pytest.mark.proves("D5")
@pytest.mark.parametrize(
    ("classification", "determination", "verdict"),
    [
        ("truePositive", "malware", ("true_positive", "malware")),
        ("informationalExpectedActivity", "securityTesting", ("test", "securityTesting")),
        ("InformationalExpectedActivity", "", ("benign", "")),
        ("falsePositive", "unknown", ("false_positive", "")),
        ("unknown", "unknown", ("", "")),
    ],
)
def test_verdicts_in_our_words(
    classification: str, determination: str, verdict: tuple[str, str]
) -> None:
    now = there(classification=classification, determination=determination)
    assert verdict_of(now) == verdict
    assert is_touched(now) == (classification != "unknown")


def test_a_deed_names_nobody_where_defender_xdr_names_nobody() -> None:
    now = there(owner="s@x", comments=(Comment("hm", "eva"),))
    about = About(Subject("alert:k"), "Shell", SATO)
    kinds = {one.deed.kind: one.deed.by for one in news(Record(), now, Case(), about)}
    assert kinds == {DeedKind.ASSIGNED: foreign(), DeedKind.COMMENTED: foreign("eva")}
