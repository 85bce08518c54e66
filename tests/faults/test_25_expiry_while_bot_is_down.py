"""FAULT-25: deadlines pass while nobody works on them; a late click is refused even before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.events import EndCause, State
from approvals.ledger import Lease
from tests.faults.processes import PATIENCE, World, count, eventually
from tests.faults.stages import ask, in_time
from tests.stage import Stage


@pytest.mark.proves("FAULT-25", "B15")
async def test_late_click_is_refused_before_anybody_has_turned_the_deadline(world: World) -> None:
    """Another process holds the lease and does nothing with it."""
    first = await world.start_bot()
    card = await world.ask()
    await first.kill()
    held: Lease | None = None

    async def take() -> bool:
        nonlocal held
        held = await world.ledger.lease("main", "a process that hangs", timedelta(minutes=5))
        return held is not None

    await in_time(take)
    await world.start_bot()
    world.clock.advance(timedelta(hours=30))
    suzuki = world.slack.person("suzuki")
    await suzuki.click(card, "jit_approve")
    await suzuki.wait_ephemeral("Nothing changed", timeout=PATIENCE)
    assert (await world.wait_state(State.PENDING)).approvals == ()
    assert not world.azure.initiates
    assert held is not None
    await world.ledger.release(held)
    await world.wait_state(State.LAPSED)


@pytest.mark.proves("FAULT-25", "C8", "M7")
async def test_end_passes_while_every_process_is_dead(world: World) -> None:
    """Azure closes it; card, DM and audit log catch up at the start, once."""
    bot = await world.start_bot()
    card = await world.ask()
    await world.slack.person("suzuki").click(card, "jit_approve")
    await world.wait_state(State.ACTIVE)
    alice = world.slack.person("alice")
    await alice.wait_dm("ssh ", timeout=PATIENCE)
    await bot.kill()
    world.clock.advance(timedelta(hours=4))
    await world.start_bot()
    request = await world.wait_state(State.ENDED)
    assert request.ended is not None
    assert request.ended.cause is EndCause.EXPIRED
    await eventually(lambda: count(alice.dms(), "is closed") == 1)
    await world.slack.wait_update(card, containing="is closed", timeout=PATIENCE)
    assert not world.azure.open_ports()


@pytest.mark.proves("FAULT-25", "C2", "C104")
async def test_length_counts_from_the_opening(stage: Stage) -> None:
    card = await ask(stage, "/jit web-01 22 for 1h from 203.0.113.7 because deploy fix")
    stage.advance(minutes=20)
    await stage.service.groups.read()
    await stage.slack.person("suzuki").click(card, "jit_approve")
    request = await stage.wait_state(State.ACTIVE)
    assert request.opening is not None
    assert request.opening.ends_at - request.submitted_at >= timedelta(minutes=80)
    (port,) = stage.azure.open_ports()
    assert port.ends_at == request.opening.ends_at
