"""`/audit`: entries by VM, person, request, kind and period, newest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals import entry as entries_of
from approvals.audit.scanning import scan
from approvals.entry import AuditKeys, Entry, FoundOpening, Stored
from approvals.events import PersonId, RequestId, Submitted
from approvals.store import Store

#: Entries of one page in Slack.
PAGE = 10


@dataclass(frozen=True, slots=True)
class Query:
    """All that is given must hold. `vm` is a name or a whole resource id, in any case.

    A person's entries are those the person made and all of the requests the person filed.
    """

    vm: str = ""
    person: PersonId | None = None
    request: RequestId | None = None
    #: tag of the event, for example "approved"
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`next_before` asks for the next page, None on the last."""

    entries: tuple[Entry, ...]
    next_before: int | None
    total: int


class Selection:
    """Which entries a query means. They are offered in order: only the first entry of a request
    says its VM and requester."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._vm = query.vm.casefold()
        self._of_vm: set[RequestId | None] = set()
        self._of_person: set[RequestId | None] = set()

    def takes(self, entry: Entry) -> bool:
        self._learn(entry)
        query = self._query
        wanted = (
            (not self._vm or entry.request in self._of_vm or self._is_found_opening(entry)),
            (not query.person or entry.actor == query.person or entry.request in self._of_person),
            (not query.request or entry.request == query.request),
            (not query.kind or kind_of(entry) == query.kind),
            (query.since is None or entry.at >= query.since),
            (query.until is None or entry.at < query.until),
        )
        return all(wanted)

    def _learn(self, entry: Entry) -> None:
        if not isinstance(entry.event, Submitted):
            return
        target = entry.event.target
        if self._vm in (target.name.casefold(), target.resource_id.casefold()):
            self._of_vm.add(entry.request)
        if self._query.person in (entry.actor, *entry.event.same_person):
            self._of_person.add(entry.request)

    def _is_found_opening(self, entry: Entry) -> bool:
        if not isinstance(entry.event, FoundOpening):
            return False
        resource_id = entry.event.resource_id.casefold()
        return self._vm in (resource_id, resource_id.rpartition("/")[2])


def kind_of(entry: Entry) -> str:
    """The event's tag: "submitted", "approved", "archived" …"""
    return str(entry.event.__struct_config__.tag)


async def search(
    store: Store, keys: AuditKeys, query: Query, *, before: int | None = None, n: int = PAGE
) -> Page:
    """One page, newest first. AuditBroken when an entry on the way is not what was written."""
    selection = Selection(query)
    found: list[Stored] = []
    total = 0
    async for rows in scan(store, through=None):
        for row in selected(rows, selection, keys):
            total += 1
            if before is None or row.sequence < before:
                found.append(row)
        del found[: max(0, len(found) - n - 1)]
    page = found[-n:][::-1]
    more = len(found) > n
    return Page(
        tuple(entries_of.read(row, keys) for row in page),
        page[-1].sequence if more else None,
        total,
    )


def selected(rows: Sequence[Stored], selection: Selection, keys: AuditKeys) -> list[Stored]:
    """The rows that the selection takes, each checked."""
    return [row for row in rows if selection.takes(entries_of.read(row, keys))]
