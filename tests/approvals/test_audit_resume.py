"""Whatever was done to the tail, two administrators can go on, and the chain is good again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from approvals.audit.anchor import Anchorer, FileSink
from approvals.audit.resume import Resume, resume
from approvals.audit.verify import verify
from approvals.entry import AuditBroken, Head, Stored
from approvals.events import OpId, RequestId
from approvals.ledger import Ledger, LedgerFrozen
from tests.approvals.forging import AUDIT, rewrite, rows_of
from tests.approvals.samples import ALICE, ITO, SUZUKI, file, submitted
from tests.redis_fixtures import KEYS, MakeLedger

WRITTEN = 6
Harm = Callable[[Redis], Awaitable[object]]
FORGED = {"entry": b'{"sequence":7}', "mac": "0" * 64, "at": "1"}


async def forge(redis: Redis, entry_id: str, **fields: object) -> None:
    await redis.xadd(AUDIT, {**FORGED, **fields}, id=entry_id)  # type: ignore[dict-item]


async def forged_far_ahead(redis: Redis) -> None:
    await forge(redis, "9999-0")
    await forge(redis, "18446744073709551615-18446744073709551615")


async def forged_and_deleted_again(redis: Redis) -> None:
    await forge(redis, "7-0")
    await forge(redis, "8-0", entry=b"\xff\xfe")
    await redis.xdel(AUDIT, "7-0", "6-0")


async def flooded(redis: Redis) -> None:
    pipe = redis.pipeline(transaction=False)
    for number in range(7, 2307):
        pipe.xadd(AUDIT, {"hello": "world"}, id=f"{number}-0")
    await pipe.execute()


async def replaced_by_one(redis: Redis) -> None:
    await redis.delete(AUDIT)
    await forge(redis, "9999-0")


async def renamed_fields(redis: Redis) -> None:
    await redis.xadd(AUDIT, {"hello": "world"}, id="7-5")


async def trimmed(redis: Redis) -> None:
    await redis.xtrim(AUDIT, maxlen=0, approximate=False)


async def set_ahead(redis: Redis) -> None:
    await redis.execute_command("XSETID", AUDIT, "9999-0")  # type: ignore[no-untyped-call]


HARMS: list[tuple[str, Harm, int]] = [
    ("a forged entry", lambda r: forge(r, "7-0"), 6),
    ("forged far ahead", forged_far_ahead, 6),
    ("forged, then deleted again", forged_and_deleted_again, 5),
    ("other fields", renamed_fields, 6),
    ("flooded with other rows", flooded, 6),
    ("the newest deleted", lambda r: r.xdel(AUDIT, "6-0"), 5),
    ("the last three deleted", lambda r: r.xdel(AUDIT, "4-0", "5-0", "6-0"), 3),
    ("last id set ahead", set_ahead, 6),
    ("everything trimmed", trimmed, 0),
    ("the stream deleted", lambda r: r.delete(AUDIT), 0),
    ("replaced by a forged one", replaced_by_one, 0),
    ("everything flushed", lambda r: r.flushall(), 0),
]


async def accept(ledger: Ledger, after: int, anchor: Head | None) -> Resume:
    return await resume(
        ledger,
        accept_loss_after=after,
        reason="the disk of noon was restored",
        administrators=(ITO, SUZUKI),
        allowed={ITO, SUZUKI},
        same_person=lambda person: (person,),
        anchor=anchor,
        op_id=OpId("resume"),
    )


async def write(ledger: Ledger, anchors: Anchorer) -> None:
    """What every process does: the anchor is looked for, and somebody asks for something."""
    await anchors.start()
    await file(ledger, "frozen", ports=(22,))


async def filled(ledger: Ledger, sink: FileSink) -> Anchorer:
    for n in range(WRITTEN):
        await file(ledger, f"f{n}", ports=(1000 + n,))
    anchors = Anchorer(ledger, sink, None)
    await anchors.step()
    return anchors


@pytest.mark.proves("J3", "FAULT-30", "FAULT-15")
@pytest.mark.parametrize(
    ("harm", "good_to"), [(h, n) for _, h, n in HARMS], ids=[name for name, _, _ in HARMS]
)
async def test_chain_is_good_again_after_the_resume(
    make_ledger: MakeLedger, redis: Redis, tmp_path: Path, harm: Harm, good_to: int
) -> None:
    sink = FileSink(tmp_path / "audit.jsonl", KEYS)
    anchors = await filled(make_ledger(), sink)
    await harm(redis)
    with pytest.raises(LedgerFrozen):
        await write(make_ledger(), anchors)
    anchor = await sink.newest()
    found = await verify(make_ledger().store, KEYS, anchor)
    assert (found.is_good, found.good_to) == (False, good_to)

    accepting = make_ledger()
    resumed = await accept(accepting, good_to, anchor)
    assert resumed.entry.sequence == good_to + 1
    report = await verify(accepting.store, KEYS, anchor)
    assert report.is_good, report
    assert await redis.exists("{sekisho}:audit:rewritten") == 0


@pytest.mark.proves("J3", "FAULT-30")
@pytest.mark.parametrize(
    ("harm", "good_to"), [(h, n) for _, h, n in HARMS], ids=[name for name, _, _ in HARMS]
)
async def test_work_goes_on_after_the_resume(
    make_ledger: MakeLedger, redis: Redis, tmp_path: Path, harm: Harm, good_to: int
) -> None:
    sink = FileSink(tmp_path / "audit.jsonl", KEYS)
    await filled(make_ledger(), sink)
    await harm(redis)
    anchor = await sink.newest()
    await accept(make_ledger(), good_to, anchor)

    fresh = make_ledger()
    anchors = Anchorer(fresh, sink, None)
    await anchors.start()
    for n in range(WRITTEN + 2):  # past every number that was lost
        request = await file(fresh, f"later{n}", ports=(3000 + n,))
        assert await fresh.read(request.id) == request
    await anchors.step()
    newest = await sink.newest()
    assert newest == fresh.highest_head
    assert (await verify(fresh.store, KEYS, newest)).is_good


async def test_what_stood_behind_is_kept_for_the_inquiry(
    make_ledger: MakeLedger, redis: Redis
) -> None:
    ledger = make_ledger()
    await file(ledger)
    await forge(redis, "2-0")
    await redis.xadd(AUDIT, {"hello": "world"}, id="3-0")
    resumed = await accept(make_ledger(), 1, None)
    assert [row.canonical for row in resumed.removed] == [FORGED["entry"]]
    assert [row.sequence for row in await rows_of(ledger)] == [1, 2]


async def test_late_repeat_of_a_lost_entry_is_done_anew_and_freezes_nothing(
    make_ledger: MakeLedger, redis: Redis
) -> None:
    """The op-id of the lost entry names a number that the resume has taken."""
    ledger = make_ledger()
    await file(ledger)
    await file(ledger, "lost", ports=(23,))
    await redis.xdel(AUDIT, "2-0")
    await redis.delete("{sekisho}:request:2", "{sekisho}:same:x")
    await accept(make_ledger(), 1, None)
    fresh = make_ledger()
    event = submitted(await fresh.now(), ports=(23,))
    again = await fresh.submit(event, actor=ALICE, op_id=OpId("lost"))
    assert fresh.frozen is None
    assert again.request is not None
    assert again.request.terms.ports == (23,)


async def test_row_that_is_no_entry_inside_the_log_is_accepted_and_stays(
    make_ledger: MakeLedger, redis: Redis, tmp_path: Path
) -> None:
    ledger, sink = make_ledger(), FileSink(tmp_path / "audit.jsonl", KEYS)
    await filled(ledger, sink)
    rows = await rows_of(ledger)
    await rewrite(redis, rows[:3])
    await redis.xadd(AUDIT, {"hello": "world"}, id="3-5")
    for row in rows[3:]:
        fields = {"entry": row.canonical, "mac": row.mac, "at": row.at_micros}
        await redis.xadd(AUDIT, fields, id=f"{row.sequence}-0")  # type: ignore[arg-type]
    anchor = await sink.newest()
    found = await verify(ledger.store, KEYS, anchor)
    assert (found.first_bad, found.good_to, found.head) == (3, 2, 6)
    await accept(make_ledger(), 2, anchor)
    fresh = make_ledger()
    report = await verify(fresh.store, KEYS, anchor)
    assert (report.is_good, report.head) == (True, 7)
    assert await fresh.read(RequestId("6")) is not None
    await Anchorer(fresh, sink, None).start()


async def test_change_before_a_row_that_is_none_is_still_named_first(
    make_ledger: MakeLedger, redis: Redis
) -> None:
    ledger = make_ledger()
    for n in range(4):
        await file(ledger, f"f{n}", ports=(1000 + n,))
    rows = await rows_of(ledger)
    changed = Stored(2, rows[1].canonical.replace(b"TLS", b"tls"), rows[1].mac, rows[1].at_micros)
    await rewrite(redis, [rows[0], changed, *rows[2:]])
    await redis.xadd(AUDIT, {"hello": "world"}, id="9-0")
    report = await verify(ledger.store, KEYS, Head(4, rows[3].mac, 0))
    assert (report.first_bad, report.good_to) == (2, 1)


async def test_rows_before_a_broken_one_are_still_given(
    make_ledger: MakeLedger, redis: Redis
) -> None:
    ledger = make_ledger()
    await file(ledger)
    await redis.xadd(AUDIT, {"hello": "world"}, id="2-0")
    with pytest.raises(AuditBroken, match="fields"):
        await rows_of(ledger)
