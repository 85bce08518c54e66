"""FAULT-12: replies are lost at random under load; the op-id finds each write, none is doubled."""

from __future__ import annotations

import asyncio
import random

import pytest

from approvals.audit.verify import verify
from approvals.events import OpId
from approvals.ledger import LedgerUnavailable, Recorded, Repeated
from bot.embedded import Embedded
from tests.approvals.samples import SATO, approved, file
from tests.proxy import Proxy
from tests.redis_fixtures import KEYS, MakeLedger


@pytest.mark.proves("FAULT-12", "C031", "O6")
async def test_each_click_is_recorded_once(valkey: Embedded, make_ledger: MakeLedger) -> None:
    chance = random.Random(12)
    async with Proxy(valkey.socket) as proxy:
        ledger = make_ledger(url=proxy.url)
        for n in range(60):
            request = await file(make_ledger(), f"f{n}", ports=(1000 + n,))
            seen = await ledger.read(request.id)
            assert seen is not None
            change = approved(seen, SATO, await ledger.now())
            lost = chance.choice((0, 1, 1, 2, 3))
            proxy.drop_replies(lost, after=b"EVALSHA")
            try:
                outcome = await ledger.record(change, op_id=OpId(f"click{n}"))
                assert isinstance(outcome, Recorded)
            except LedgerUnavailable:
                proxy.heal()
                again = await ledger.record(change, op_id=OpId(f"click{n}"))
                assert isinstance(again, Recorded | Repeated)
            proxy.heal()
    report = await verify(make_ledger().store, KEYS)
    assert (report.is_good, report.head) == (True, 120)


@pytest.mark.proves("FAULT-12")
async def test_lost_reply_of_a_submission_makes_no_second_request(
    valkey: Embedded, make_ledger: MakeLedger
) -> None:
    async with Proxy(valkey.socket) as proxy:
        ledger = make_ledger(url=proxy.url)
        await ledger.now()
        proxy.drop_replies(1, after=b"EVALSHA")
        request = await file(ledger)
        assert [r.id for r in await ledger.open_requests()] == [request.id]
    await asyncio.sleep(0)
    assert (await verify(make_ledger().store, KEYS)).head == 1
