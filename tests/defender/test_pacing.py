"""How fast Azure is asked, against a clock that the test moves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from defender.errors import AzureBusy
from defender.pacing import Call, Pacer, next_wait


class Clock:
    """Monotonic seconds; sleeping moves them."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacer(clock: Clock) -> Pacer:
    return Pacer(clock, clock.sleep)


async def take(pacer: Pacer, times: int, call: Call, subscription: str = "a") -> None:
    for _ in range(times):
        await pacer.take(subscription, call, ends_at=1e9)


async def test_a_burst_goes_out_at_once_and_the_rest_at_its_rate(
    pacer: Pacer, clock: Clock
) -> None:
    await take(pacer, 40, Call.WRITE)
    assert clock.slept == []
    await take(pacer, 8, Call.WRITE)
    assert sum(clock.slept) == pytest.approx(2.0)


async def test_subscriptions_and_kinds_have_their_own_pace(pacer: Pacer, clock: Clock) -> None:
    await take(pacer, 40, Call.WRITE)
    await take(pacer, 40, Call.WRITE, "b")
    await take(pacer, 80, Call.READ)
    await take(pacer, 20, Call.DELETE)
    assert clock.slept == []


@pytest.mark.proves("C100")
async def test_azures_wish_to_wait_holds_back_that_kind_alone(pacer: Pacer, clock: Clock) -> None:
    pacer.hold("A", Call.WRITE, timedelta(seconds=30))
    await take(pacer, 1, Call.READ)
    assert clock.slept == []
    await take(pacer, 1, Call.WRITE)
    assert clock.slept == [30.0]


async def test_a_turn_after_the_deadline_is_refused_at_once_and_costs_nothing(
    pacer: Pacer, clock: Clock
) -> None:
    pacer.hold("a", Call.WRITE, timedelta(seconds=30))
    for _ in range(100):
        with pytest.raises(AzureBusy) as caught:
            await pacer.take("a", Call.WRITE, ends_at=clock.now + 10)
        assert caught.value.retry_after == timedelta(seconds=30)
    clock.now += 30
    await take(pacer, 40, Call.WRITE)
    assert clock.slept == []


def test_waits_between_tries_grow_to_a_bound_and_azure_has_the_last_word() -> None:
    waits = [next_wait(attempt, None).total_seconds() for attempt in range(1, 60)]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(waits) == waits[-1] == 15.0
    assert next_wait(1, timedelta(seconds=9)) == timedelta(seconds=9)
