"""Whose port was open on the machine at that moment; rather one too many than one too few."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from approvals.entry import SEKISHO
from approvals.events import (
    Applying,
    Closing,
    EndCause,
    Ended,
    RequestId,
    StillOpen,
)
from approvals.request import Request, apply_event, submit
from feeds.correlation import last_before, sessions_at
from tests.approvals.samples import (
    ALICE,
    SATO,
    WEB_01,
    applying,
    approved,
    opened,
    submitted,
)

AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
VM = WEB_01.resource_id
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def asked(number: int = 1, *, at: datetime = AT, port: int = 22) -> Request:
    event = submitted(at, ports=(port,))
    request = submit(RequestId(f"R-{number}"), event, actor=ALICE, at=at)
    yes = approved(request, SATO, at)
    return apply_event(request, yes.event, actor=SATO, at=at)


def sent(request: Request, at: datetime = AT) -> Request:
    return apply_event(request, applying(request, at).event, actor=SEKISHO, at=at)


def active(number: int = 1, *, at: datetime = AT, port: int = 22) -> Request:
    """Open for two hours."""
    request = sent(asked(number, at=at, port=port), at)
    return apply_event(request, opened(request, at).event, actor=SEKISHO, at=at)


def ended(request: Request, at: datetime, cause: EndCause = EndCause.DONE) -> Request:
    closing = apply_event(request, Closing(cause), actor=ALICE, at=at)
    return apply_event(closing, Ended(cause, "policy"), actor=SEKISHO, at=at)


@pytest.mark.proves("D7", "E5")
def test_the_open_session_with_who_approved_it() -> None:
    (found,) = sessions_at([active()], VM.upper() + "/", AT + MINUTE)
    assert (found.person, found.approvers, found.ports) == (ALICE, (SATO,), (22,))
    assert (found.source, found.is_open, found.is_certain) == ("203.0.113.7", True, True)
    assert found.ends_at == AT + 2 * HOUR


@pytest.mark.proves("D7", "E5")
def test_none_was_open() -> None:
    request = active()
    assert sessions_at([request], VM, AT - MINUTE) == ()
    assert sessions_at([request], VM, AT + 2 * HOUR) == ()
    assert sessions_at([request], VM.replace("web-01", "web-02"), AT + MINUTE) == ()
    assert sessions_at([request], "", AT + MINUTE) == ()
    assert sessions_at([asked()], VM, AT + MINUTE) == ()


@pytest.mark.proves("D7")
def test_a_session_that_was_ended_early_was_open_until_then() -> None:
    request = ended(active(), AT + 30 * MINUTE)
    (found,) = sessions_at([request], VM, AT + 29 * MINUTE)
    assert not found.is_open
    assert sessions_at([request], VM, AT + 30 * MINUTE) == ()
    last = last_before([request, active(2, at=AT + HOUR)], VM, AT + HOUR)
    assert last is not None
    assert (last.request_id, last.ends_at) == ("R-1", AT + 30 * MINUTE)
    assert last_before([request], VM, AT + 10 * MINUTE) is None


@pytest.mark.proves("D7")
def test_what_is_closing_is_open_until_azure_shows_otherwise() -> None:
    closing = apply_event(active(), Closing(EndCause.DONE), actor=ALICE, at=AT + 10 * MINUTE)
    until = AT + 3 * HOUR
    stuck = apply_event(closing, StillOpen("no_way", "", until), actor=SEKISHO, at=AT + 11 * MINUTE)
    assert sessions_at([closing], VM, AT + HOUR)[0].is_open
    assert sessions_at([stuck], VM, AT + 2 * HOUR + MINUTE)[0].ends_at == until


@pytest.mark.proves("D7", "O6")
def test_an_opening_of_unknown_outcome_is_perhaps_open() -> None:
    request = sent(asked())
    (found,) = sessions_at([request], VM, AT + MINUTE)
    assert not found.is_certain
    assert sessions_at([request], VM, AT - MINUTE) == ()
    again = apply_event(
        request,
        Applying(
            msgspec.structs.replace(request.attempts[0], number=2, send_by=AT + HOUR),
            request.terms,
        ),
        actor=SEKISHO,
        at=AT + HOUR,
    )
    assert len(sessions_at([again], VM, AT + MINUTE)) == 1


@pytest.mark.proves("D7")
def test_several_at_once_and_over_a_while_newest_first() -> None:
    first = ended(active(1), AT + 20 * MINUTE)
    second = active(2, at=AT + 10 * MINUTE, port=5432)
    third = active(3, at=AT + HOUR)
    everything = [first, second, third]
    ids = [s.request_id for s in sessions_at(everything, VM, AT + 15 * MINUTE)]
    assert ids == ["R-2", "R-1"]
    during = sessions_at(everything, VM, AT + 30 * MINUTE, AT + 90 * MINUTE)
    assert [s.request_id for s in during] == ["R-3", "R-2"]
    assert sessions_at(everything, VM, AT + 15 * MINUTE, AT) == sessions_at(
        everything, VM, AT + 15 * MINUTE
    )


def test_a_refusal_after_the_end_does_not_make_it_longer() -> None:
    request = ended(active(), AT + 2 * HOUR, EndCause.EXPIRED)
    later = replace(request, changed_at=AT + 5 * HOUR)
    assert sessions_at([later], VM, AT + 3 * HOUR) == ()
