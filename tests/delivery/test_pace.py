"""One call per interval, and what came late is made up for, but never more than that."""

from __future__ import annotations

import pytest

from delivery.pace import Pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, moved by the test."""
    now = [100.0]
    monkeypatch.setattr("delivery.pace.time.monotonic", lambda: now[0])
    return now


def calls(paced: Pace, clock: list[float], *, takes: list[float]) -> list[float]:
    """When each call starts, if it takes so long."""
    started = []
    for seconds in takes:
        clock[0] += paced.reserve()
        started.append(clock[0] - 100.0)
        clock[0] += seconds
    return started


def test_one_per_interval(clock: list[float]) -> None:
    assert calls(Pace(1.0), clock, takes=[0.1] * 3) == pytest.approx([0, 1, 2])


def test_a_burst_at_the_start_and_then_the_interval(clock: list[float]) -> None:
    assert calls(Pace(1.0, 1), clock, takes=[0.0] * 4) == pytest.approx([0, 0, 1, 2])


def test_a_slow_answer_is_made_up_for(clock: list[float]) -> None:
    takes = [0.2, 0.2, 0.2, 1.9, 0.2, 0.2]
    started = calls(Pace(1.0, 1), clock, takes=takes)
    assert started == pytest.approx([0, 0.2, 1.0, 2.0, 3.9, 4.1])


def test_after_a_pause_there_is_no_burst(clock: list[float]) -> None:
    paced = Pace(1.0, 1)
    paced.pause(5.0)
    assert calls(paced, clock, takes=[0.0] * 3) == pytest.approx([5, 6, 7])
