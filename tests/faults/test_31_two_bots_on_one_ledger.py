"""FAULT-31: two processes share one ledger; the leader is killed -9; nothing is done twice."""

from __future__ import annotations

import pytest

from approvals.events import Applying, Opened, State, Warned
from tests.faults.processes import PATIENCE, World, count, eventually


@pytest.mark.proves("FAULT-31", "FAULT-7", "M5")
async def test_entries_of_a_killed_process_are_taken_over(world: World) -> None:
    """One of two dies with the attempt in its hands; the other, alive all along, opens it once."""
    doomed = await world.start_bot(kill_at="after-applying")
    card = await world.ask()
    await world.slack.person("suzuki").click(card, "jit_approve")
    assert await doomed.died() == "after-applying"
    await world.start_bot()
    await world.start_bot()
    await world.wait_state(State.ACTIVE)
    world.assert_opened_once()
    entries = await world.entries()
    assert sum(isinstance(entry.event, Opened) for entry in entries) == 1
    assert len({e.event.attempt.ends_at for e in entries if isinstance(e.event, Applying)}) == 1


@pytest.mark.proves("FAULT-31", "M5", "C8")
async def test_other_process_leads_on_when_the_leader_is_killed(world: World) -> None:
    """Deadlines are turned by the one that is left, and everything is told once."""
    leader = await world.start_bot()
    card = await world.ask()
    await world.start_bot()
    await world.slack.person("suzuki").click(card, "jit_approve")
    await world.wait_state(State.ACTIVE)
    alice = world.slack.person("alice")
    await alice.wait_dm("ssh ", timeout=PATIENCE)
    await leader.kill()

    world.clock.advance((await world.wait_state(State.ACTIVE)).terms.window.duration * 0.95)  # type: ignore[union-attr]
    await alice.wait_dm("min left", timeout=PATIENCE)
    await alice.command("C0OPS", "/jit done 1")
    await world.wait_state(State.ENDED)
    await eventually(lambda: count(alice.dms(), "is closed") == 1)
    assert count(alice.dms(), "min left") == 1
    world_entries = await world.entries()
    assert sum(isinstance(entry.event, Warned) for entry in world_entries) == 1
    assert len(world.accepted()) == 1


@pytest.mark.proves("FAULT-31")
async def test_two_live_processes_open_each_approval_once(world: World) -> None:
    await world.start_bot()
    await world.start_bot()
    vms = ("web-02", "cache-01", "cache-02")
    suzuki = world.slack.person("suzuki")
    for vm in vms:
        await world.slack.person("alice").command(
            "C0OPS", f"/jit {vm} 22 for 1h from 203.0.113.7 because restart"
        )
        card = await world.slack.wait_message("C0OPS", containing=vm, timeout=PATIENCE)
        await suzuki.click(card, "jit_approve")
    for number in range(1, len(vms) + 1):
        await world.wait_state(State.ACTIVE, number)
    assert len(world.azure.initiates) == len(vms)
    assert sorted(port.vm for port in world.azure.open_ports()) == sorted(vms)
