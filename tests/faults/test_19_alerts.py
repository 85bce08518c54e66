"""FAULT 19, alerts: the channel is archived in a storm, the token revoked: nothing is dropped."""

from __future__ import annotations

import pytest

from tests.faults.feed_rounds import all_told, raise_alerts, storms, titles, told, verified
from tests.faults.processes import World, eventually

ROUTED, FALLBACK = "C0SOC", "C0ALERTS"
STORM = 300


@pytest.mark.proves("FAULT-19", "D13")
async def test_a_storm_for_an_archived_channel_goes_to_the_fallback(world: World) -> None:
    world.slack.core.workspace.channels[ROUTED].is_archived = True
    raise_alerts(world, range(STORM), severity="High")
    await world.killed_at("after-post", 2, POLL_EVERY="2")
    await world.start_bot(POLL_EVERY="2")
    await all_told(world, alerts=STORM)
    assert told(world) == titles(range(STORM))
    [card] = storms(world)
    assert card.channel == FALLBACK
    thread = world.slack.channel(FALLBACK).thread(card.ts)[1:]
    assert len(thread) > 1


@pytest.mark.proves("FAULT-19", "D13")
async def test_a_channel_archived_in_the_middle_of_a_storm(world: World) -> None:
    raise_alerts(world, range(STORM), severity="High")
    await world.killed_at("after-post", 2, POLL_EVERY="2")
    assert storms(world)
    world.slack.core.workspace.channels[ROUTED].is_archived = True
    await world.start_bot(POLL_EVERY="2")
    await all_told(world, alerts=STORM)
    assert told(world) == titles(range(STORM))
    assert any(message.bot for message in world.slack.channel(FALLBACK).messages)


@pytest.mark.proves("FAULT-19", "D14")
async def test_a_revoked_token_keeps_every_alert_waiting(world: World) -> None:
    fault = world.slack.faults.error("chat.postMessage", "token_revoked", times=None)
    raise_alerts(world, range(STORM))
    for hits in (1, 2):
        bot = await world.start_bot(POLL_EVERY="2")
        await eventually(lambda hits=hits: fault.hits >= hits)
        report, _ = await verified(world)
        assert report.told == 0
        await bot.kill()
    world.slack.faults.clear()
    await world.start_bot(POLL_EVERY="2")
    await all_told(world, alerts=STORM)
    assert told(world) == titles(range(STORM))
