"""An approval is proved from the audit log before Azure is touched; a stolen Redis opens nothing.

The walk goes from the head back to the entry that filed the request, checking number, previous MAC
and MAC of *every* entry on the way, and folds the request's own entries through the same pure
transitions. The request's hash, the indexes and the counter are never asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from approvals import entry as entries_of
from approvals.changes import terms_of
from approvals.entry import AdminEvent, AuditBroken, Entry, Head, Link, Stored
from approvals.events import (
    Applying,
    Approval,
    Attempt,
    Length,
    Opened,
    Opening,
    Refused,
    RequestId,
    State,
    Submitted,
    Terms,
)
from approvals.ledger import Ledger
from approvals.request import IllegalTransition, Request, fold
from approvals.store import parse_entries

#: Entries read at once on the walk back: 4 ms.
BATCH = 40
#: Entries that are checked between two looks at other work: a click waits 1 ms at most.
BREATH = 25

#: A walk of so many entries is a log that nobody has, or a loop.
WALK_MAX = 1_000_000


class ProofFailed(Exception):
    """The audit log does not prove this opening. `why` is for the alarm and the log."""

    def __init__(self, request_id: RequestId, why: str) -> None:
        self.request_id = request_id
        self.why = why
        super().__init__(f"request {request_id}: {why}")


@dataclass(frozen=True, slots=True)
class ProvenRequest:
    """What the audit log proves: this attempt may be sent, with these terms."""

    request: Request
    entry: Entry
    attempt: Attempt
    terms: Terms
    approvals: tuple[Approval, ...]


async def prove(ledger: Ledger, request_id: RequestId, applying: Entry) -> ProvenRequest:
    """The proof that `applying` may be carried out, or ProofFailed.

    LedgerUnavailable when Redis can't be asked, LedgerFrozen when the chain is not what it was.
    """
    head = await ledger.refresh()
    if applying.sequence > head.sequence:
        raise ProofFailed(request_id, "its applying entry is not in the audit log")
    own, extended = await _own_entries(ledger, request_id, head)
    return judge(request_id, own, applying, extended)


async def _own_entries(
    ledger: Ledger, request_id: RequestId, head: Head
) -> tuple[list[Entry], Opening | None]:
    """The request's entries, oldest first, from a gapless walk between its first and the head.

    For an extension the walk goes on to the opening that it extends.
    """
    own: list[Entry] = []
    wanted, extended = request_id, False
    async with aclosing(_walk(ledger, request_id, head)) as walk:
        async for row, link in walk:
            if link.request != wanted:
                continue
            entry = _decoded(request_id, ledger, row)
            if extended:
                if isinstance(entry.event, Opened):
                    return own[::-1], entry.event.opening
                continue
            own.append(entry)
            if isinstance(entry.event, Submitted):
                if entry.event.extends is None:
                    return own[::-1], None
                wanted, extended = entry.event.extends, True
    raise ProofFailed(
        request_id, "no entry opens what it extends" if extended else "no entry files it"
    )


async def _walk(
    ledger: Ledger, request_id: RequestId, head: Head
) -> AsyncGenerator[tuple[Stored, Link]]:
    """Every entry from the head down, checked, without a gap; others get their turns."""
    above: Link | None = None
    rows: Sequence[Stored] = ()
    for sequence in range(head.sequence, max(0, head.sequence - WALK_MAX), -1):
        row = ledger.chain.get(sequence)
        if row is None:
            if not rows or rows[-1].sequence > sequence or rows[0].sequence < sequence:
                rows = await _read_back(ledger, sequence)
            row = _at(rows, sequence)
        if row is None:
            raise ProofFailed(request_id, f"entry {sequence} is missing")
        above = _checked(request_id, ledger, row, above, head)
        yield row, above
        if not sequence % BREATH:
            await asyncio.sleep(0)


async def _read_back(ledger: Ledger, start: int) -> Sequence[Stored]:
    """Up to BATCH entries, newest first, from `start` down."""
    lowest = max(1, start - BATCH + 1)
    answer = await ledger.store.command(
        "XRANGE", ledger.store.keys.audit, f"{lowest}-0", f"{start}-0"
    )
    try:
        return parse_entries(answer)[::-1]
    except AuditBroken as broken:
        raise ledger.freeze(str(broken)) from broken


def _at(rows: Sequence[Stored], sequence: int) -> Stored | None:
    index = rows[0].sequence - sequence if rows else -1
    if 0 <= index < len(rows) and rows[index].sequence == sequence:
        return rows[index]
    return None


def _checked(
    request_id: RequestId, ledger: Ledger, row: Stored, above: Link | None, head: Head
) -> Link:
    """The link of an entry whose MAC holds, and that stands right below `above`."""
    try:
        link = entries_of.check(row, ledger.keys)
        if above is not None:
            entries_of.follows(above, Head(row.sequence, row.mac, row.at_micros))
        elif row.mac != head.mac:
            raise AuditBroken(row.sequence, "it is not the head that was checked")
        return link
    except AuditBroken as broken:
        ledger.freeze(str(broken))
        raise ProofFailed(request_id, str(broken)) from broken


def _decoded(request_id: RequestId, ledger: Ledger, row: Stored) -> Entry:
    try:
        return entries_of.decode(row)
    except AuditBroken as broken:
        ledger.freeze(str(broken))
        raise ProofFailed(request_id, str(broken)) from broken


def judge(
    request_id: RequestId,
    own: Sequence[Entry],
    applying: Entry,
    extended: Opening | None = None,
) -> ProvenRequest:
    """The fold of `own` must end in this very `applying`, with enough of the right approvals.

    `extended` is the opening that an extension is added to.
    """
    last = _last_step(own)
    if last.sequence != applying.sequence or last.mac != applying.mac:
        raise ProofFailed(request_id, f"entry {last.sequence} is newer than the opening to prove")
    if not isinstance(last.event, Applying):
        raise ProofFailed(request_id, "its newest entry is no opening")
    history = [(e.actor, e.at, e.event) for e in own if not isinstance(e.event, AdminEvent)]
    try:
        request = fold(request_id, history)
    except IllegalTransition as error:
        raise ProofFailed(request_id, f"its entries are not a legal history: {error}") from error
    if [e.version for e in own] != list(range(1, len(own) + 1)):
        raise ProofFailed(request_id, "an entry of its history is missing")
    if request.state is not State.APPLYING or request.cancel_wanted:
        raise ProofFailed(request_id, f"it is {request.state}, not to be opened")
    _prove_approvals(request, last.event.terms)
    if request.change is not None:
        _prove_change(request, last.event)
    else:
        _prove_end(request, last, last.event, extended)
    return ProvenRequest(request, last, last.event.attempt, last.event.terms, request.approvals)


def _last_step(own: Sequence[Entry]) -> Entry:
    """The newest entry that changed anything: a try that was refused did not."""
    return next((e for e in reversed(own) if not isinstance(e.event, Refused)), own[-1])


def _prove_approvals(request: Request, terms: Terms) -> None:
    """Four eyes and quorum once more, apart from the transitions: people, not ids, are counted."""
    people: list[frozenset[str]] = []
    for approval in request.approvals:
        ids = frozenset((approval.approver, *approval.same_person))
        if ids & request.same_person:
            raise ProofFailed(request.id, "the requester is among the approvers")
        if any(ids & other for other in people):
            raise ProofFailed(request.id, "two approvals are of one person")
        if not approval.terms.contains(terms):
            raise ProofFailed(request.id, f"{approval.approver} approved narrower terms")
        if not approval.group or not approval.rule or not approval.rule_version:
            raise ProofFailed(request.id, f"no rule says why {approval.approver} may approve")
        people.append(ids)
    if len(people) < max(1, request.rule.quorum):
        raise ProofFailed(
            request.id, f"{len(people)} of {request.rule.quorum} approvals are in the audit log"
        )


def _prove_change(request: Request, event: Applying) -> None:
    """The terms that were approved name exactly the change that will be made."""
    if request.change is None or event.terms != terms_of(request.change):
        raise ProofFailed(request.id, "another change than this was approved")


def _prove_end(request: Request, entry: Entry, event: Applying, extended: Opening | None) -> None:
    """The end is within the terms. A new attempt after an unknown outcome keeps the first's end."""
    window = event.terms.window
    if isinstance(window, Length):
        latest = (extended.ends_at if extended is not None else entry.at) + window.duration
    else:
        latest = window.at
    if event.attempt.ends_at > latest:
        raise ProofFailed(request.id, f"it would end at {event.attempt.ends_at}, after {latest}")
