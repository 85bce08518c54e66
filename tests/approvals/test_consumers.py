"""The audit log as outbox: each entry reaches one reader, checked, until it says it is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from approvals.entry import AuditBroken, Entry
from approvals.ledger import Consumer, Ledger
from bot.embedded import Embedded
from tests.approvals.samples import file, run_to_active
from tests.proxy import Proxy
from tests.redis_fixtures import MakeLedger

MakeConsumer = Callable[..., Consumer]

SHORT = timedelta(milliseconds=200)


@pytest.fixture
async def make_consumer() -> AsyncIterator[MakeConsumer]:
    made: list[Consumer] = []

    def make(
        ledger: Ledger,
        name: str,
        *,
        block: timedelta = SHORT,
        claim_idle: timedelta = timedelta(seconds=60),
    ) -> Consumer:
        made.append(Consumer(ledger, "apply", name, block=block, claim_idle=claim_idle))
        return made[-1]

    yield make
    for consumer in made:
        await consumer.close()


async def take(consumer: Consumer, count: int, *, finish: bool = True) -> list[Entry]:
    found: list[Entry] = []
    async with asyncio.timeout(10):
        async for entry in consumer.entries():
            found.append(entry)
            if finish:
                await consumer.done(entry)
            if len(found) == count:
                break
    return found


async def test_entries_come_in_order_and_once(ledger: Ledger, make_consumer: MakeConsumer) -> None:
    await run_to_active(ledger, await file(ledger))
    entries = await take(make_consumer(ledger, "one"), 4)
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    await file(ledger, "next", ports=(23,))
    assert [entry.sequence for entry in await take(make_consumer(ledger, "one"), 1)] == [5]


async def test_unfinished_entry_comes_back_to_the_same_reader(
    ledger: Ledger, make_consumer: MakeConsumer
) -> None:
    await file(ledger)
    await take(make_consumer(ledger, "one"), 1, finish=False)
    assert [e.sequence for e in await take(make_consumer(ledger, "one"), 1)] == [1]


@pytest.mark.proves("FAULT-7")
async def test_entry_of_a_dead_reader_is_claimed(
    ledger: Ledger, make_consumer: MakeConsumer
) -> None:
    await file(ledger)
    await take(make_consumer(ledger, "dead"), 1, finish=False)
    heir = make_consumer(ledger, "heir", claim_idle=timedelta(milliseconds=50))
    assert [e.sequence for e in await take(heir, 1)] == [1]


@pytest.mark.proves("C129")
async def test_quiet_log_is_no_error(ledger: Ledger, make_consumer: MakeConsumer) -> None:
    """The read blocks for longer than the short limit of the other connections."""
    consumer = make_consumer(ledger, "one", block=timedelta(seconds=1.5))
    waiting = asyncio.create_task(take(consumer, 1))
    clock = asyncio.get_running_loop().time
    until = clock() + 1.3
    while clock() < until:
        await ledger.now()
        await asyncio.sleep(0.05)
    assert not waiting.done()
    await file(ledger)
    assert [e.sequence for e in await waiting] == [1]


async def test_reader_goes_on_after_redis_was_away(
    valkey: Embedded, make_ledger: MakeLedger, make_consumer: MakeConsumer
) -> None:
    async with Proxy(valkey.socket) as proxy:
        consumer = make_consumer(make_ledger(url=proxy.url), "one")
        waiting = asyncio.create_task(take(consumer, 1, finish=False))
        while not proxy.connections:
            await asyncio.sleep(0.01)
        proxy.refuse = True
        proxy.reset()
        await file(make_ledger())
        proxy.refuse = False
        assert [e.sequence for e in await waiting] == [1]
        await consumer.close()


@pytest.mark.proves("C069")
async def test_entry_that_was_trimmed_is_finished_and_told(
    ledger: Ledger, redis: Redis, make_consumer: MakeConsumer, caplog: pytest.LogCaptureFixture
) -> None:
    await file(ledger)
    await file(ledger, "two", ports=(23,))
    await take(make_consumer(ledger, "one"), 2, finish=False)
    await redis.xdel("{sekisho}:audit", "1-0")
    entries = await take(make_consumer(ledger, "one"), 1)
    assert [e.sequence for e in entries] == [2]
    assert "1-0 is gone" in caplog.text
    assert (await redis.xpending("{sekisho}:audit", "apply"))["pending"] == 0


@pytest.mark.proves("C069")
async def test_trimmed_entry_of_a_dead_reader_does_not_stop_the_heir(
    ledger: Ledger, redis: Redis, make_consumer: MakeConsumer
) -> None:
    await file(ledger)
    await file(ledger, "two", ports=(23,))
    await take(make_consumer(ledger, "dead"), 2, finish=False)
    await redis.xdel("{sekisho}:audit", "1-0")
    heir = make_consumer(ledger, "heir", claim_idle=timedelta(milliseconds=50))
    assert [e.sequence for e in await take(heir, 1)] == [2]


@pytest.mark.proves("FAULT-30", "J4")
async def test_changed_entry_is_never_handed_out(
    ledger: Ledger, redis: Redis, make_consumer: MakeConsumer
) -> None:
    await file(ledger)
    stored = ledger.chain.get(1)
    assert stored is not None
    forged = stored.canonical.replace(b"203.0.113.7", b"203.0.113.8")
    await redis.delete("{sekisho}:audit")
    fields = {"entry": forged, "mac": stored.mac, "at": stored.at_micros}
    await redis.xadd("{sekisho}:audit", fields, id="1-0")  # type: ignore[arg-type]
    with pytest.raises(AuditBroken, match="changed"):
        await take(make_consumer(ledger, "one"), 1)
    assert ledger.frozen
