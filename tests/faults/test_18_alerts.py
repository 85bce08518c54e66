"""FAULT 18, alerts: Slack's answers are lost in a storm, and the poster is killed. Told once."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.embedded import Embedded
from delivery.outbox import Outbox
from feeds.reading import AlertReads
from sandbox.slack import SandboxSlack
from tests.feeds.alerts import OPS, an_alert
from tests.feeds.processes import Feeds, all_told, files, told

SECONDS = 60.0


@pytest.mark.proves("FAULT-18", "C074", "D13")
@pytest.mark.parametrize("is_killed", [False, True])
async def test_answers_lost_in_a_storm(
    slack: SandboxSlack, valkey: Embedded, redis: Redis, outbox: Outbox, *, is_killed: bool
) -> None:
    slack.scopes.add("files:write")
    store = AlertReads(redis, tag="test")
    alerts = {OPS: (0, 1_500), "C0GENERAL": (1_500, 1_503)}
    for _ in range(3):
        slack.faults.drop_after_accept("chat.postMessage")
        slack.faults.http("chat.postMessage", 503)
        slack.faults.drop_before("chat.postMessage")
    slack.faults.drop_after_accept("files.completeUploadExternal")
    slack.faults.http("chat.update", 500)
    async with Feeds(slack, valkey.url, alerts, interval=0.02) as feeds:
        await feeds.start()
        if is_killed:
            for share in (50, 700):
                await slack.wait(lambda n=share: sum(told(slack).values()) >= n, SECONDS)  # type: ignore[misc]
                feeds.kill()
                await feeds.start()
        await all_told(outbox, store, 1_503, SECONDS)
        await slack.wait(lambda: bool(files(slack)), SECONDS, "the file")
    assert told(slack) == {an_alert(n).key: 1 for n in range(1_503)}
    assert len(files(slack)) == 1
