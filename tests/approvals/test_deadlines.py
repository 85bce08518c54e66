"""When something is due by itself, for every state a request can be in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from approvals.deadlines import Due, due_event, next_deadline
from approvals.events import (
    Attempt,
    EndCause,
    Ended,
    Failed,
    Opening,
    OpId,
    Postponed,
    RequestId,
    State,
    StillOpen,
)
from approvals.request import Request, submit
from tests.approvals.samples import ALICE, submitted

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

PENDING = submit(RequestId("1"), submitted(NOW), actor=ALICE, at=NOW)
ATTEMPT = Attempt(1, NOW + 2 * HOUR, NOW + timedelta(seconds=20), OpId("send"))
APPROVED = replace(PENDING, state=State.APPROVED, start_by=NOW + HOUR)
APPLYING = replace(APPROVED, state=State.APPLYING, attempts=(ATTEMPT,))
ACTIVE = replace(APPLYING, state=State.ACTIVE, opening=Opening(NOW, NOW + 2 * HOUR))
CLOSING = replace(ACTIVE, state=State.CLOSING, closing_since=NOW)
FAILED = replace(APPROVED, state=State.FAILED, failure=Failed("Conflict", "busy", retryable=True))


@pytest.mark.proves("B7", "C4", "C5", "FAULT-25")
@pytest.mark.parametrize(
    ("request_", "at", "due"),
    [
        (PENDING, NOW + HOUR, Due.LAPSE),
        (APPROVED, NOW + HOUR, Due.LAPSE),
        (FAILED, NOW + HOUR, Due.LAPSE),
        (APPLYING, NOW + timedelta(seconds=50), Due.LOOK),
        (ACTIVE, NOW + 110 * MINUTE, Due.WARN),
        (replace(ACTIVE, warned=True), NOW + 2 * HOUR, Due.END),
        (replace(ACTIVE, cancel_wanted=True), NOW, Due.CLOSE),
        (CLOSING, NOW + MINUTE, Due.STILL_OPEN),
        (
            replace(CLOSING, still_open=StillOpen("no_right", "", NOW + 2 * HOUR)),
            NOW + 2 * HOUR,
            Due.END,
        ),
    ],
)
def test_due_at_its_instant_and_not_before(request_: Request, at: datetime, due: Due) -> None:
    assert next_deadline(request_) == at
    assert due_event(request_, at - timedelta(microseconds=1)) is None
    assert due_event(request_, at) is due
    assert due_event(request_, at + timedelta(days=1)) in (due, Due.END)


@pytest.mark.parametrize(
    "request_",
    [
        replace(PENDING, state=State.DENIED),
        replace(PENDING, state=State.CANCELLED),
        replace(PENDING, state=State.LAPSED),
        replace(ACTIVE, state=State.ENDED, ended=Ended(EndCause.DONE, "policy")),
        replace(FAILED, failure=Failed("Forbidden", "", retryable=False)),
    ],
)
def test_nothing_is_due_when_it_is_over(request_: Request) -> None:
    assert next_deadline(request_) is None
    assert due_event(request_, NOW + timedelta(days=99)) is None


def test_session_that_ended_while_the_bot_was_down_is_ended_not_warned() -> None:
    assert due_event(ACTIVE, NOW + 3 * HOUR) is Due.END


def test_short_session_is_warned_half_way() -> None:
    short = replace(ACTIVE, opening=Opening(NOW, NOW + 8 * MINUTE))
    assert next_deadline(short) == NOW + 4 * MINUTE


def test_attempt_that_is_put_off_is_looked_at_after_its_time() -> None:
    put_off = Postponed(1, NOW + 5 * MINUTE, "Throttled", "")
    waiting = replace(APPLYING, postponed=put_off)
    assert next_deadline(waiting) == NOW + 5 * MINUTE + timedelta(seconds=30)
