"""FAULT-30: a log that is tampered with is named by `verify`, freezes, and is resumed by two."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from approvals.audit.anchor import Anchorer, FileSink
from approvals.audit.resume import ResumeRefused, enter_deferred, resume
from approvals.audit.verify import verify
from approvals.entry import Head
from approvals.events import Closing, EndCause, OpId, PersonId, State
from approvals.ledger import Change, Ledger, LedgerFrozen
from tests.approvals.forging import rewrite, rows_of
from tests.approvals.samples import ALICE, ITO, SATO, SUZUKI, approved, file, run_to_active, step
from tests.redis_fixtures import KEYS, MakeLedger

ADMINISTRATORS = {ITO, SUZUKI}


async def accept(ledger: Ledger, after: int, anchor: Head | None = None, **other: object) -> object:
    asked = {
        "accept_loss_after": after,
        "reason": "the replica was promoted without them",
        "administrators": (ITO, SUZUKI),
        "allowed": ADMINISTRATORS,
        "same_person": lambda person: (person,),
        "anchor": anchor,
        "op_id": OpId("resume"),
        **other,
    }
    return await resume(ledger, **asked)  # type: ignore[arg-type]


async def cut(redis: Redis, ledger: Ledger, left: int) -> None:
    await rewrite(redis, (await rows_of(ledger))[:left])


@pytest.mark.proves("FAULT-30", "J3")
async def test_cut_log_is_frozen_and_resumed_by_two_administrators(
    make_ledger: MakeLedger, redis: Redis, tmp_path: Path
) -> None:
    ledger, sink = make_ledger(), FileSink(tmp_path / "audit.jsonl", KEYS)
    request = await file(ledger)
    await step(ledger, approved(request, SATO, await ledger.now()), "yes")
    anchors = Anchorer(ledger, sink, None)
    await anchors.step()
    await cut(redis, ledger, 1)
    with pytest.raises(LedgerFrozen):
        await anchors.step()
    anchor = await sink.newest()
    assert anchor is not None

    await accept(ledger, 1, anchor)
    assert ledger.frozen is None
    report = await verify(ledger.store, KEYS, anchor)
    assert (report.is_good, report.head) == (True, 2)
    await file(ledger, "next", ports=(23,))
    await Anchorer(make_ledger(), sink, None).start()
    again = Anchorer(ledger, sink, None)
    await again.start()
    await again.step()
    newest = await sink.newest()
    assert newest is not None
    assert newest.sequence == 3


@pytest.mark.proves("FAULT-30")
async def test_changed_head_is_taken_out_at_the_resume(
    make_ledger: MakeLedger, redis: Redis
) -> None:
    ledger = make_ledger()
    await file(ledger)
    await file(ledger, "two", ports=(23,))
    rows = await rows_of(ledger)
    rows[1] = msgspec.structs.replace(rows[1], mac="0" * 64)
    await rewrite(redis, rows)
    with pytest.raises(LedgerFrozen):
        await ledger.refresh()
    await redis.xgroup_create("{sekisho}:audit", "apply", id="2-0")
    await accept(ledger, 1)
    report = await verify(ledger.store, KEYS)
    assert (report.is_good, report.head) == (True, 2)
    [group] = await redis.xinfo_groups("{sekisho}:audit")
    assert group["last-delivered-id"] == b"1-0"


@pytest.mark.proves("FAULT-30")
async def test_change_in_the_middle_stays_named_as_accepted(
    make_ledger: MakeLedger, redis: Redis
) -> None:
    ledger = make_ledger()
    for n in range(4):
        await file(ledger, f"f{n}", ports=(1000 + n,))
    rows = await rows_of(ledger)
    forged = rows[1].canonical.replace(b"TLS", b"tls")
    rows[1] = msgspec.structs.replace(rows[1], canonical=forged)
    await rewrite(redis, rows)
    assert (await verify(ledger.store, KEYS)).first_bad == 2
    ledger.freeze("verify found it")
    await accept(ledger, 1)
    report = await verify(ledger.store, KEYS)
    assert (report.is_good, report.head) == (True, 5)
    assert [found.sequence for found in report.accepted] == [2]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"administrators": (ITO, ITO)}, "one person"),
        ({"administrators": (ITO, ALICE)}, "administrators of the settings"),
        ({"same_person": lambda _: ADMINISTRATORS}, "one person"),
        ({"reason": "  "}, "reason"),
        ({"accept_loss_after": 0}, "good to entry 1"),
    ],
)
async def test_resume_is_refused(
    make_ledger: MakeLedger, redis: Redis, other: dict[str, object], why: str
) -> None:
    ledger = make_ledger()
    await file(ledger)
    await file(ledger, "two", ports=(23,))
    await cut(redis, ledger, 1)
    with pytest.raises(LedgerFrozen):
        await ledger.refresh()
    with pytest.raises(ResumeRefused, match=why):
        await accept(ledger, 1, ledger.highest_head, **other)
    assert ledger.frozen


async def test_good_log_needs_no_resume(ledger: Ledger) -> None:
    await file(ledger)
    with pytest.raises(ResumeRefused, match="is good"):
        await accept(ledger, 1)


@pytest.mark.proves("J3")
async def test_closing_goes_on_while_frozen_and_is_entered_later(
    make_ledger: MakeLedger, redis: Redis, tmp_path: Path
) -> None:
    sink = FileSink(tmp_path / "audit.jsonl", KEYS)
    ledger = make_ledger()
    ledger.defer = sink.defer
    session = await run_to_active(ledger, await file(ledger))
    await file(ledger, "lost", ports=(23,))
    await cut(redis, ledger, 4)
    with pytest.raises(LedgerFrozen):
        await ledger.refresh()

    assert await ledger.read(session.id) == session
    change = Change(session, Closing(EndCause.DONE), ALICE)
    with pytest.raises(LedgerFrozen) as caught:
        await ledger.record(change, op_id=OpId("done"))
    deferred = caught.value.deferred
    assert deferred is not None
    assert deferred.state is State.CLOSING

    await accept(ledger, 4, ledger.highest_head)
    assert await enter_deferred(ledger, await sink.deferred()) == (1, [])
    await sink.finish_deferred(ledger.highest_head.sequence)
    assert await sink.deferred() == []
    found = await ledger.read(session.id)
    assert found is not None
    assert (found.state, found.closed_by) == (State.CLOSING, PersonId(ALICE))


@pytest.mark.proves("J3")
async def test_restored_old_copy_is_found_at_the_start(
    make_ledger: MakeLedger, redis: Redis, tmp_path: Path
) -> None:
    posted: list[tuple[int, str]] = []

    class Channel:
        async def post(self, sequence: int, mac: str) -> None:
            posted.append((sequence, mac))

        async def newest(self) -> tuple[int, str] | None:
            return posted[-1] if posted else None

    ledger = make_ledger()
    for n in range(100):
        await file(ledger, f"f{n}", ports=(1000 + n,))
    await Anchorer(ledger, None, Channel()).step()
    assert [sequence for sequence, _ in posted] == [100]
    await cut(redis, ledger, 40)
    fresh = make_ledger()
    with pytest.raises(LedgerFrozen, match="anchor knows entry 100"):
        await Anchorer(fresh, None, Channel()).start()


@pytest.mark.proves("J3")
async def test_channel_is_told_after_ten_minutes_if_anything_is_new(ledger: Ledger) -> None:
    posted: list[int] = []
    clock = [0.0]

    class Channel:
        async def post(self, sequence: int, mac: str) -> None:
            posted.append(sequence)

        async def newest(self) -> tuple[int, str] | None:
            return None

    anchors = Anchorer(ledger, None, Channel(), monotonic=lambda: clock[0])
    await file(ledger)
    await anchors.step()
    clock[0] = 601.0
    await anchors.step()
    clock[0] = 1300.0
    await anchors.step()
    assert posted == [1]


async def test_line_that_a_crash_cut_off_is_written_again(ledger: Ledger, tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "audit.jsonl", KEYS)
    await file(ledger)
    await Anchorer(ledger, sink, None).step()
    whole = sink.path.read_bytes()
    sink.path.write_bytes(whole + whole[:40])
    await file(ledger, "two", ports=(23,))
    anchors = Anchorer(ledger, sink, None)
    await anchors.start()
    await anchors.step()
    newest = await sink.newest()
    assert newest is not None
    assert newest.sequence == 2
