"""When something must happen to a request by itself. Pure.

The ledger keeps `next_deadline` of every request in a sorted set; the holder of the lease asks
`due_event` what to do when the instant has come (it compares Redis TIME), also after any restart.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from approvals.events import State
from approvals.request import Request

#: The requester is warned this long before the end.
WARN_BEFORE = timedelta(minutes=10)

#: A session this short gets its warning when half of it is over.
WARN_SHARE = 2

#: Not proved closed after this long is said so.
CLOSE_TOLD_AFTER = timedelta(minutes=1)

#: Whoever takes over an attempt reads Azure for this long after its send-by.
ATTEMPT_JUDGED_AFTER = timedelta(seconds=30)

#: A request that is due and stays so is looked at again after this long.
LOOK_AGAIN = timedelta(minutes=1)


class Due(StrEnum):
    """What is due."""

    LAPSE = "lapse"
    """no answer in time, or not started in time: file `Lapsed`"""
    LOOK = "look"
    """an attempt without an outcome: read Azure"""
    WARN = "warn"
    """tell the requester that the session ends soon, file `Warned`"""
    CLOSE = "close"
    """an order to close came while the opening's outcome was unknown: file `Closing`"""
    END = "end"
    """the end has come: check in Azure that it is closed, file `Ended`"""
    STILL_OPEN = "still_open"
    """closing is not proved: tell, file `StillOpen`"""


def next_deadline(request: Request) -> datetime | None:
    """The next instant at which something is due, or None when the request is over."""
    match request.state:
        case State.PENDING:
            return request.lapses_at
        case State.APPROVED:
            return request.start_by
        case State.FAILED:
            return request.start_by if request.is_open else None
        case State.APPLYING:
            put_off = request.postponed.retry_at if request.postponed else request.changed_at
            return max(put_off, request.attempts[-1].send_by) + ATTEMPT_JUDGED_AFTER
        case State.ACTIVE:
            return _of_session(request)
        case State.CLOSING:
            return _of_closing(request)
        case State.APPLIED | State.UNDONE:
            return None
        case State.ENDED | State.DENIED | State.CANCELLED | State.LAPSED:
            return None


def _of_session(request: Request) -> datetime | None:
    if request.opening is None:
        return None
    if request.cancel_wanted:
        return request.opening.opened_at
    return request.opening.ends_at if request.warned else warn_at(request)


def warn_at(request: Request) -> datetime | None:
    """Ten minutes before the end, for short sessions half-way."""
    opening = request.opening
    if opening is None:
        return None
    half = (opening.ends_at - opening.opened_at) / WARN_SHARE
    return opening.ends_at - min(WARN_BEFORE, half)


def _of_closing(request: Request) -> datetime | None:
    if request.closing_since is None:
        return None
    if request.still_open is not None:
        return max(request.still_open.until, request.closing_since + CLOSE_TOLD_AFTER)
    return request.closing_since + CLOSE_TOLD_AFTER


def due_event(request: Request, now: datetime) -> Due | None:
    """What is due at `now`, or None when it is too early (or nothing ever will be)."""
    deadline = next_deadline(request)
    if deadline is None or now < deadline:
        return None
    match request.state:
        case State.PENDING | State.APPROVED | State.FAILED:
            return Due.LAPSE
        case State.APPLYING:
            return Due.LOOK
        case State.ACTIVE:
            return _due_in_session(request, now)
        case State.CLOSING:
            return Due.END if request.still_open is not None else Due.STILL_OPEN
        case State.APPLIED | State.UNDONE:
            return None
        case State.ENDED | State.DENIED | State.CANCELLED | State.LAPSED:
            return None


def _due_in_session(request: Request, now: datetime) -> Due:
    if request.cancel_wanted:
        return Due.CLOSE
    over = request.opening is not None and now >= request.opening.ends_at
    return Due.END if over else Due.WARN
