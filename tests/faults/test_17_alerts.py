"""FAULT 17, alerts: Slack limits one channel in the middle of a storm; another's alerts go on."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.embedded import Embedded
from delivery.outbox import Outbox
from feeds.reading import AlertReads
from sandbox.slack import SandboxSlack
from tests.feeds.alerts import OPS, an_alert
from tests.feeds.processes import Feeds, all_told, told

SECONDS = 60.0


@pytest.mark.proves("FAULT-17", "D13")
async def test_a_limited_channel_pauses_and_loses_nothing(
    slack: SandboxSlack, valkey: Embedded, redis: Redis, outbox: Outbox
) -> None:
    store = AlertReads(redis, tag="test")
    slack.faults.rate_limit("chat.postMessage", 2, channel=OPS, times=3)
    alerts = {OPS: (0, 800), "C0GENERAL": (800, 803)}
    async with Feeds(slack, valkey.url, alerts) as feeds:
        await feeds.start()
        await slack.wait(lambda: len(told(slack)) == 3, SECONDS, "the other channel's three")
        refused = [c for c in slack.calls_of("chat.postMessage") if not c.response.get("ok")]
        assert len(refused) < 3
        feeds.kill()  # in the pause that Slack has asked for
        await feeds.start()
        await all_told(outbox, store, 803, SECONDS)
    assert told(slack) == {an_alert(n).key: 1 for n in range(803)}
    calls = [c for c in slack.calls_of("chat.postMessage") if c.args["channel"] == OPS]
    assert [bool(call.response.get("ok")) for call in calls[:4]] == [False, False, False, True]
