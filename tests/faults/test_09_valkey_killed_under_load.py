"""FAULT-9: kill -9 of the server under load, again and again: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from approvals.audit.verify import verify
from approvals.events import OpId, State
from approvals.ledger import Ledger, LedgerUnavailable, Recorded, Repeated
from bot.embedded import Embedded, start
from tests.approvals.samples import SATO, approved, file
from tests.redis_fixtures import KEYS

ROUNDS = 20


class Load:
    """Four people who file and approve until the server dies; remembers what was acknowledged."""

    def __init__(self, server: Embedded, round_number: int) -> None:
        self.client = server.client()
        self.ledger = Ledger(self.client, KEYS)
        self.round = round_number
        self.acknowledged: dict[str, str] = {}

    async def person(self, number: int) -> None:
        for n in range(10_000):
            name = f"{self.round}-{number}-{n}"
            source = f"203.0.{self.round}.{number}"
            try:
                request = await file(self.ledger, f"file-{name}", ports=(1000 + n,), source=source)
                self.acknowledged[request.id] = f"file-{name}"
                change = approved(request, SATO, await self.ledger.now())
                outcome = await self.ledger.record(change, op_id=OpId(f"yes-{name}"))
            except LedgerUnavailable:
                return
            assert isinstance(outcome, Recorded)
            self.acknowledged[request.id] = f"yes-{name}"


@pytest.mark.proves("FAULT-9", "O6")
async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    acknowledged: dict[str, str] = {}
    for round_number in range(ROUNDS):
        server = await start(tmp_path, os.environ)
        load = Load(server, round_number)
        people = [asyncio.create_task(load.person(number)) for number in range(4)]
        while len(load.acknowledged) < 5 + round_number:
            assert not any(task.done() for task in people)
            await asyncio.sleep(0.001)
        await server.kill()
        await asyncio.gather(*people)
        await load.client.aclose()
        acknowledged |= load.acknowledged

    server = await start(tmp_path, os.environ)
    client = server.client()
    ledger = Ledger(client, KEYS)
    for request_id, op in acknowledged.items():
        entry = await ledger.find_op(OpId(op))
        assert entry is not None
        assert entry.request == request_id
        request = await ledger.read(entry.request)
        assert request is not None
        assert request.state is (State.APPROVED if op.startswith("yes") else request.state)
    report = await verify(ledger.store, KEYS)
    assert report.is_good
    assert len(acknowledged) >= ROUNDS * 5
    await client.aclose()
    await server.stop()


@pytest.mark.proves("FAULT-9")
async def test_click_that_was_under_way_is_recorded_once_or_not_at_all(tmp_path: Path) -> None:
    for n in range(10):
        server = await start(tmp_path / str(n), os.environ)
        client = server.client()
        ledger = Ledger(client, KEYS)
        request = await file(ledger)
        change = approved(request, SATO, await ledger.now())
        click = asyncio.create_task(ledger.record(change, op_id=OpId("click")))
        await asyncio.sleep(n * 0.0003)
        await server.kill()
        answers = await asyncio.gather(click, return_exceptions=True)
        server = await start(tmp_path / str(n), os.environ)
        again = await ledger.record(change, op_id=OpId("click"))
        assert isinstance(again, Recorded | Repeated)
        if isinstance(answers[0], Recorded):
            assert isinstance(again, Repeated)
        assert (await verify(ledger.store, KEYS)).head == 2
        await client.aclose()
        await server.stop()
