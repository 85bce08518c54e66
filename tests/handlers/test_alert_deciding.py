"""What people may do with an alert, and what Azure is told of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs
from redis.asyncio import Redis

from approvals.deeds import Deed, DeedKind, Subject
from approvals.events import PersonId
from defender.errors import AzureBusy, AzureError, AzureForbidden, AzureNotFound, OutcomeUnknown
from delivery.outbox import ChannelId
from feeds.cases import Case, after
from feeds.reading import AlertReads, Stored
from handlers import alert_deciding as deciding
from handlers.alert_deciding import Not
from handlers.alert_mutes import until_of
from handlers.alert_write_back import TRIES_MAX, WriteBack
from handlers.alert_xdr import Wanted, is_wanted, wanted
from tests.handlers.views import alert_samples as sample
from tests.handlers.views.samples import SATO, SUZUKI

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
KINDS = (deciding.take, deciding.release, deciding.in_progress, deciding.resolve("x"))


def stored(status: str = "Active") -> Stored:
    alert = structs.replace(sample.SHELL, status=status)
    return Stored(alert, 1, ChannelId("C0SOC"), "all", "card", NOW, NOW)


def kind_of(found: Deed | Not) -> DeedKind | Not:
    return found.kind if isinstance(found, Deed) else found


@pytest.mark.proves("D3")
@pytest.mark.parametrize(
    ("case", "actor", "outcome"),
    [
        (Case(), SATO, DeedKind.TAKEN),
        (sample.TAKEN, SATO, Not.ALREADY_YOURS),
        (sample.TAKEN, SUZUKI, Not.TAKEN),
        (sample.RESOLVED, SUZUKI, Not.CLOSED),
        (sample.REOPENED, SUZUKI, DeedKind.TAKEN),
    ],
)
def test_who_owns_it_keeps_it(case: Case, actor: PersonId, outcome: DeedKind | Not) -> None:
    assert kind_of(deciding.take(stored(), case, actor)) == outcome


@pytest.mark.proves("D5")
@pytest.mark.parametrize("decide", KINDS)
def test_what_the_portal_closed_is_closed(decide: deciding.Decide) -> None:
    assert decide(stored("Resolved"), Case(), SATO) is Not.CLOSED


@pytest.mark.proves("D3")
def test_begun_is_begun_once() -> None:
    deed = deciding.in_progress(stored(), Case(), SATO)
    assert isinstance(deed, Deed)
    then = after(Case(), deed, actor=SATO, at=NOW)
    assert (then.state, then.owner) == ("inprogress", "")
    assert deciding.in_progress(stored(), then, SUZUKI) is Not.IN_PROGRESS
    assert deciding.in_progress(stored("InProgress"), Case(), SUZUKI) is Not.IN_PROGRESS
    assert kind_of(deciding.take(stored(), then, SUZUKI)) is DeedKind.TAKEN


@pytest.mark.proves("D5")
def test_only_what_is_closed_is_reopened_and_has_no_owner_then() -> None:
    assert deciding.reopen()(stored(), Case(), SATO) is Not.OPEN
    deed = deciding.reopen("again")(stored("Resolved"), sample.RESOLVED, SATO)
    assert isinstance(deed, Deed)
    then = after(sample.RESOLVED, deed, actor=SATO, at=NOW)
    assert (then.state, then.owner, then.reason) == ("active", "", "again")


@pytest.mark.proves("D3")
def test_only_the_owner_lets_go() -> None:
    assert deciding.release(stored(), sample.TAKEN, SUZUKI) is Not.NOT_OWNER
    deed = deciding.release(stored(), sample.TAKEN, SATO)
    assert isinstance(deed, Deed)
    assert after(sample.TAKEN, deed, actor=SATO, at=NOW).owner == ""


@pytest.mark.proves("D3")
def test_handing_it_to_oneself_is_taking_it() -> None:
    assert kind_of(deciding.assign(SATO)(stored(), Case(), SATO)) is DeedKind.TAKEN
    assert kind_of(deciding.assign(SUZUKI)(stored(), sample.TAKEN, SATO)) is DeedKind.ASSIGNED


@pytest.mark.proves("D11")
@pytest.mark.parametrize(
    ("word", "length"),
    [
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("8d", None),
        ("0h", None),
        ("x", None),
    ],
)
def test_mute_ends_by_itself_within_a_week(word: str, length: timedelta | None) -> None:
    until = until_of(word, NOW, ZoneInfo("Asia/Tokyo"))
    assert until == (NOW + length if length else None)


@pytest.mark.proves("D11")
def test_tomorrow_is_the_readers_morning() -> None:
    until = until_of("tomorrow", NOW, ZoneInfo("Asia/Tokyo"))
    assert until == datetime(2026, 11, 26, 9, tzinfo=ZoneInfo("Asia/Tokyo"))


@pytest.mark.proves("D5")
def test_verdicts_are_said_in_graphs_words() -> None:
    deed = deciding.dismiss("pen test", "test")(stored(), Case(), SATO)
    assert isinstance(deed, Deed)
    assert wanted(deed, SATO, {}) == Wanted(
        "resolved", None, "informationalExpectedActivity", "securityTesting"
    )


HOLDS: list[tuple[DeedKind, dict[str, str], Case, bool]] = [
    (DeedKind.TAKEN, {}, Case(owner=SATO), True),
    (DeedKind.TAKEN, {}, Case(owner=SUZUKI), False),
    (DeedKind.TAKEN, {}, Case(owner=SATO, state="resolved"), False),
    (DeedKind.ASSIGNED, {"to": SUZUKI}, Case(owner=SUZUKI), True),
    (DeedKind.ASSIGNED, {"to": SUZUKI}, Case(owner=SATO), False),
    (DeedKind.ASSIGNED, {}, Case(), True),
    (DeedKind.RESOLVED, {}, Case(state="resolved"), True),
    (DeedKind.RESOLVED, {}, Case(state="active"), False),
    (DeedKind.DISMISSED, {}, Case(state="resolved"), False),
    (DeedKind.REOPENED, {}, Case(state="active"), True),
    (DeedKind.COMMENTED, {}, Case(), False),
]


@pytest.mark.proves("D5")
@pytest.mark.parametrize("at", range(len(HOLDS)))
def test_defender_xdr_is_told_only_what_still_holds(at: int) -> None:
    kind, more, case, holds = HOLDS[at]
    deed = Deed(kind=kind, subject=Subject("alert:k"), to=PersonId(more.get("to", "")))
    assert is_wanted(deed, SATO, case) is holds


# --- writing back -------------------------------------------------------------------------------


NOTHING = cast(Any, SimpleNamespace())
#: Its Redis is never asked.
FEED = cast(Any, SimpleNamespace(store=AlertReads(Redis(), tag="t")))


class Azure:
    """Fails so often, then takes it."""

    def __init__(self, *errors: AzureError) -> None:
        self.errors = list(errors)
        self.asked: list[str] = []

    async def set_state(self, alert: object, verb: str) -> None:
        del alert
        self.asked.append(verb)
        if self.errors:
            raise self.errors.pop(0)


def busy() -> AzureError:
    return AzureBusy("TooManyRequests", "", 429, retry_after=timedelta())


def unknown() -> AzureError:
    return OutcomeUnknown("NoAnswer", "")


FAILURES: dict[str, tuple[Callable[[], AzureError], int, str]] = {
    "busy for a moment": (busy, 2, ""),
    "busy for good": (busy, TRIES_MAX, "busy"),
    "no answer once": (unknown, 1, ""),
    "no right": (lambda: AzureForbidden("AuthorizationFailed", "", 403), 1, "forbidden"),
    "gone": (lambda: AzureNotFound("NotFound", "", 404), 1, "gone"),
}


@pytest.mark.proves("D5")
@pytest.mark.parametrize("name", FAILURES)
async def test_busy_azure_is_asked_again_and_a_no_is_told(name: str) -> None:
    make, times, problem = FAILURES[name]
    azure = Azure(*(make() for _ in range(times)))
    back = WriteBack(NOTHING, FEED, NOTHING, wait=timedelta())
    assert await back._set(cast(Any, azure), stored(), "resolve") == problem
    is_told = problem in ("forbidden", "gone")
    assert len(azure.asked) == (1 if is_told else min(times + 1, TRIES_MAX))


@pytest.mark.proves("D5")
async def test_in_progress_is_tried_once_and_never_told() -> None:
    azure = Azure(busy(), busy())
    back = WriteBack(NOTHING, FEED, NOTHING, wait=timedelta())
    await back._set(cast(Any, azure), stored(), "inProgress")
    assert azure.asked == ["inProgress"]
