"""What goes wrong between the ledger and Redis: cut commands, lost replies, unknown scripts."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from approvals.audit.verify import verify
from approvals.entry import SEKISHO
from approvals.events import OpId, Refused
from approvals.ledger import Change, Ledger, LedgerUnavailable, Recorded, Repeated
from approvals.request import Request
from bot.embedded import Embedded
from bot.redis_client import connect
from tests.approvals.samples import SATO, approved, denied, file
from tests.proxy import Proxy
from tests.redis_fixtures import KEYS, MakeLedger


@pytest.mark.proves("C030")
async def test_no_command_gets_the_answer_of_a_cancelled_one(
    valkey: Embedded, make_ledger: MakeLedger
) -> None:
    requests = [await file(make_ledger(), f"f{n}", ports=(1000 + n,)) for n in range(20)]
    async with Proxy(valkey.socket) as proxy:
        proxy.latency = 0.002
        client = connect(proxy.url)
        ledger = Ledger(client, KEYS)

        async def reads(request: Request) -> None:
            # a click on it may be recorded first: whose answer this is, its id alone tells
            assert (await _current(ledger, request)).id == request.id

        for after in range(40):
            tasks = [asyncio.create_task(reads(request)) for request in requests]
            clicks = [
                asyncio.create_task(_click(ledger, request, f"{after}-{request.id}"))
                for request in requests[:3]
            ]
            await asyncio.sleep(after * 0.0003)
            for task in (*tasks[::2], *clicks):
                task.cancel()
            outcomes = await asyncio.gather(*tasks, *clicks, return_exceptions=True)
            meant = asyncio.CancelledError | LedgerUnavailable
            assert [o for o in outcomes if o is not None and not isinstance(o, meant)] == []
            requests = [await _current(make_ledger(), request) for request in requests]
        await client.aclose()
    assert (await verify(make_ledger().store, KEYS)).is_good


async def _click(ledger: Ledger, request: Request, op: str) -> None:
    await ledger.record(Change(request, Refused("approve", op), SEKISHO), op_id=OpId(op))


async def _current(ledger: Ledger, request: Request) -> Request:
    found = await ledger.read(request.id)
    assert found is not None
    return found


@pytest.mark.proves("C030")
async def test_answer_of_another_command_drops_the_connections(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await file(ledger)

    async def shifted(*_: object) -> object:
        return [b"recorded", b"somebody-else", b"1"]

    monkeypatch.setattr(ledger.store, "script", shifted)
    with pytest.raises(LedgerUnavailable):
        await ledger.record(approved(request, SATO, await ledger.now()), op_id=OpId("mine"))
    monkeypatch.undo()
    assert await ledger.read(request.id) == request


@pytest.mark.proves("C031", "FAULT-12")
@pytest.mark.parametrize("is_silent", [False, True], ids=["reset", "no answer"])
async def test_lost_reply_is_found_by_its_op(
    valkey: Embedded, make_ledger: MakeLedger, is_silent: bool
) -> None:
    async with Proxy(valkey.socket) as proxy:
        ledger = make_ledger(url=proxy.url)
        request = await file(ledger)
        proxy.drop_replies(1, after=b"EVALSHA", silent=is_silent)
        outcome = await ledger.record(
            approved(request, SATO, await ledger.now()), op_id=OpId("click")
        )
    assert isinstance(outcome, Recorded)
    assert proxy.dropped == 1
    assert (await verify(make_ledger().store, KEYS)).head == 2


@pytest.mark.proves("C031")
async def test_write_that_was_given_up_never_happens_late(
    valkey: Embedded, make_ledger: MakeLedger, redis: Redis
) -> None:
    """The op-id is claimed by the look-up, so the packet that arrives afterwards is refused."""
    ledger = make_ledger()
    request = await file(ledger)
    change = approved(request, SATO, await ledger.now())
    assert await ledger.store.resolve(OpId("click"), "void-elsewhere") == "void-elsewhere"
    with pytest.raises(LedgerUnavailable, match="given up"):
        await ledger.record(change, op_id=OpId("click"))
    assert await make_ledger().read(request.id) == request
    assert 0 < await redis.ttl("{sekisho}:op:click") <= 10


@pytest.mark.proves("C031")
async def test_second_try_that_is_given_up_never_happens_late(
    make_ledger: MakeLedger,
) -> None:
    """The void that the second try may pass is replaced when that try is given up as well."""
    store = make_ledger().store
    assert await store.resolve(OpId("click"), "void-1") == "void-1"
    assert await store.resolve(OpId("click"), "void-2") == "void-1"
    assert await store.resolve(OpId("click"), "void-3", "void-1") == "void-3"


async def test_write_after_a_connection_was_cut_is_recorded(
    valkey: Embedded, make_ledger: MakeLedger
) -> None:
    async with Proxy(valkey.socket) as proxy:
        ledger = make_ledger(url=proxy.url)
        request = await file(ledger)
        now = await ledger.now()
        proxy.reset()
        outcome = await ledger.record(approved(request, SATO, now), op_id=OpId("click"))
    assert isinstance(outcome, Recorded)
    assert (await verify(make_ledger().store, KEYS)).head == 2


@pytest.mark.proves("C131")
async def test_idle_connections_that_were_cut_are_replaced_unnoticed(
    valkey: Embedded, make_ledger: MakeLedger
) -> None:
    async with Proxy(valkey.socket) as proxy:
        ledger = make_ledger(url=proxy.url)
        request = await file(ledger)
        await asyncio.gather(*(ledger.read(request.id) for _ in range(5)))
        proxy.reset()
        assert await ledger.read(request.id) == request


@pytest.mark.proves("C067")
async def test_script_that_the_server_forgot_is_sent_once_more(
    ledger: Ledger, redis: Redis
) -> None:
    request = await file(ledger)
    await redis.script_flush()
    outcome = await ledger.record(denied(request, SATO, await ledger.now()), op_id=OpId("no"))
    assert isinstance(outcome, Recorded)
    assert (await verify(ledger.store, KEYS)).head == 2


async def test_repeated_delivery_after_a_lost_process_is_recognised(
    make_ledger: MakeLedger,
) -> None:
    one, two = make_ledger(), make_ledger()
    request = await file(one)
    change = approved(request, SATO, await one.now())
    first = await one.record(change, op_id=OpId("click"))
    assert isinstance(first, Recorded)
    assert await two.record(change, op_id=OpId("click")) == Repeated(first.entry, first.request)


@pytest.mark.proves("FAULT-11")
@pytest.mark.parametrize("harm", ["black hole", "stopped"])
async def test_click_without_redis_is_answered_in_time(
    valkey: Embedded, make_ledger: MakeLedger, harm: str
) -> None:
    async with Proxy(valkey.socket) as proxy:
        ledger = make_ledger(url=proxy.url)
        request = await file(ledger)
        change = approved(request, SATO, await ledger.now())
        if harm == "black hole":
            proxy.black_hole()
        else:
            proxy.refuse = True
            proxy.reset()
        clock = asyncio.get_running_loop().time
        begun = clock()
        results = await asyncio.gather(
            *(ledger.record(change, op_id=OpId(f"click{n}")) for n in range(10)),
            return_exceptions=True,
        )
        assert all(isinstance(result, LedgerUnavailable) for result in results)
        assert clock() - begun < 2.5
    assert await make_ledger().read(request.id) == request


async def test_wrong_shape_of_a_read_is_no_request(ledger: Ledger, redis: Redis) -> None:
    one = await file(ledger, "one", ports=(22,))
    two = await file(ledger, "two", ports=(23,))
    body = await redis.hget(f"{{sekisho}}:request:{two.id}", "body")
    assert isinstance(body, bytes)
    await redis.hset(f"{{sekisho}}:request:{one.id}", "body", body)
    with pytest.raises(LedgerUnavailable, match="another command"):
        await ledger.read(one.id)


async def test_client_never_repeats_by_itself(valkey: Embedded) -> None:
    async with Proxy(valkey.socket) as proxy:
        client = connect(proxy.url)
        await client.ping()
        proxy.drop_replies(1, after=b"INCR")
        with pytest.raises(RedisConnectionError):
            await client.incr("n")
        assert await client.get("n") == b"1"
        await client.aclose()
