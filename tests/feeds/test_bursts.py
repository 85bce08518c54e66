"""Which changes are told together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from feeds.bursts import Burst, group, is_late, time_of
from tests.feeds.file_change_samples import NOW, change

LATER = NOW + timedelta(minutes=20)


def sizes(*seconds: float, now: timedelta = timedelta(minutes=20)) -> list[int]:
    changes = [change(seconds=each) for each in seconds]
    return sorted(len(part.changes) for part in group(changes, (), now=NOW + now))


@pytest.mark.proves("E4")
@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        ((0,), [1]),
        ((0, 120), [2]),
        ((0, 121), [1, 1]),
        ((0, 100, 200, 300, 400, 500, 600), [7]),
        ((0, 100, 200, 300, 400, 500, 600, 601), [1, 7]),
        ((), []),
    ],
)
def test_a_burst_ends_after_two_quiet_minutes_or_ten(
    seconds: tuple[float, ...], wanted: list[int]
) -> None:
    assert sizes(*seconds) == wanted


@pytest.mark.proves("E4")
def test_machines_are_told_apart() -> None:
    changes = [change(), change(machine="web-02", resource_id="", seconds=1), change(seconds=2)]
    parts = group(changes, (), now=LATER)
    assert sorted((part.burst.place[-6:], len(part.changes)) for part in parts) == [
        ("web-01", 2),
        ("web-02", 1),
    ]


@pytest.mark.proves("E4")
def test_a_later_row_joins_the_open_burst() -> None:
    opened = NOW + timedelta(seconds=20)
    known = Burst("F-1", change().place, NOW, NOW + timedelta(seconds=10), opened)
    [part] = group([change(seconds=100)], [known], now=NOW + timedelta(seconds=110))
    assert part.burst.id == "F-1"
    assert part.burst.last_at == NOW + timedelta(seconds=100)


@pytest.mark.parametrize(
    ("seconds", "now"),
    [(140, timedelta(minutes=3)), (60, timedelta(minutes=11))],
    ids=["quiet since", "the card is ten minutes old"],
)
def test_a_burst_that_is_over_is_not_joined(seconds: float, now: timedelta) -> None:
    known = Burst("F-1", change().place, NOW, NOW + timedelta(seconds=10), NOW)
    [part] = group([change(seconds=seconds)], [known], now=NOW + now)
    assert part.burst.id == ""


@pytest.mark.proves("C087")
def test_what_a_machine_kept_while_it_was_off_is_one_digest() -> None:
    kept = [change(f"/srv/{n}", seconds=-n * 180 - 7200) for n in range(2_000)]
    [part] = group(kept, (), now=NOW)
    assert part.burst.is_flood
    assert len(part.changes) == 2_000
    assert part.burst.first_at == NOW - timedelta(seconds=1_999 * 180 + 7200)
    assert part.burst.last_at == NOW - timedelta(seconds=7200)


@pytest.mark.proves("C087")
def test_the_rest_of_a_flood_joins_it() -> None:
    flood = Burst("F-1", change().place, NOW - timedelta(hours=5), NOW, NOW, is_flood=True)
    now = NOW + timedelta(minutes=1)
    parts = group([change(seconds=-6 * 3600), change(seconds=50)], [flood], now=now)
    assert sorted(part.burst.id for part in parts) == ["", "F-1"], "what happens now is no flood"


@pytest.mark.proves("C087")
def test_a_late_row_is_a_burst_of_its_own_time() -> None:
    late = change("/etc/late", seconds=-5 * 3600 - 40 * 60)
    parts = group([change(), late], (), now=NOW)
    bursts = {part.changes[0].path: part.burst for part in parts}
    assert is_late(bursts["/etc/late"])
    assert not is_late(bursts["/etc/hosts"])


def test_a_row_from_the_future_happened_now() -> None:
    assert time_of(change(seconds=3_600), NOW) == NOW
