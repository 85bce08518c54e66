"""FAULT-7: kill -9 of the bot at every step between the click and the open port.

Nothing decided is lost, the port is opened once, and everybody is told once.
"""

from __future__ import annotations

import pytest

from approvals.events import Approved, Opened, State
from sandbox.azure.faults import hang_after_accept
from tests.faults.processes import World, count, eventually

STEPS = (
    "after-decision",
    "before-applying",
    "after-applying",
    "after-proof",
    "before-send",
    "after-send",
    "before-opened",
    "after-opened",
)


async def assert_right_in_the_end(world: World) -> None:
    """One decision, one opening, one message each."""
    request = await world.wait_state(State.ACTIVE)
    assert len(request.approvals) == 1
    world.assert_opened_once()
    assert len(world.azure.initiates) == 1
    entries = await world.entries()
    assert sum(isinstance(entry.event, Approved) for entry in entries) == 1
    assert sum(isinstance(entry.event, Opened) for entry in entries) == 1
    alice = world.slack.person("alice")
    await alice.wait_dm("ssh ", timeout=20)
    cards = [m for m in world.slack.channel("C0OPS").messages if not m.thread_ts]
    assert len(cards) == 1
    await world.slack.wait_update(cards[0], containing="is open", timeout=20)
    channel = world.slack.channel("C0OPS")
    await eventually(lambda: count(channel.thread(cards[0].ts), "Azure shows it open") == 1)
    assert count(alice.dms(), "ssh ") == 1


@pytest.mark.proves("FAULT-7", "C9", "M7")
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at(world: World, step: str) -> None:
    bot = await world.start_bot(kill_at=step)
    card = await world.ask()
    await world.slack.person("suzuki").click(card, "jit_approve")
    assert await bot.died() == step
    await world.start_bot()
    await assert_right_in_the_end(world)


@pytest.mark.proves("FAULT-7", "FAULT-3", "M7")
async def test_killed_before_the_decision_is_written(world: World) -> None:
    """Nothing was decided, nobody was told so, and the same button works after the restart."""
    bot = await world.start_bot(kill_at="before-decision")
    card = await world.ask()
    suzuki = world.slack.person("suzuki")
    await suzuki.click(card, "jit_approve")
    await bot.died()
    assert (await world.wait_state(State.PENDING)).approvals == ()
    assert not world.azure.initiates
    await world.start_bot()
    await suzuki.click(card, "jit_approve")
    await assert_right_in_the_end(world)


@pytest.mark.proves("FAULT-7", "FAULT-22")
async def test_killed_while_azure_has_it(world: World) -> None:
    """Azure took it, the answer was under way: found by reading, not sent again."""
    world.azure.faults.add(hang_after_accept(path_contains="/initiate"))
    bot = await world.start_bot()
    card = await world.ask()
    await world.slack.person("suzuki").click(card, "jit_approve")
    await world.azure.wait(lambda: world.azure.open_ports(), timeout=20)
    await bot.kill()
    await world.start_bot()
    await assert_right_in_the_end(world)
