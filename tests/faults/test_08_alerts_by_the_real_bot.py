"""FAULT 8, alerts: `sekisho run` is killed wherever it writes. Lost 0, doubled 0."""

from __future__ import annotations

import pytest

from tests.faults.feed_rounds import (
    all_told,
    end_storms,
    in_files,
    raise_alerts,
    storms,
    titles,
    told,
    verified,
)
from tests.faults.processes import World

#: One alert in each of two channels a round: at most three wait for a channel, which is no storm.
STEPS = (
    ("before-ingest", "after-ingest", "after-group"),
    ("before-post", "after-post", "after-finish"),
)
#: In a storm; the turn at which it dies.
STORM_STEPS = (
    ("after-ingest", 1),
    ("before-pack", 1),
    ("after-pack", 1),
    ("after-post", 2),
    ("after-update", 1),
)
STORM_ROUND = 60


@pytest.mark.proves("FAULT-8", "C074", "D1")
async def test_killed_while_it_tells_single_alerts(world: World) -> None:
    count = 0
    for steps in STEPS:
        for step in steps:
            raise_alerts(world, [count], severity="Medium")
            raise_alerts(world, [count + 1], severity="High")
            count += 2
            await world.killed_at(step)
            await verified(world)
        bot = await world.start_bot()
        await all_told(world, alerts=count)
        await bot.kill()
    assert told(world) == titles(range(count))
    assert not storms(world)


@pytest.mark.proves("FAULT-8", "C074", "D13", "D14")
async def test_killed_while_it_tells_a_storm(world: World) -> None:
    count = 0
    for step, turn in STORM_STEPS:
        raise_alerts(world, range(count, count + STORM_ROUND))
        count += STORM_ROUND
        await world.killed_at(step, turn, POLL_EVERY="2")
        await verified(world)
    await world.start_bot(POLL_EVERY="2")
    await all_told(world, alerts=count)
    await end_storms(world)
    assert told(world) == in_files(world) == titles(range(count))
    [card] = storms(world)
    thread = world.slack.channel("C0ALERTS").thread(card.ts)[1:]
    assert len(thread) < count / 10
