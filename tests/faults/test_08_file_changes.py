"""FAULT 8, file changes: killed between Log Analytics and Slack; each is told once."""

from __future__ import annotations

import pytest

from sandbox.slack import Message
from tests.faults.feed_rounds import all_told, bot_messages, verified
from tests.faults.processes import World

STEPS = ("before-take", "after-take", "after-post", "after-finish")
MACHINES = ("web-01", "web-02")
#: Files of one round on one machine.
FILES = 3


def cards(world: World, vm: str) -> list[Message]:
    said = f"file changes on {vm}"
    return [m for m in bot_messages(world) if not m.is_reply and said in m.all_text()]


@pytest.mark.proves("FAULT-8", "E1", "E2")
async def test_killed_while_it_tells_file_changes(world: World) -> None:
    """A burst's card is one message that is edited, however often the bot dies in between."""
    for number, step in enumerate(STEPS):
        for vm in MACHINES:
            for file in range(FILES):
                world.azure.change_file(vm, f"/srv/odd/{number}-{file}")
        await world.killed_at(step)
        await verified(world)
    await world.start_bot()
    each = FILES * len(STEPS)
    await all_told(world, changes=each * len(MACHINES))
    for vm in MACHINES:
        [card] = cards(world, vm)
        assert card.says(f"{each} file changes on {vm}"), card.all_text()
