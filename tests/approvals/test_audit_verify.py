"""The log is good, or the first bad entry is named: changed, removed, moved, cut or forged."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from redis.asyncio import Redis

from approvals.audit.verify import Verifier, verify
from approvals.entry import AuditKeys, Draft, Head, Stored, seal
from approvals.events import OpId, RequestId
from approvals.ledger import Ledger
from tests.approvals.forging import AUDIT, rewrite
from tests.approvals.samples import ALICE, file, run_to_ended, submitted
from tests.redis_fixtures import KEYS


def chain_of(count: int) -> list[Stored]:
    """A log of `count` submissions, as the ledger would write it."""
    at, head, rows = datetime(2026, 11, 25, tzinfo=UTC), Head(0, "", 0), []
    event = submitted(at)
    for n in range(count):
        draft = Draft(at, ALICE, RequestId(str(n + 1)), OpId(f"op{n}"), event, 1)
        _, row = seal(draft, head, KEYS)
        rows.append(row)
        head = Head(row.sequence, row.mac, row.at_micros)
    return rows


async def test_untouched_log_is_good(ledger: Ledger) -> None:
    await run_to_ended(ledger, await file(ledger))
    report = await verify(ledger.store, KEYS)
    assert (report.is_good, report.good_to, report.head) == (True, 6, 6)


async def test_empty_log_is_good(ledger: Ledger) -> None:
    assert (await verify(ledger.store, KEYS)).is_good


COUNT = 12


@pytest.mark.proves("J2", "FAULT-30")
@pytest.mark.parametrize("position", range(COUNT))
@pytest.mark.parametrize("harm", ["change", "change mac", "change time", "remove", "swap"])
async def test_each_harm_is_found_where_it_was_done(
    ledger: Ledger, redis: Redis, harm: str, position: int
) -> None:
    rows = chain_of(COUNT)
    numbers = [row.sequence for row in rows]
    row = rows[position]
    expected = position + 1
    match harm:
        case "change":
            forged = row.canonical.replace(b"TLS renewal", b"TLS Renewal")
            rows[position] = replace(row, canonical=forged)
        case "change mac":
            rows[position] = replace(row, mac=rows[position - 1].mac)
        case "change time":
            rows[position] = replace(row, at_micros=row.at_micros + 1)
        case "remove":
            del rows[position], numbers[position]
        case "swap":
            other = position + 1 if position + 1 < COUNT else position - 1
            rows[position], rows[other] = rows[other], rows[position]
            expected = min(position, other) + 1
    await rewrite(redis, rows, numbers=numbers)
    anchor = Head(COUNT, chain_of(COUNT)[-1].mac, 0)
    report = await verify(ledger.store, KEYS, anchor)
    assert report.first_bad == expected
    assert report.good_to == expected - 1


@pytest.mark.proves("J3", "FAULT-30")
@pytest.mark.parametrize("left", [0, 1, 5, 11])
async def test_cut_tail_is_found_by_the_anchor(ledger: Ledger, redis: Redis, left: int) -> None:
    rows = chain_of(COUNT)
    await rewrite(redis, rows[:left])
    assert (await verify(ledger.store, KEYS)).is_good
    anchor = Head(rows[-1].sequence, rows[-1].mac, rows[-1].at_micros)
    report = await verify(ledger.store, KEYS, anchor)
    assert (report.first_bad, report.good_to) == (left + 1, left)
    assert "cut off" in report.reason


async def test_deleted_head_is_found_by_redis_own_memory(ledger: Ledger, redis: Redis) -> None:
    await rewrite(redis, chain_of(3))
    await redis.xdel(AUDIT, "3-0")
    assert (await verify(ledger.store, KEYS)).first_bad == 3


async def test_fork_is_found_by_the_anchor(ledger: Ledger, redis: Redis) -> None:
    """A promoted replica went on without the last entries: a valid chain, but another one."""
    await rewrite(redis, chain_of(5))
    report = await verify(ledger.store, KEYS, Head(4, "0" * 64, 0))
    assert report.first_bad == 4


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"entry": "{}", "mac": "x", "at": "1"}, "can't be read"),
        ({"entry": "not json", "mac": "x", "at": "1"}, "can't be read"),
        ({"hello": "world"}, "fields"),
        ({"entry": "{}", "mac": "x", "at": "later"}, "time"),
    ],
)
async def test_foreign_row_is_named(
    ledger: Ledger, redis: Redis, fields: dict[str, str], why: str
) -> None:
    await rewrite(redis, chain_of(3))
    await redis.xadd(AUDIT, fields, id="4-0")  # type: ignore[arg-type]
    report = await verify(ledger.store, KEYS)
    assert (report.first_bad, report.good_to) == (4, 3)
    assert why in report.reason


async def test_row_between_two_entries_is_named(ledger: Ledger, redis: Redis) -> None:
    await rewrite(redis, chain_of(3))
    await redis.xadd(AUDIT, {"entry": "x", "mac": "y", "at": "1"}, id="3-7")
    assert (await verify(ledger.store, KEYS)).first_bad == 3


def test_key_that_was_dropped_from_the_settings_is_said() -> None:
    other = AuditKeys("k2", {"k2": b"another secret of at least 32 bytes"})
    verifier = Verifier(other)
    verifier.take(chain_of(1))
    assert "key is not in the settings" in verifier.report().reason


def test_rotated_keys_check_old_entries() -> None:
    both = AuditKeys("k2", {**KEYS.secrets, "k2": b"another secret of at least 32 bytes"})
    verifier = Verifier(both)
    verifier.take(chain_of(3))
    assert verifier.report().is_good


def test_keys_are_never_shown() -> None:
    assert "0123456789" not in repr(KEYS)
    with pytest.raises(ValueError, match="at least 32 bytes"):
        AuditKeys("k", {"k": b"short"})


@pytest.mark.proves("J2")
async def test_a_hundred_thousand_entries_are_verified(ledger: Ledger, redis: Redis) -> None:
    rows = chain_of(100_000)
    for begin in range(0, len(rows), 500):
        pipe = redis.pipeline(transaction=False)
        for row in rows[begin : begin + 500]:
            fields = {"entry": row.canonical, "mac": row.mac, "at": row.at_micros}
            pipe.xadd(AUDIT, fields, id=f"{row.sequence}-0")  # type: ignore[arg-type]
        await pipe.execute()
    anchor = Head(rows[-1].sequence, rows[-1].mac, 0)
    report = await verify(ledger.store, KEYS, anchor)
    assert report.is_good
    assert report.head == 100_000


@given(st.binary(min_size=32, max_size=200), st.binary(max_size=500))
def test_mac_is_hmac_sha256(secret: bytes, content: bytes) -> None:
    expected = hmac.digest(secret, content, "sha256").hex()
    assert AuditKeys("k", {"k": secret}).mac("k", content) == expected
