"""Deeds: people's acts on alerts and file changes, one entry and one state at once."""

from __future__ import annotations

import asyncio

import pytest

from approvals.audit.verify import verify
from approvals.deeds import Deed, DeedKind, Stale, Subject
from approvals.entry import Entry
from approvals.events import OpId, PersonId
from approvals.ledger import Ledger, LedgerFrozen
from feeds.cases import Case, after, read_case, write_case
from tests.approvals.samples import SATO
from tests.redis_fixtures import KEYS, MakeLedger

SUBJECT = Subject("alert:a1")
TAKE = Deed(DeedKind.TAKEN, SUBJECT, "Suspicious PowerShell")
SUZUKI = PersonId("USUZUKI")


async def take(ledger: Ledger, who: PersonId, version: int = 0) -> Entry | Stale:
    case = after(Case(), TAKE, actor=who, at=ledger.instant)
    return await ledger.do(
        TAKE, actor=who, op_id=OpId(f"take-{who}"), version=version, body=write_case(case)
    )


@pytest.mark.proves("D3")
async def test_deed_is_an_entry_and_a_state(ledger: Ledger) -> None:
    await ledger.now()
    entry = await take(ledger, SATO)
    assert isinstance(entry, Entry)
    assert (entry.event, entry.actor, entry.request) == (TAKE, SATO, None)
    version, body = await ledger.subject(SUBJECT)
    assert (version, read_case(body).owner) == (1, SATO)
    assert (await verify(ledger.store, KEYS)).is_good


@pytest.mark.proves("D3")
async def test_of_two_who_take_it_at_once_one_does(make_ledger: MakeLedger) -> None:
    one, two = make_ledger(), make_ledger()
    await asyncio.gather(one.now(), two.now())
    outcomes = await asyncio.gather(take(one, SATO), take(two, SUZUKI))
    (stale,) = [found for found in outcomes if isinstance(found, Stale)]
    (entry,) = [found for found in outcomes if isinstance(found, Entry)]
    assert stale.version == 1
    assert read_case(stale.body).owner == entry.actor
    assert (await verify(one.store, KEYS)).head == 1


async def test_repeated_delivery_finds_its_own_entry(ledger: Ledger) -> None:
    await ledger.now()
    first = await take(ledger, SATO)
    assert isinstance(first, Entry)
    again = await take(ledger, SATO)
    assert isinstance(again, Entry)
    assert again.sequence == first.sequence
    assert (await ledger.subject(SUBJECT))[0] == 1


async def test_frozen_ledger_takes_no_deed(ledger: Ledger) -> None:
    await ledger.now()
    ledger.freeze("the log was cut")
    with pytest.raises(LedgerFrozen):
        await take(ledger, SATO)
    assert (await ledger.subject(SUBJECT))[0] == 0


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (DeedKind.IN_PROGRESS, "inprogress"),
        (DeedKind.RESOLVED, "resolved"),
        (DeedKind.DISMISSED, "dismissed"),
        (DeedKind.REOPENED, "active"),
        (DeedKind.YES, "resolved"),
        (DeedKind.NOT_ME, "active"),
        (DeedKind.MUTED, "active"),
    ],
)
async def test_case_is_the_fold_of_its_deeds(ledger: Ledger, kind: DeedKind, state: str) -> None:
    at = await ledger.now()
    deed = replace_kind(kind)
    case = after(after(Case(), TAKE, actor=SATO, at=at), deed, actor=SUZUKI, at=at)
    assert case.state == state
    assert [step.kind for step in case.steps] == [DeedKind.TAKEN, kind]
    assert (case.owner == SATO) is (kind is not DeedKind.REOPENED)
    assert read_case(write_case(case)) == case


def replace_kind(kind: DeedKind) -> Deed:
    return Deed(kind, SUBJECT, reason="it was a test")
