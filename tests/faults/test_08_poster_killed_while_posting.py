"""FAULT 8: the poster is killed while it posts. Nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bot.embedded import Embedded
from delivery.outbox import Card, ChannelId, Line, ObjectId, Outbox
from sandbox.slack import SandboxSlack
from tests.delivery.processes import Posters

MESSAGES = 1_000
KILLS = 25
CHANNELS = tuple(map(ChannelId, ("C0OPS", "C0GENERAL", "C0AUDIT", "C0JA", "U0ALICE")))
SECONDS = 60.0


def told(slack: SandboxSlack) -> Counter[str]:
    """How often each text stands in the workspace."""
    posted = [call for call in slack.calls_of("chat.postMessage") if call.response.get("ok")]
    return Counter(str(call.args["text"]) for call in posted)


@pytest.mark.proves("FAULT-8", "C074")
async def test_a_poster_killed_many_times_loses_and_doubles_nothing(
    slack: SandboxSlack, valkey: Embedded, outbox: Outbox
) -> None:
    expected = Counter[str]()
    for number in range(MESSAGES):
        channel = CHANNELS[number % len(CHANNELS)]
        if number % 7 == 0:
            name = ObjectId(f"card {number}")
            await outbox.put(channel, Card(key=f"k{number}", object_id=name))
            expected[name] = 1
        else:
            await outbox.put(channel, Line(key=f"k{number}", text=f"line {number}"))
            expected[f"line {number}"] = 1
    async with Posters(slack, valkey.url, lease_ms=400) as posters:
        await posters.start()
        await posters.start()
        for kill in range(1, KILLS + 1):
            due = kill * MESSAGES // (KILLS + 2)
            await slack.wait(lambda due=due: len(told(slack)) >= due, SECONDS)  # type: ignore[misc]
            posters.kill()
            await posters.start()
        await slack.wait(lambda: len(told(slack)) >= MESSAGES, SECONDS, "everything told")
        await wait_empty(outbox)
        assert posters.killed == KILLS
    assert told(slack) == expected
    assert await outbox.set_aside_count() == 0


async def wait_empty(outbox: Outbox) -> None:
    async with asyncio.timeout(SECONDS):
        while any([await outbox.size(channel) for channel in CHANNELS]):
            await asyncio.sleep(0.02)
