"""FAULT 17, alerts: Slack limits one channel in the middle of a storm; another's alerts go on."""

from __future__ import annotations

import pytest

from tests.faults.feed_rounds import all_told, raise_alerts, titles, told
from tests.faults.processes import World, eventually

STORM, CARDS = 300, 2


@pytest.mark.proves("FAULT-17", "D13")
async def test_a_limited_channel_pauses_and_loses_nothing(world: World) -> None:
    fault = world.slack.faults.rate_limit("chat.postMessage", 2, channel="C0ALERTS", times=3)
    raise_alerts(world, range(STORM))
    raise_alerts(world, range(STORM, STORM + CARDS), severity="High")
    bot = await world.start_bot(POLL_EVERY="2")
    await eventually(lambda: len(told(world)) >= CARDS and fault.hits)
    assert fault.hits < 3
    await bot.kill()  # in the pause that Slack has asked for
    await world.start_bot(POLL_EVERY="2")
    await all_told(world, alerts=STORM + CARDS)
    assert told(world) == titles(range(STORM + CARDS))
    calls = [c for c in world.slack.calls_of("chat.postMessage") if c.args["channel"] == "C0ALERTS"]
    assert [bool(call.response.get("ok")) for call in calls[:4]] == [False, False, False, True]
