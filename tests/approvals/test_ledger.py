"""One script call per step: state, entry, indexes and deadline together, each op-id once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from approvals.entry import SEKISHO
from approvals.events import Closing, EndCause, Ended, Lapsed, OpId, PersonId, RequestId, State
from approvals.ledger import (
    Change,
    Conflict,
    Ledger,
    LedgerUnavailable,
    PersonRecord,
    Recorded,
    Repeated,
    Same,
)
from approvals.reading import AT_ONCE
from approvals.request import IllegalTransition
from approvals.writing import INDEX_MAX
from tests.approvals.samples import (
    ALICE,
    ALICE_HOME,
    SATO,
    SUZUKI,
    WEB_01,
    applying,
    approved,
    denied,
    file,
    opened,
    run_to_active,
    run_to_applying,
    run_to_ended,
    step,
    submitted,
)
from tests.redis_fixtures import MakeLedger


@pytest.mark.proves("J1", "B1")
async def test_request_and_entry_are_written_together(ledger: Ledger, redis: Redis) -> None:
    request = await file(ledger)

    assert request.id == "1"
    assert await ledger.read(request.id) == request
    entry = await ledger.entry(1)
    assert entry is not None
    assert (entry.actor, entry.request, entry.version) == (ALICE, request.id, 1)
    stored = await redis.hgetall("{sekisho}:request:1")
    assert stored[b"state"] == b"pending"
    assert stored[b"digest"] == request.digest.encode()


async def test_every_key_carries_the_tag(redis: Redis, make_ledger: MakeLedger) -> None:
    await run_to_ended(make_ledger(), await file(make_ledger()))
    keys = await redis.keys()
    assert len(keys) > 8
    assert all(bytes(key).startswith(b"{sekisho}:") for key in keys if isinstance(key, bytes))


async def test_same_wish_while_open_finds_the_first(ledger: Ledger) -> None:
    first = await file(ledger, "one")
    again = await ledger.submit(submitted(await ledger.now()), actor=ALICE, op_id=OpId("two"))
    assert again == Same(first)


async def test_same_wish_is_new_after_the_first_is_over(ledger: Ledger) -> None:
    first = await file(ledger, "one")
    await step(ledger, denied(first, SATO, await ledger.now()), "no")
    assert (await file(ledger, "two")).id == "2"


async def test_repeated_op_finds_its_own_success(ledger: Ledger) -> None:
    request = await file(ledger)
    change = approved(request, SATO, await ledger.now())
    first = await step(ledger, change, "click")
    again = await ledger.record(change, op_id=OpId("click"))
    assert again == Repeated(first.entry, first.request)
    assert ledger.highest_head.sequence == 2


async def test_repeated_click_after_a_fresh_read_finds_its_own_success(ledger: Ledger) -> None:
    request = await file(ledger)
    now = await ledger.now()
    first = await step(ledger, approved(request, SATO, now), "click")
    moved_on = await ledger.read(request.id)
    assert moved_on is not None
    again = await ledger.record(approved(moved_on, SATO, now), op_id=OpId("click"))
    assert again == Repeated(first.entry, first.request)


async def test_loser_of_a_race_gets_the_request_as_it_is_now(make_ledger: MakeLedger) -> None:
    one, two = make_ledger(), make_ledger()
    request = await file(one)
    seen = await two.read(request.id)
    assert seen is not None
    now = await one.now()
    winner = await step(one, denied(request, SATO, now), "no")
    loser = await two.record(approved(seen, SUZUKI, now), op_id=OpId("yes"))
    assert loser == Conflict(winner.request)


@pytest.mark.proves("FAULT-2")
@pytest.mark.parametrize("person", [ALICE, ALICE_HOME])
async def test_requester_never_decides(ledger: Ledger, person: PersonId) -> None:
    request = await file(ledger)
    with pytest.raises(IllegalTransition, match="never decides"):
        await ledger.record(approved(request, person, await ledger.now()), op_id=OpId("own"))
    assert ledger.highest_head.sequence == 1


async def test_two_requests_change_in_one_step(ledger: Ledger) -> None:
    old = await run_to_active(ledger, await file(ledger, "old"))
    new = await file(ledger, "new", extends=old.id)
    trying = (await run_to_applying(ledger, new)).request
    outcome = await ledger.record(
        [
            opened(trying, await ledger.now()),
            Change(old, Ended(EndCause.SUPERSEDED, "azure", by=new.id), SEKISHO),
        ],
        op_id=OpId("extend"),
    )
    assert isinstance(outcome, Recorded)
    assert [request.state for request in outcome.requests] == [State.ACTIVE, State.ENDED]
    assert [request.id for request in await ledger.active()] == [new.id]
    assert outcome.entries[1].previous_mac == outcome.entries[0].mac


async def test_nothing_changes_when_one_of_two_lost_its_race(ledger: Ledger) -> None:
    old = await run_to_active(ledger, await file(ledger, "old"))
    new = await file(ledger, "new", extends=old.id)
    trying = (await run_to_applying(ledger, new)).request
    stale = old
    done = await step(ledger, Change(old, Closing(EndCause.DONE), ALICE), "done")
    outcome = await ledger.record(
        [
            opened(trying, await ledger.now()),
            Change(stale, Ended(EndCause.SUPERSEDED, "azure", by=new.id), SEKISHO),
        ],
        op_id=OpId("extend"),
    )
    assert outcome == Conflict(done.request)
    assert await ledger.read(new.id) == trying


async def test_lists_follow_the_state(ledger: Ledger) -> None:
    request = await file(ledger)
    assert await ledger.pending() == await ledger.open_requests() == [request]
    active = await run_to_active(ledger, request)
    assert await ledger.pending() == []
    assert await ledger.active() == await ledger.open_requests() == [active]
    assert await ledger.by_person(ALICE) == await ledger.by_vm(WEB_01.resource_id.upper())
    done = await step(ledger, Change(active, Closing(EndCause.DONE), ALICE), "d")
    end = Change(done.request, Ended(EndCause.DONE, "policy"), SEKISHO)
    ended = (await step(ledger, end, "e")).request
    assert await ledger.open_requests() == await ledger.active() == []
    assert await ledger.by_person(ALICE, 5) == [ended]


async def test_index_of_a_person_is_bounded(ledger: Ledger, redis: Redis) -> None:
    key = f"{{sekisho}}:requests:person:{ALICE}"
    await redis.zadd(key, {f"old-{n}": n for n in range(INDEX_MAX)})
    request = await file(ledger)
    assert await redis.zcard(key) == INDEX_MAX
    assert await redis.zrank(key, request.id) == INDEX_MAX - 1


async def test_deadline_moves_with_the_request(ledger: Ledger) -> None:
    request = await file(ledger, lapses_in=timedelta(minutes=30))
    assert await ledger.due(request.lapses_at - timedelta(seconds=1)) == []
    assert await ledger.due(request.lapses_at + timedelta(milliseconds=1)) == [request.id]
    await step(ledger, Change(request, Lapsed(), SEKISHO), "lapse")
    assert await ledger.due(request.lapses_at + timedelta(days=9)) == []


@pytest.mark.proves("FAULT-25")
async def test_late_click_is_refused_by_the_time_of_redis(make_ledger: MakeLedger) -> None:
    request = await file(make_ledger(), lapses_in=timedelta(minutes=5))
    later = make_ledger(offset=timedelta(minutes=6))
    with pytest.raises(IllegalTransition, match="time to decide is over"):
        await later.record(approved(request, SATO, request.submitted_at), op_id=OpId("late"))
    assert await make_ledger().read(request.id) == request


async def test_closed_request_leaves_redis_after_its_retention(
    ledger: Ledger, redis: Redis
) -> None:
    ended = await run_to_ended(ledger, await file(ledger))
    days = await redis.ttl(f"{{sekisho}}:request:{ended.id}") / 86400
    assert 89 < days <= 90
    assert await redis.ttl("{sekisho}:audit") == -1


async def test_op_is_kept_for_a_day(ledger: Ledger, redis: Redis) -> None:
    await file(ledger, "click")
    assert 86390 < await redis.ttl("{sekisho}:op:click") <= 86400
    entry = await ledger.find_op(OpId("click"))
    assert entry is not None
    assert entry.sequence == 1
    assert await ledger.find_op(OpId("never")) is None


@pytest.mark.parametrize("harm", ["lost", "set back"])
async def test_numbers_go_on_when_the_counter_is_wrong(
    ledger: Ledger, redis: Redis, harm: str
) -> None:
    await file(ledger, "one", ports=(22,))
    await file(ledger, "two", ports=(23,))
    await (redis.delete("{sekisho}:number") if harm == "lost" else redis.set("{sekisho}:number", 0))
    assert (await file(ledger, "three", ports=(24,))).id == "3"


async def test_lease_is_one_holders_and_its_token_grows(ledger: Ledger) -> None:
    life = timedelta(seconds=30)
    first = await ledger.lease("main", "one", life)
    assert first is not None
    assert await ledger.lease("main", "two", life) is None
    assert await ledger.renew(first)
    await ledger.release(first)
    second = await ledger.lease("main", "two", life)
    assert second is not None
    assert second.token > first.token
    assert not await ledger.renew(first)


@pytest.mark.proves("FAULT-31")
async def test_write_with_a_lost_lease_is_refused(ledger: Ledger) -> None:
    request = await file(ledger)
    lease = await ledger.lease("main", "one", timedelta(seconds=30))
    assert lease is not None
    await ledger.release(lease)
    await ledger.lease("main", "two", timedelta(seconds=30))
    with pytest.raises(LedgerUnavailable, match="lease is lost"):
        await ledger.record(Change(request, Lapsed(), SEKISHO), op_id=OpId("x"), lease=lease)
    assert await ledger.read(request.id) == request


async def test_person_keeps_settings(ledger: Ledger) -> None:
    assert await ledger.person(ALICE) == PersonRecord()
    record = PersonRecord(language="ja").with_source("203.0.113.7", "home")
    await ledger.save_person(ALICE, record.with_source("198.51.100.4"))
    found = await ledger.person(ALICE)
    assert [source.address for source in found.sources] == ["198.51.100.4", "203.0.113.7"]


async def test_draft_is_its_owners_alone(ledger: Ledger) -> None:
    await ledger.put_draft(ALICE, "d-7f3a", b"{}")
    assert await ledger.get_draft(ALICE, "d-7f3a") == b"{}"
    assert await ledger.get_draft(SATO, "d-7f3a") is None


async def test_unknown_request_is_none(ledger: Ledger) -> None:
    assert await ledger.read(RequestId("4711")) is None


async def test_applying_needs_an_approval(ledger: Ledger) -> None:
    request = await file(ledger)
    with pytest.raises(IllegalTransition):
        await ledger.record(applying(request, await ledger.now()), op_id=OpId("x"))


async def test_list_of_many_is_whole_and_in_order(ledger: Ledger) -> None:
    filed = [await file(ledger, f"op{n}", ports=(1000 + n,)) for n in range(2 * AT_ONCE + 1)]
    assert await ledger.pending() == filed
    assert await ledger.by_person(ALICE, AT_ONCE + 5) == filed[::-1][: AT_ONCE + 5]
