"""FAULT-1: one decision and one entry each, however many people click at once in two processes."""

from __future__ import annotations

import asyncio

import pytest

from approvals.audit.search import Query, search
from approvals.audit.verify import verify
from approvals.events import OpId, PersonId, State
from approvals.ledger import Conflict, Ledger, LedgerBusy, Recorded
from approvals.request import IllegalTransition, Request
from tests.approvals.samples import approved, denied, file
from tests.redis_fixtures import KEYS, MakeLedger

REQUESTS = 200
CLICKS = 50


async def click(ledger: Ledger, request: Request, person: PersonId, op: str) -> Recorded | None:
    """Approve as a handler does: read again and decide anew whenever somebody was faster."""
    current, tries = request, 0
    while True:
        make = denied if op.endswith("-deny") else approved
        change = make(current, person, current.submitted_at)
        try:
            outcome = await ledger.record(change, op_id=OpId(op))
        except IllegalTransition:
            return None
        except LedgerBusy:
            # The person is told 'not recorded' and clicks again.
            tries += 1
            assert tries < 50
            continue
        if isinstance(outcome, Conflict):
            current = outcome.request
            continue
        assert isinstance(outcome, Recorded)
        return outcome


@pytest.mark.proves("FAULT-1", "B10")
async def test_fifty_clicks_on_each_of_200_requests_give_one_decision(
    make_ledger: MakeLedger,
) -> None:
    processes = [make_ledger(), make_ledger()]
    requests = [await file(processes[n % 2], f"f{n}", ports=(1000 + n,)) for n in range(REQUESTS)]
    for request in requests:
        kinds = ["yes", "deny"]
        clicks = [
            click(
                processes[n % 2], request, PersonId(f"U{n:03}"), f"{request.id}-{n}-{kinds[n % 2]}"
            )
            for n in range(CLICKS)
        ]
        outcomes = await asyncio.gather(*clicks)
        winners = [outcome for outcome in outcomes if outcome is not None]
        assert len(winners) == 1
        found = await processes[0].read(request.id)
        assert found == winners[0].request
        assert found.state in (State.APPROVED, State.DENIED)
    report = await verify(processes[0].store, KEYS)
    assert (report.is_good, report.head) == (True, 2 * REQUESTS)


@pytest.mark.proves("FAULT-1", "B4")
async def test_with_a_quorum_of_two_both_clicks_count(make_ledger: MakeLedger) -> None:
    processes = [make_ledger(), make_ledger()]
    for n in range(20):
        request = await file(processes[0], f"f{n}", ports=(1000 + n,), quorum=2)
        outcomes = await asyncio.gather(
            click(processes[0], request, PersonId("U0SATO"), f"{n}-sato"),
            click(processes[1], request, PersonId("U0SUZUKI"), f"{n}-suzuki"),
        )
        assert all(outcomes)
        found = await processes[0].read(request.id)
        assert found is not None
        assert found.state is State.APPROVED
        assert {a.approver for a in found.approvals} == {"U0SATO", "U0SUZUKI"}
    page = await search(processes[0].store, KEYS, Query(kind="approved"))
    assert page.total == 40
