"""Every file change is told, waits or was muted; one that is none of these is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from approvals.scope import compile_globs
from delivery.outbox import Address, ChannelId, ObjectId, Poster
from feeds.file_change_records import ChangesReport
from feeds.file_change_verify import VerifyChanges
from tests.feeds.file_change_samples import settings
from tests.feeds.test_file_change_feed import TAG, Desk, recent


@pytest.fixture
def desk(redis: Redis) -> Desk:
    return Desk(redis, settings(ignored=compile_globs(("/var/*",))))


async def report(desk: Desk) -> ChangesReport:
    return await VerifyChanges(desk.store, desk.outbox).run()


async def tell(desk: Desk, version: int) -> None:
    """The poster shows what waits in the web channel."""
    channel = ChannelId("C0WEB")
    poster = Poster(channel, "poster")
    assert await desk.outbox.take(poster, timedelta(seconds=30))
    for queued in await desk.outbox.waiting(channel):
        shown = (ObjectId(str(cast(Any, queued.item).object_id)), Address(channel, "1.0", version))
        assert await desk.outbox.finish(poster, queued.stream_id, shown=shown)


@pytest.mark.proves("E4")
async def test_what_is_queued_waits_and_what_is_shown_is_told(desk: Desk) -> None:
    await desk.arrive(await recent(desk, "/etc/hosts", "/etc/motd", "/var/x"))
    assert await report(desk) == ChangesReport(3, told=0, waiting=2, muted=1)
    await tell(desk, 1)
    assert await report(desk) == ChangesReport(3, told=2, waiting=0, muted=1)


@pytest.mark.proves("E4")
async def test_an_item_removed_by_hand_is_named(desk: Desk) -> None:
    await desk.arrive(await recent(desk, "/etc/hosts"))
    await desk.store.redis.delete(f"{{{TAG}}}:outbox:C0WEB")
    found = await report(desk)
    assert found.missing == ("web-01 /etc/hosts 0",)


@pytest.mark.proves("E4")
async def test_a_burst_that_grew_unseen_is_named(desk: Desk) -> None:
    await desk.arrive(await recent(desk, "/etc/hosts"))
    await tell(desk, 1)
    await desk.arrive(await recent(desk, "/etc/hosts", "/etc/motd"))
    await desk.store.redis.delete(f"{{{TAG}}}:outbox:C0WEB")
    assert len((await report(desk)).missing) == 2, "the whole burst: its card is too old"
