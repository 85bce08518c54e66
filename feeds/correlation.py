"""Which JIT session was open on a machine when something happened there. Pure.

Rather one session too many than one too few: an opening whose outcome is not known counts as
perhaps open, and one that is closing stays open until Azure shows it closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.events import PersonId, RequestId, State
from approvals.request import Request

#: A request is sent to Azure at most this long before its `send_by` (DESIGN, Azure edge).
SENDING = timedelta(seconds=20)
#: States of a request that has opened a port.
_OPENED = (State.ACTIVE, State.CLOSING, State.ENDED)


@dataclass(frozen=True, slots=True)
class Session:
    """A port that was open, for whom, from where, and who had said yes."""

    request_id: RequestId
    person: PersonId
    ports: tuple[int, ...]
    source: str
    source_label: str
    approvers: tuple[PersonId, ...]
    opened_at: datetime
    #: when it closed, or will at the latest.
    ends_at: datetime
    #: not closed as far as we know.
    is_open: bool
    #: False while it is not known whether Azure has opened it.
    is_certain: bool = True


def sessions_at(
    requests: Iterable[Request], resource_id: str, at: datetime, until: datetime | None = None
) -> tuple[Session, ...]:
    """Those open on this machine at `at`, or at any moment from `at` to `until`; newest first."""
    last = max(at, until or at)
    found = (s for s in _sessions(requests, resource_id) if s.opened_at <= last and at < s.ends_at)
    return tuple(sorted(found, key=_newest_first))


def last_before(requests: Iterable[Request], resource_id: str, at: datetime) -> Session | None:
    """The one that ended last before `at`: named so that "none was open" is believed."""
    ended = (s for s in _sessions(requests, resource_id) if s.is_certain and s.ends_at <= at)
    return max(ended, key=lambda session: session.ends_at, default=None)


def _newest_first(session: Session) -> tuple[bool, float]:
    return not session.is_certain, -session.opened_at.timestamp()


def _sessions(requests: Iterable[Request], resource_id: str) -> Iterable[Session]:
    wanted = _fold(resource_id)
    if not wanted:
        return
    for request in requests:
        if _fold(request.target.resource_id) == wanted:
            session = _session(request)
            if session is not None:
                yield session


def _session(request: Request) -> Session | None:
    opening = request.opening
    if opening is not None and request.state in _OPENED:
        is_open = request.state is not State.ENDED
        # the entry that ended it is its last change; Azure closes it at the end of its time anyway
        ends_at = opening.ends_at if is_open else min(opening.ends_at, request.changed_at)
        if request.still_open is not None and is_open:
            ends_at = max(ends_at, request.still_open.until)
        return _make(request, opening.opened_at, ends_at, is_open=is_open)
    if request.state is State.APPLYING and request.attempts:
        first, last = request.attempts[0], request.attempts[-1]
        sent_at = first.send_by - SENDING
        return _make(request, sent_at, last.ends_at, is_open=True, is_certain=False)
    return None


def _make(
    request: Request,
    opened_at: datetime,
    ends_at: datetime,
    *,
    is_open: bool,
    is_certain: bool = True,
) -> Session:
    return Session(
        request_id=request.id,
        person=request.requester,
        ports=request.terms.ports,
        source=request.terms.source,
        source_label=request.source_label,
        approvers=tuple(approval.approver for approval in request.approvals),
        opened_at=opened_at,
        ends_at=ends_at,
        is_open=is_open,
        is_certain=is_certain,
    )


def _fold(resource_id: str) -> str:
    return resource_id.strip().rstrip("/").casefold()
