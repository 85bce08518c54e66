"""What the ledger answers, and how it fails.

LedgerError
├─ LedgerUnavailable   Redis can't be reached or refuses; `unknown` says whether it may be written
│  └─ LedgerBusy       eight heads were lost to other writers: nothing was recorded
└─ LedgerFrozen        the chain is not what it was: only closing goes on
IllegalTransition      (approvals.request) the step is not legal: nothing was recorded
AuditBroken            (approvals.entry) an entry is not what was written
"""

from __future__ import annotations

from dataclasses import dataclass

from approvals.entry import Entry
from approvals.events import Event, PersonId
from approvals.request import Request


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one request; `request` is None when the step files a new one."""

    request: Request | None
    event: Event
    actor: PersonId
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Durable. `requests` are the requests after the step, in the order of the changes."""

    requests: tuple[Request, ...]
    entries: tuple[Entry, ...]

    @property
    def request(self) -> Request:
        return self.requests[0]

    @property
    def entry(self) -> Entry:
        return self.entries[0]


@dataclass(frozen=True, slots=True)
class Repeated:
    """This op-id was recorded before: its entry then, the request as it is now."""

    entry: Entry
    request: Request | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody was faster: the request as it is now. Decide again."""

    request: Request


@dataclass(frozen=True, slots=True)
class Same:
    """The same person asked for the same VM, ports and source, and that is still open."""

    request: Request


Outcome = Recorded | Repeated | Conflict
Submission = Recorded | Repeated | Same


class LedgerError(Exception):
    """The ledger could not do it. The text is for the log."""


class LedgerUnavailable(LedgerError):
    """`unknown`: the write may yet have happened (Redis can't even be asked about the op-id)."""

    def __init__(self, why: str, *, unknown: bool = False) -> None:
        self.why = why
        self.unknown = unknown
        super().__init__(why)


class LedgerBusy(LedgerUnavailable):
    """Other writers were faster at every try: nothing was recorded."""


class LedgerFrozen(LedgerError):
    """Submitting, deciding and applying stop until `sekisho audit resume`.

    `deferred` is set for a step that closes a port: the request as it would be. The step stands in
    the second sink and is entered after the resume; whoever asked may close the port now.
    """

    def __init__(self, why: str, *, deferred: Request | None = None) -> None:
        self.why = why
        self.deferred = deferred
        super().__init__(why)
