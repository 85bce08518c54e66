"""An opening is proved from the audit log alone; whatever else Redis says opens nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from redis.asyncio import Redis

from approvals import proof
from approvals.entry import Entry
from approvals.events import Applying, Approved, State, Terms
from approvals.ledger import Change, Ledger, LedgerFrozen
from approvals.proof import ProofFailed, judge, prove
from approvals.request import Request
from delivery.tasks import end
from tests.approvals.forging import rewrite, rows_of
from tests.approvals.samples import (
    ALICE_HOME,
    SATO,
    SUZUKI,
    applying,
    approved,
    file,
    opened,
    run_to_active,
    run_to_applying,
    step,
)
from tests.redis_fixtures import MakeLedger


@pytest.mark.proves("J4")
async def test_approved_request_is_proved(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    trying = await run_to_applying(ledger, await file(ledger))
    for process in (ledger, make_ledger()):
        proven = await prove(process, trying.request.id, trying.entry)
        assert proven.request == trying.request
        assert proven.attempt == trying.request.attempts[-1]


async def test_proof_reaches_over_many_other_entries(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    request = await file(ledger)
    for n in range(30):
        await file(ledger, f"other{n}", ports=(1000 + n,))
    trying = await run_to_applying(ledger, request)
    assert (await prove(make_ledger(), request.id, trying.entry)).request == trying.request


@pytest.mark.proves("C110")
async def test_long_walk_lets_others_have_their_turns(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "BREATH", 10)
    request = await file(ledger)
    for n in range(30):
        await file(ledger, f"other{n}", ports=(1000 + n,))
    trying = await run_to_applying(ledger, request)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(others())
    own, _ = await proof._own_entries(ledger, request.id, ledger.chain.head)
    await end([other])

    assert own[-1].sequence == trying.entry.sequence
    assert turns >= 2


@pytest.mark.proves("J4", "B4")
async def test_two_of_two_approvals_are_needed(ledger: Ledger) -> None:
    request = await file(ledger, quorum=2)
    one = await step(ledger, approved(request, SATO, await ledger.now()), "one")
    two = await step(ledger, approved(one.request, SUZUKI, await ledger.now()), "two")
    trying = await step(ledger, applying(two.request, await ledger.now()), "go")
    proven = await prove(ledger, request.id, trying.entry)
    assert [approval.approver for approval in proven.approvals] == [SATO, SUZUKI]


@pytest.mark.proves("J4")
async def test_hash_that_says_approved_opens_nothing(ledger: Ledger, redis: Redis) -> None:
    """A stolen Redis can write any request; the entry it cannot write is the approval's."""
    request = await file(ledger)
    forged = approved(request, SATO, await ledger.now())
    assert isinstance(forged.event, Approved)
    body = replace(
        request,
        state=State.APPROVED,
        approvals=(forged.event.approval,),
        start_by=forged.event.start_by,
    )
    await redis.hset(
        f"{{sekisho}}:request:{request.id}",
        mapping={"state": "approved", "body": msgspec.json.encode(body)},
    )
    believed = await ledger.read(request.id)
    assert believed is not None
    trying = await step(ledger, applying(believed, await ledger.now()), "go")
    with pytest.raises(ProofFailed, match="not a legal history"):
        await prove(ledger, request.id, trying.entry)


@pytest.mark.proves("J4")
async def test_hash_with_another_target_is_not_what_is_proved(ledger: Ledger, redis: Redis) -> None:
    request = await file(ledger)
    yes = (await step(ledger, approved(request, SATO, await ledger.now()), "yes")).request
    other = msgspec.structs.replace(yes.target, name="db-01")
    body = msgspec.json.encode(replace(yes, target=other))
    await redis.hset(f"{{sekisho}}:request:{request.id}", "body", body)
    believed = await ledger.read(request.id)
    assert believed is not None
    trying = await step(ledger, applying(believed, await ledger.now()), "go")
    proven = await prove(ledger, request.id, trying.entry)
    assert proven.request.target == request.target


@pytest.mark.proves("J4")
async def test_a_yes_to_a_forged_target_opens_nothing(ledger: Ledger, redis: Redis) -> None:
    """Shown and judged as a machine of another rule: that rule's approvers are not this one's."""
    request = await file(ledger)
    forged = replace(request, target=msgspec.structs.replace(request.target, name="stg-01"))
    await redis.hset(f"{{sekisho}}:request:{request.id}", "body", msgspec.json.encode(forged))
    shown = await ledger.read(request.id)
    assert shown is not None
    yes = (await step(ledger, approved(shown, SATO, await ledger.now()), "yes")).request
    trying = await step(ledger, applying(yes, await ledger.now()), "go")
    with pytest.raises(ProofFailed, match="another request"):
        await prove(ledger, request.id, trying.entry)


@pytest.mark.proves("J4")
async def test_hash_with_wider_terms_opens_nothing(ledger: Ledger, redis: Redis) -> None:
    request = await file(ledger)
    yes = (await step(ledger, approved(request, SATO, await ledger.now()), "yes")).request
    wider = Terms((22, 3389), yes.terms.source, yes.terms.window)
    body = msgspec.json.encode(replace(yes, terms=wider))
    await redis.hset(f"{{sekisho}}:request:{request.id}", "body", body)
    believed = await ledger.read(request.id)
    assert believed is not None
    trying = await step(ledger, applying(believed, await ledger.now()), "go")
    with pytest.raises(ProofFailed):
        await prove(ledger, request.id, trying.entry)


