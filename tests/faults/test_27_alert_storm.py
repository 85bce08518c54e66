"""FAULT 27: 10,000 alerts at once. One card that counts, every line in its thread, a file; kill -9.

Seconds and megabytes are shown by `make bench`.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from redis.asyncio import Redis

from bot.embedded import Embedded
from delivery.outbox import ObjectId, Outbox
from feeds.reading import AlertReads
from feeds.storm import Storms
from feeds.verify import Verify
from sandbox.slack import SandboxSlack
from tests.feeds.alerts import OPS, an_alert
from tests.feeds.processes import Feeds, all_shared, all_told, told

COUNT = 10_000
KILLS = 8
SECONDS = 120.0


@pytest.mark.proves("FAULT-27", "D13", "D14")
async def test_every_alert_of_a_storm_is_told_once(
    slack: SandboxSlack, valkey: Embedded, redis: Redis, outbox: Outbox
) -> None:
    slack.scopes.add("files:write")
    store = AlertReads(redis, tag="test")
    async with Feeds(slack, valkey.url, {OPS: (0, COUNT)}, window=3.0, interval=0.05) as feeds:
        await feeds.start()
        for kill in range(1, KILLS + 1):
            due = kill * COUNT // (KILLS + 1)
            await slack.wait(lambda due=due: sum(told(slack).values()) >= due, SECONDS)  # type: ignore[misc]
            feeds.kill()
            await feeds.start()
        await all_told(outbox, store, COUNT, SECONDS)
        assert len(await all_shared(slack, redis, SECONDS)) == COUNT
    assert told(slack) == {an_alert(n).key: 1 for n in range(COUNT)}
    card, *thread = [message for message in slack.channel(OPS).messages if message.bot]
    assert {message.thread_ts for message in thread} == {card.ts}
    assert len(thread) < 100
    storm = await Storms(redis, tag="test").storm("S-1")
    assert storm is not None
    assert (storm.total, storm.waiting) == (COUNT, 0)
    address = await outbox.address(ObjectId("storm:S-1"))
    assert address is not None
    assert card.text == f"storm:S-1: {COUNT}"


@pytest.mark.proves("FAULT-27", "D14")
async def test_a_queue_entry_removed_by_hand_during_a_storm_is_named(
    slack: SandboxSlack, valkey: Embedded, redis: Redis, outbox: Outbox
) -> None:
    store = AlertReads(redis, tag="test")
    verify = Verify(store, outbox)
    async with Feeds(slack, valkey.url, {OPS: (0, 2_000)}, interval=0.3) as feeds:
        await feeds.start()
        await slack.wait(lambda: sum(told(slack).values()) > 100, SECONDS)
        feeds.kill()
    outbox_stream = f"{{test}}:outbox:{OPS}"
    rows = cast(Any, await redis.xrange(outbox_stream))
    lines = [(place, fields[b"item"]) for place, fields in rows if b'"line"' in fields[b"item"]]
    place, item = lines[-1]
    before = await verify.run()
    assert before.is_good
    await redis.xdel(outbox_stream, place)
    report = await verify.run()
    gone = {n for n in range(2_000) if an_alert(n).key.encode() in item}
    assert {an_alert(n).key for n in gone} <= set(report.missing)
    assert report.told + report.waiting + len(report.missing) == report.ingested
