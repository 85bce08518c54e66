"""FAULT 19, alerts: the channel is archived in a storm, the token revoked: nothing is dropped."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.embedded import Embedded
from delivery.outbox import Outbox
from feeds.reading import AlertReads
from feeds.verify import Verify
from sandbox.slack import SandboxSlack
from tests.feeds.alerts import OPS, an_alert
from tests.feeds.processes import Feeds, all_told, told

SECONDS = 60.0
ARCHIVE = "C0ARCHIVE"
AUDIT = "C0AUDIT"


@pytest.mark.proves("FAULT-19", "D13")
async def test_a_storm_for_an_archived_channel_goes_to_the_fallback(
    slack: SandboxSlack, valkey: Embedded, redis: Redis, outbox: Outbox
) -> None:
    store = AlertReads(redis, tag="test")
    async with Feeds(slack, valkey.url, {ARCHIVE: (0, 600)}) as feeds:
        await feeds.start()
        await slack.wait(lambda: len(told(slack)) > 100, SECONDS)
        feeds.kill()
        await feeds.start()
        await all_told(outbox, store, 600, SECONDS)
    assert told(slack) == {an_alert(n).key: 1 for n in range(600)}
    card, *thread = [message for message in slack.channel(AUDIT).messages if message.bot]
    assert card.text.startswith("storm:S-1")
    assert {message.thread_ts for message in thread} == {card.ts}


@pytest.mark.proves("FAULT-19", "D13")
async def test_a_channel_archived_in_the_middle_of_a_storm(
    slack: SandboxSlack, valkey: Embedded, redis: Redis, outbox: Outbox
) -> None:
    store = AlertReads(redis, tag="test")
    async with Feeds(slack, valkey.url, {OPS: (0, 1_500)}, interval=0.1) as feeds:
        await feeds.start()
        await slack.wait(lambda: len(told(slack)) > 300, SECONDS)
        slack.core.workspace.channels[OPS].is_archived = True
        await all_told(outbox, store, 1_500, SECONDS)
    assert told(slack) == {an_alert(n).key: 1 for n in range(1_500)}
    assert any(message.bot for message in slack.channel(AUDIT).messages)


@pytest.mark.proves("FAULT-19", "D14")
async def test_a_revoked_token_keeps_every_alert_waiting(
    slack: SandboxSlack, valkey: Embedded, redis: Redis, outbox: Outbox
) -> None:
    store = AlertReads(redis, tag="test")
    fault = slack.faults.error("chat.postMessage", "token_revoked", times=None)
    async with Feeds(slack, valkey.url, {OPS: (0, 400)}) as feeds:
        await feeds.start()
        await slack.wait(lambda: fault.hits >= 3, SECONDS)
        feeds.kill()
        await feeds.start()
        report = await Verify(store, outbox).run()
        assert report.is_good
        assert report.told == 0
        slack.faults.clear()
        await all_told(outbox, store, 400, SECONDS)
    assert told(slack) == {an_alert(n).key: 1 for n in range(400)}