@pytest.mark.proves("J4", "FAULT-30")
@pytest.mark.parametrize("position", [0, 1, 2, 3])
@pytest.mark.parametrize("harm", ["change", "remove"])
async def test_broken_entry_anywhere_on_the_way_opens_nothing(
    make_ledger: MakeLedger, redis: Redis, harm: str, position: int
) -> None:
    ledger = make_ledger()
    request = await file(ledger)
    await file(ledger, "other", ports=(23,))
    trying = await run_to_applying(ledger, request)
    rows = await rows_of(ledger)
    if harm == "remove":
        del rows[position]
    else:
        forged = rows[position].canonical.replace(b'"version":', b'"version": ')
        rows[position] = msgspec.structs.replace(rows[position], canonical=forged)
    await rewrite(redis, rows)
    with pytest.raises((ProofFailed, LedgerFrozen)):
        await prove(make_ledger(), request.id, trying.entry)


async def test_second_attempt_is_proved_and_the_first_no_longer(ledger: Ledger) -> None:
    first = await run_to_applying(ledger, await file(ledger))
    again = applying(first.request, await ledger.now())
    assert isinstance(again.event, Applying)
    attempt = msgspec.structs.replace(
        again.event.attempt, ends_at=first.request.attempts[0].ends_at
    )
    change = Change(first.request, Applying(attempt, first.request.terms), again.actor)
    second = await step(ledger, change, "again")
    await prove(ledger, second.request.id, second.entry)
    with pytest.raises(ProofFailed, match="newer than the opening"):
        await prove(ledger, second.request.id, first.entry)


async def test_end_after_the_window_opens_nothing(ledger: Ledger) -> None:
    request = await file(ledger)
    yes = (await step(ledger, approved(request, SATO, await ledger.now()), "yes")).request
    change = applying(yes, await ledger.now() + timedelta(hours=1))
    trying = await step(ledger, change, "go")
    with pytest.raises(ProofFailed, match="it would end"):
        await prove(ledger, request.id, trying.entry)


@pytest.mark.proves("C3")
async def test_extension_is_added_to_the_end_it_extends(ledger: Ledger) -> None:
    old = await run_to_active(ledger, await file(ledger, "old"))
    new = await file(ledger, "new", extends=old.id)
    yes = (await step(ledger, approved(new, SATO, await ledger.now()), "yes2")).request
    assert old.opening is not None
    good = applying(yes, old.opening.ends_at)
    trying = await step(ledger, good, "go2")
    assert (await prove(ledger, new.id, trying.entry)).attempt.ends_at == (
        old.opening.ends_at + timedelta(hours=2)
    )
    active = await step(ledger, opened(trying.request, await ledger.now()), "open2")
    assert active.request.opening is not None


# --- the judgement itself, on histories that no ledger of ours would write -----------------------


async def history(ledger: Ledger, request: Request) -> list[Entry]:
    found = [await ledger.entry(n + 1) for n in range(ledger.highest_head.sequence)]
    return [e for e in found if e is not None and e.request == request.id]


def with_event(entry: Entry, event: object) -> Entry:
    return msgspec.structs.replace(entry, event=event)


@pytest.mark.proves("FAULT-2", "J4")
async def test_requester_under_another_id_is_found(ledger: Ledger) -> None:
    request = await file(ledger)
    trying = await run_to_applying(ledger, request)
    own = await history(ledger, request)
    yes = own[1].event
    assert isinstance(yes, Approved)
    approval = msgspec.structs.replace(yes.approval, same_person=(SATO, ALICE_HOME))
    own[1] = with_event(own[1], msgspec.structs.replace(yes, approval=approval))
    with pytest.raises(ProofFailed, match="requester is among"):
        judge(request.id, own, trying.entry)


async def test_approval_without_a_rule_is_none(ledger: Ledger) -> None:
    request = await file(ledger)
    trying = await run_to_applying(ledger, request)
    own = await history(ledger, request)
    yes = own[1].event
    assert isinstance(yes, Approved)
    approval = msgspec.structs.replace(yes.approval, rule="")
    own[1] = with_event(own[1], msgspec.structs.replace(yes, approval=approval))
    with pytest.raises(ProofFailed, match="no rule says"):
        judge(request.id, own, trying.entry)


async def test_two_ids_of_one_person_are_one_approval(ledger: Ledger) -> None:
    request = await file(ledger, quorum=2)
    one = await step(ledger, approved(request, SATO, await ledger.now()), "one")
    two = await step(ledger, approved(one.request, SUZUKI, await ledger.now()), "two")
    trying = await step(ledger, applying(two.request, await ledger.now()), "go")
    own = await history(ledger, request)
    yes = own[2].event
    assert isinstance(yes, Approved)
    approval = msgspec.structs.replace(yes.approval, same_person=(SUZUKI, SATO))
    own[2] = with_event(own[2], msgspec.structs.replace(yes, approval=approval))
    with pytest.raises(ProofFailed, match="of one person"):
        judge(request.id, own, trying.entry)


async def test_history_with_a_gap_is_none(ledger: Ledger) -> None:
    """A try on record in between was taken out, and the rest chained anew."""
    request = await file(ledger)
    trying = await run_to_applying(ledger, request)
    own = await history(ledger, request)
    own[1] = msgspec.structs.replace(own[1], version=5)
    with pytest.raises(ProofFailed, match="missing"):
        judge(request.id, own, trying.entry)
