"""FAULT-24: the bot's clock is never asked; Redis TIME decides, also when it jumps."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from redis.asyncio import Redis

from approvals.chain import RedisClock
from approvals.entry import to_micros
from approvals.events import OpId
from approvals.ledger import Ledger, LedgerUnavailable, Recorded
from approvals.request import IllegalTransition
from tests.approvals.samples import SATO, approved, file, step
from tests.redis_fixtures import MakeLedger


@pytest.mark.proves("FAULT-24")
@pytest.mark.parametrize("skew", [timedelta(minutes=10), timedelta(minutes=-10)])
async def test_clock_of_the_bot_does_not_matter(
    make_ledger: MakeLedger, redis: Redis, skew: timedelta
) -> None:
    seconds, micros = await redis.time()
    ledger = make_ledger()
    with time_machine.travel(seconds + skew.total_seconds(), tick=True):
        request = await file(ledger)
        outcome = await step(ledger, approved(request, SATO, await ledger.now()), "yes")
    real = seconds * 1_000_000 + micros
    assert 0 <= to_micros(outcome.entry.at) - real < 5_000_000


@pytest.mark.proves("FAULT-24")
async def test_instant_that_drifted_is_read_again(ledger: Ledger) -> None:
    """The machine was asleep: the monotonic clock stood still, TIME did not."""
    request = await file(ledger)
    ledger._clock.set(to_micros(request.submitted_at) - 600_000_000)
    change = approved(request, SATO, request.submitted_at)
    outcome = await ledger.record(change, op_id=OpId("yes"))
    assert isinstance(outcome, Recorded)
    assert outcome.entry.at >= request.submitted_at


@pytest.mark.proves("FAULT-24", "FAULT-25")
async def test_clock_ahead_does_not_make_a_click_late(ledger: Ledger) -> None:
    request = await file(ledger)
    ledger._clock.set(to_micros(request.lapses_at) + 1)
    change = approved(request, SATO, request.submitted_at)
    with pytest.raises(IllegalTransition):
        await ledger.record(change, op_id=OpId("yes"))
    await ledger.now()
    assert isinstance(await ledger.record(change, op_id=OpId("yes")), Recorded)


@pytest.mark.proves("FAULT-24")
async def test_redis_clock_that_went_back_is_refused_and_said(make_ledger: MakeLedger) -> None:
    """Entries never run backwards; the offset of one process stands for TIME before the jump."""
    request = await file(make_ledger(offset=timedelta(minutes=10)))
    ledger = make_ledger()
    change = approved(request, SATO, request.submitted_at)
    with pytest.raises(LedgerUnavailable, match="behind the newest entry"):
        await ledger.record(change, op_id=OpId("yes"))
    assert await ledger.read(request.id) == request


def test_clock_is_carried_by_the_monotonic_one() -> None:
    ticks = iter([100.0, 101.5])
    clock = RedisClock(lambda: timedelta(seconds=60), lambda: next(ticks))
    clock.set(1_000_000)
    assert clock.micros() == 1_000_000 + 1_500_000 + 60_000_000
