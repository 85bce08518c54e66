"""FAULT-7 for a change to Azure: kill -9 at every step between the yes and the proof of it.

The change is made, told and entered once; what Azure had before is not lost.
"""

from __future__ import annotations

import pytest

from approvals.events import Applied, Applying, State
from tests.faults.processes import World

LINE = "/jit enable monitor-01 ssh max 2h from 203.0.113.0/24 because new monitoring"

STEPS = ("before-applying", "after-applying", "before-send", "after-send", "after-applied")


@pytest.mark.proves("FAULT-7", "C12", "M7")
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at(world: World, step: str) -> None:
    bot = await world.start_bot(kill_at=step)
    card = await world.ask(LINE)
    await world.slack.person("suzuki").click(card, "jit_approve")
    assert await bot.died() == step
    await world.start_bot()
    request = await world.wait_state(State.APPLIED)
    await world.slack.wait_update(card, containing="Done: JIT turned on", timeout=20)
    entries = await world.entries()
    assert sum(isinstance(entry.event, Applied) for entry in entries) == 1
    attempts = [entry.event for entry in entries if isinstance(entry.event, Applying)]
    assert len(attempts) == len(request.attempts)
    assert attempts[0].before
    puts = [found for found in world.azure.received if found.method == "PUT"]
    assert len(puts) == 1
    named = {
        entry.vm_id.rpartition("/")[2].lower()
        for policy in world.azure.state.policies.values()
        for entry in policy.entries
    }
    assert {"monitor-01", "bastion-01", "jump-01"} <= named
