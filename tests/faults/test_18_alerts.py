"""FAULT 18, alerts: Slack's answers are lost in a storm, and `sekisho run` is killed. Told once."""

from __future__ import annotations

import pytest

from tests.faults.feed_rounds import all_told, end_storms, in_files, raise_alerts, titles, told
from tests.faults.processes import World, eventually

STORM = 300


@pytest.mark.proves("FAULT-18", "C074", "D13")
async def test_answers_lost_in_a_storm(world: World) -> None:
    faults = world.slack.faults
    for _ in range(3):
        faults.drop_after_accept("chat.postMessage")
        faults.http("chat.postMessage", 503)
        faults.drop_before("chat.postMessage")
    faults.drop_after_accept("files.completeUploadExternal")
    faults.http("chat.update", 500)
    raise_alerts(world, range(STORM))
    await world.killed_at("after-pack", POLL_EVERY="2")
    bot = await world.start_bot(POLL_EVERY="2")
    await eventually(lambda: sum(told(world).values()) > 0)
    await bot.kill()
    await world.start_bot(POLL_EVERY="2")
    await all_told(world, alerts=STORM)
    await end_storms(world)
    assert told(world) == in_files(world) == titles(range(STORM))
    assert len(world.slack.core.files) == 1
