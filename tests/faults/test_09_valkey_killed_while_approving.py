"""FAULT-9 at the edge: kill -9 of Valkey while people ask and approve; the bot stays up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from approvals.audit.verify import verify
from approvals.events import RequestId, State
from bot import embedded
from tests.faults.stages import Steps, approve, ask, eventually, said, told
from tests.stage import Stage, set_stage


class Server:
    """A Valkey of its own that is killed and comes back on the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: embedded.Embedded
        self.crashes = 0

    async def start(self) -> None:
        self.running = await embedded.start(self.folder, os.environ)

    async def crash(self) -> None:
        await self.running.kill()
        await self.start()
        self.crashes += 1


@pytest.fixture
async def served(tmp_path: Path, steps: Steps) -> AsyncIterator[tuple[Stage, Server]]:
    stage, server = await set_stage(tmp_path), Server(tmp_path / "ledger")
    await server.start()
    redis = replace(stage.settings.redis, url=server.running.url)
    stage.settings = replace(stage.settings, redis=redis)
    stage.failpoint = steps
    await stage.start_bot()
    yield stage, server
    await stage.stop()
    await server.running.kill()


@pytest.mark.proves("FAULT-9", "C9", "O6")
@pytest.mark.parametrize(
    "step", ["before-applying", "after-applying", "after-send", "before-opened"]
)
async def test_killed_while_the_port_is_being_opened(
    served: tuple[Stage, Server], steps: Steps, step: str
) -> None:
    stage, server = served
    steps.at[step] = server.crash
    card = await ask(stage)
    await approve(stage, card)
    await eventually(lambda: server.crashes == 1)
    await stage.wait_state(State.ACTIVE, within=20)
    assert len(stage.azure.initiates) == 1
    assert len(stage.azure.open_ports()) == 1
    await eventually(lambda: told(stage, "alice", "ssh ") == 1)
    await eventually(lambda: said(stage, card, "Azure shows it open") == 1)
    assert (await verify(stage.ledger.store, stage.ledger.keys)).is_good


@pytest.mark.proves("FAULT-9", "O6")
async def test_every_approval_that_was_answered_stands(served: tuple[Stage, Server]) -> None:
    stage, server = served
    vms = ("web-02", "cache-01", "cache-02", "cache-03")
    cards = [
        await ask(stage, f"/jit {vm} 22 for 1h from 203.0.113.7 because restart") for vm in vms
    ]
    suzuki = stage.slack.person("suzuki")
    clicks = [asyncio.create_task(suzuki.click(card, "jit_approve")) for card in cards]
    await server.crash()
    await asyncio.gather(*clicks)
    for number, card in enumerate(cards, start=1):
        request = await stage.ledger.read(RequestId(str(number)))
        assert request is not None
        if request.state is State.PENDING:  # not recorded, and said so: the same button again
            await approve(stage, card)
        await stage.wait_state(State.ACTIVE, number, within=20)
    assert len(stage.azure.initiates) == len(vms)
    assert (await verify(stage.ledger.store, stage.ledger.keys)).is_good
