"""What the feeds know of one machine right now: for the approver, who decides with it (B2, B3).

Unknown is an answer: a feed that is off, or that was not read for a while, never says "none".
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from approvals.deeds import Subject
from approvals.request import Request
from defender.alert import Alert
from feeds.cases import read_case
from feeds.correlation import sessions_at
from feeds.file_change_reads import FileChangeReads
from feeds.file_change_records import SilentMachine, Weighed
from feeds.reading import AlertReads, Stored

#: A feed that was not read for longer says nothing about now (D10 says so in the channel, too).
SILENT_AFTER = timedelta(minutes=5)
#: File changes of the last day count.
CHANGES_OF = timedelta(hours=24)
#: A card is not held up by more changes than these.
CHANGES_MAX = 500
#: Requests for the VM that may explain a change.
REQUESTS_MAX = 50

_OPEN = ("active", "inprogress")

Now = Callable[[], Awaitable[datetime]]


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """`alerts`: open ones by severity as Azure spells it, most urgent first; None: unknown.

    `…_since`: the last instant of which anything is known, where it is too long ago.
    """

    alerts: Mapping[str, int] | None = None
    newest: Alert | None = None
    alerts_since: datetime | None = None
    unexplained: int | None = None
    #: there are at least so many.
    is_more: bool = False
    changes_since: datetime | None = None

    @property
    def signature(self) -> bytes:
        """What of it is worth an edit of a card: an instant that moves on is not."""
        said = (
            None if self.alerts is None else sorted(self.alerts.items()),
            self.newest.key if self.newest else "",
            self.alerts_since is not None,
            self.unexplained,
            self.changes_since is not None,
        )
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16].encode()


UNKNOWN = RiskFacts()


class Risk(Protocol):
    """What a card asks."""

    async def of_machine(self, resource_id: str, name: str) -> RiskFacts:
        """Raises nothing that the card would not survive; the caller waits with a bound."""


class NoRisk:
    """No feed is on."""

    async def of_machine(self, resource_id: str, name: str) -> RiskFacts:
        del resource_id, name
        return UNKNOWN


@dataclass(frozen=True, slots=True)
class AlertRisk:
    """Open alerts. `read_at`: when a source was last read to its end, None: never."""

    reads: AlertReads
    read_at: Callable[[], Awaitable[datetime | None]]
    now: Now
    silent_after: Callable[[], timedelta] = field(default=lambda: SILENT_AFTER)

    async def of_machine(self, resource_id: str, name: str) -> RiskFacts:
        read_at = await self.read_at()
        is_fresh = read_at is not None and await self.now() - read_at <= self.silent_after()
        found = await self._open(resource_id, name)
        if not is_fresh and not found:
            return RiskFacts(alerts_since=read_at)
        ranked = sorted(found, key=lambda stored: stored.alert.rank)
        counts = Counter(stored.alert.severity or "?" for stored in ranked)
        return RiskFacts(
            alerts=counts,
            newest=_newest(ranked),
            alerts_since=None if is_fresh else read_at,
        )

    async def _open(self, resource_id: str, name: str) -> list[Stored]:
        """By id, and by name where the alert names no more; samples are no risk."""
        by_id = await self.reads.of_machine(resource_id)
        by_name = [s for s in await self.reads.of_machine(name) if not s.alert.resource_id]
        found = {stored.alert.key: stored for stored in (*by_id, *by_name)}
        return [
            stored
            for stored in found.values()
            if stored.alert.state in _OPEN and not stored.alert.is_sample
        ]


def _newest(ranked: Sequence[Stored]) -> Alert | None:
    """Of the most urgent ones, the newest: what the approver must not miss."""
    if not ranked:
        return None
    first = [stored for stored in ranked if stored.alert.rank == ranked[0].alert.rank]
    return max(first, key=lambda stored: stored.alert.generated_at or stored.first_at).alert


@dataclass(frozen=True, slots=True)
class ChangeRisk:
    """Unexplained file changes: no session open then, nobody expected them (E5)."""

    reads: FileChangeReads
    #: the requests for a VM, the newest first (`Ledger.by_vm`).
    requests: Callable[[str, int], Awaitable[Sequence[Request]]]
    #: what people said of a burst (`Ledger.subject`).
    subject: Callable[[Subject], Awaitable[tuple[int, bytes | None]]]
    silent: Callable[[], Awaitable[Sequence[SilentMachine]]]
    now: Now

    async def of_machine(self, resource_id: str, name: str) -> RiskFacts:
        places = [resource_id.casefold(), name.casefold()]
        known = await self.reads.places()
        mine = [place for place in places if place in known]
        if not mine:
            return UNKNOWN  # it never sent a row: not monitored, as far as we know
        for silence in await self.silent():
            if silence.place in mine:
                return RiskFacts(changes_since=silence.since)
        since = await self.now() - CHANGES_OF
        rows = [row for place in mine for row in await self.reads.of_machine(place, since)]
        requests = await self.requests(resource_id, REQUESTS_MAX)
        alone = [row for row in rows if not _is_explained(row, requests, resource_id)]
        count = await self._not_expected(alone)
        return RiskFacts(unexplained=count, is_more=len(rows) >= CHANGES_MAX)

    async def _not_expected(self, rows: Sequence[Weighed]) -> int:
        """Without the bursts that somebody has marked as expected."""
        counts = Counter(row.fate for row in rows)
        total = 0
        for burst, n in counts.items():
            _, body = await self.subject(Subject(f"changes:{burst}")) if burst else (0, None)
            total += 0 if _is_expected(body) else n
        return total


def _is_explained(row: Weighed, requests: Sequence[Request], resource_id: str) -> bool:
    """Muted, in a change window, or somebody's port was open."""
    if row.fate.startswith(("muted:", "ignored", "W-")):
        return True
    at = row.change.changed_at or row.change.seen_at
    return at is not None and bool(sessions_at(requests, resource_id, at))


def _is_expected(body: bytes | None) -> bool:
    return read_case(body).is_closed


@dataclass(frozen=True, slots=True)
class FeedRisk:
    """Both feeds, each None where it is off."""

    alerts: AlertRisk | None = None
    changes: ChangeRisk | None = None

    async def of_machine(self, resource_id: str, name: str) -> RiskFacts:
        facts = UNKNOWN
        if self.alerts is not None:
            facts = await self.alerts.of_machine(resource_id, name)
        if self.changes is not None:
            changes = await self.changes.of_machine(resource_id, name)
            facts = replace(
                facts,
                unexplained=changes.unexplained,
                is_more=changes.is_more,
                changes_since=changes.changes_since,
            )
        return facts
