"""FAULT 31: two instances run. One poster for each channel, and an old one can write nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.embedded import Embedded
from delivery.outbox import Address, Card, Line, ObjectId, Outbox, Poster
from sandbox.slack import SandboxSlack
from tests.delivery.desk import GENERAL, OPS, Desk
from tests.delivery.processes import Posters

LONG = timedelta(seconds=30)


@pytest.fixture
async def other_desk(slack: SandboxSlack, redis: Redis) -> AsyncIterator[Desk]:
    """Another process of the bot."""
    made = Desk(slack, Outbox(redis, tag="test"))
    yield made
    await made.close()


@pytest.mark.proves("FAULT-31")
async def test_two_posters_say_everything_once_and_in_order(desk: Desk, other_desk: Desk) -> None:
    for number in range(40):
        await desk.say(f"k{number}", f"line {number}", (OPS, GENERAL)[number % 2])
    await asyncio.gather(desk.deliver(), other_desk.deliver())
    assert desk.said(OPS) == [f"line {number}" for number in range(0, 40, 2)]
    assert desk.said(GENERAL) == [f"line {number}" for number in range(1, 40, 2)]


@pytest.mark.proves("FAULT-31")
async def test_when_the_leader_is_killed_the_other_goes_on(
    slack: SandboxSlack, valkey: Embedded, outbox: Outbox
) -> None:
    async with Posters(slack, valkey.url, lease_ms=1_000, interval=0.01) as posters:
        await posters.start()
        for number in range(100):
            await outbox.put(OPS, Line(key=f"k{number}", text=f"line {number}"))
        place = slack.channel(OPS)
        await slack.wait(lambda: len(place.messages) >= 10, 20.0, "the first poster posts")
        await posters.start()
        posters.kill()
        await slack.wait(lambda: len(place.messages) >= 100, 20.0, "the second poster posts")
        async with asyncio.timeout(10):
            while await outbox.size(OPS):
                await asyncio.sleep(0.02)
    assert [message.text for message in place.messages] == [f"line {n}" for n in range(100)]


@pytest.mark.proves("FAULT-31")
async def test_a_leader_that_slept_through_its_lease_says_nothing_twice(
    slack: SandboxSlack, valkey: Embedded, outbox: Outbox
) -> None:
    async with Posters(slack, valkey.url, lease_ms=500, interval=0.01) as posters:
        await posters.start()
        for number in range(60):
            await outbox.put(OPS, Line(key=f"k{number}", text=f"line {number}"))
        place = slack.channel(OPS)
        await slack.wait(lambda: len(place.messages) >= 5, 20.0, "the first poster posts")
        posters.pause()
        await posters.start()
        await slack.wait(lambda: len(place.messages) >= 40, 20.0, "the second poster posts")
        posters.wake()
        await slack.wait(lambda: len(place.messages) >= 60, 20.0, "all is said")
        async with asyncio.timeout(10):
            while await outbox.size(OPS):
                await asyncio.sleep(0.02)
    counted = Counter(message.text for message in place.messages)
    # I3: the one post that the sleeper may have had in its hand is the only possible double.
    assert set(counted) == {f"line {n}" for n in range(60)}
    assert sum(counted.values()) <= 61


@pytest.mark.proves("FAULT-31")
async def test_a_lease_is_anothers_until_it_is_given_back_or_over(outbox: Outbox) -> None:
    first, second = Poster(OPS, "first"), Poster(OPS, "second")
    assert await outbox.take(first, LONG)
    assert await outbox.take(first, LONG)
    assert not await outbox.take(second, LONG)
    await outbox.give_back(second)
    assert not await outbox.take(second, LONG)
    await outbox.give_back(first)
    assert await outbox.take(second, LONG)


@pytest.mark.proves("FAULT-31")
async def test_an_old_leader_writes_nothing(outbox: Outbox) -> None:
    old, new = Poster(OPS, "old"), Poster(OPS, "new")
    await outbox.put(OPS, Card(key="a", object_id=ObjectId("r1")))
    (queued,) = await outbox.waiting(OPS)
    await outbox.take(new, LONG)
    shown = (ObjectId("r1"), Address(OPS, "1.000001", 1))
    assert not await outbox.finish(old, queued.stream_id, attempts=["a"], shown=shown)
    assert not await outbox.move(old, GENERAL, queued, "is_archived")
    assert not await outbox.set_aside(old, queued, "invalid_arguments")
    assert await outbox.waiting(OPS) == [queued]
    assert await outbox.address(ObjectId("r1")) is None
    assert (await outbox.size(GENERAL), await outbox.set_aside_count()) == (0, 0)
    assert await outbox.finish(new, queued.stream_id, attempts=["a"], shown=shown)
    assert await outbox.waiting(OPS) == []


@pytest.mark.proves("FAULT-31")
async def test_an_item_that_is_moved_twice_arrives_once(outbox: Outbox) -> None:
    poster = Poster(OPS, "first")
    await outbox.put(OPS, Line(key="k", text="a line"))
    (queued,) = await outbox.waiting(OPS)
    await outbox.take(poster, LONG)
    for _ in range(2):
        assert await outbox.move(poster, GENERAL, queued, "is_archived")
    assert [moved.item for moved in await outbox.waiting(GENERAL)] == [queued.item]
