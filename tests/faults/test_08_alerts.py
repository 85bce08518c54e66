"""FAULT 8, alerts: the process that takes in, groups and posts is killed. Lost 0, doubled 0."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.embedded import Embedded
from delivery.outbox import Outbox
from feeds.reading import AlertReads
from sandbox.slack import SandboxSlack
from tests.feeds.alerts import an_alert
from tests.feeds.processes import Feeds, all_shared, all_told, told

KILLS = 25
SECONDS = 90.0
#: A storm in two channels, single cards in the others.
ALERTS = {
    "C0OPS": (0, 3_000),
    "C0GENERAL": (3_000, 4_000),
    "C0AUDIT": (4_000, 4_004),
    "C0JA": (4_004, 4_005),
}
COUNT = 4_005


@pytest.mark.proves("FAULT-8", "C074")
async def test_killed_many_times_between_azure_and_slack(
    slack: SandboxSlack, valkey: Embedded, redis: Redis, outbox: Outbox
) -> None:
    slack.scopes.add("files:write")
    store = AlertReads(redis, tag="test")
    async with Feeds(slack, valkey.url, ALERTS, poll=0.02, interval=0.05) as feeds:
        await feeds.start()
        await feeds.start()
        for kill in range(1, KILLS + 1):
            due = kill * COUNT // (KILLS + 2)
            await slack.wait(lambda due=due: sum(told(slack).values()) >= due, SECONDS)  # type: ignore[misc]
            feeds.kill()
            await feeds.start()
        await all_told(outbox, store, COUNT, SECONDS)
        in_files = await all_shared(slack, redis, SECONDS)
        assert feeds.killed == KILLS
    assert told(slack) == {an_alert(n).key: 1 for n in range(COUNT)}
    assert len(in_files) == 4_000
    assert await outbox.set_aside_count() == 0
