"""FAULT-3: the same click or form, delivered again or at once, has one effect and one answer."""

from __future__ import annotations

import asyncio

import pytest

from approvals.audit.verify import verify
from approvals.events import OpId
from approvals.ledger import LedgerBusy, Recorded, Repeated, Submission
from tests.approvals.samples import ALICE, SATO, approved, file, submitted
from tests.redis_fixtures import KEYS, MakeLedger


@pytest.mark.proves("FAULT-3")
async def test_click_delivered_to_two_processes_at_once(make_ledger: MakeLedger) -> None:
    one, two = make_ledger(), make_ledger()
    for n in range(30):
        request = await file(one, f"f{n}", ports=(1000 + n,))
        change = approved(request, SATO, await one.now())
        await two.now()
        outcomes = await asyncio.gather(
            *(process.record(change, op_id=OpId(f"click{n}")) for process in (one, two, one, two))
        )
        first = [outcome for outcome in outcomes if isinstance(outcome, Recorded)]
        again = [outcome for outcome in outcomes if isinstance(outcome, Repeated)]
        assert (len(first), len(again)) == (1, 3)
        assert all(outcome.entry == first[0].entry for outcome in again)
    assert (await verify(one.store, KEYS)).head == 60


@pytest.mark.proves("FAULT-3")
async def test_form_delivered_to_two_processes_at_once(make_ledger: MakeLedger) -> None:
    processes = [make_ledger(), make_ledger()]
    for n in range(30):
        event = submitted(await processes[0].now(), ports=(1000 + n,))

        async def send(process: int, n: int = n, event: object = event) -> Submission:
            while True:
                try:
                    return await processes[process].submit(
                        event,  # type: ignore[arg-type]
                        actor=ALICE,
                        op_id=OpId(f"view{n}"),
                    )
                except LedgerBusy:
                    continue

        outcomes = await asyncio.gather(*(send(process % 2) for process in range(4)))
        assert sum(isinstance(outcome, Recorded) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Repeated) for outcome in outcomes) == 3
    assert (await verify(processes[0].store, KEYS)).head == 30
