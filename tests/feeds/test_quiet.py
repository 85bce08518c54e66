"""Low and Informational wait for the morning, High and Medium never; nights of changing clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from feeds.quiet import DigestTime, QuietHours

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(22), time(8), TOKYO)


def tokyo(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 25, hour, minute, tzinfo=TOKYO).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "is_quiet"),
    [
        (tokyo(21, 59), False),
        (tokyo(22), True),
        (tokyo(0), True),
        (tokyo(7, 59), True),
        (tokyo(8), False),
    ],
)
@pytest.mark.proves("D13")
def test_a_night_over_midnight(at: datetime, is_quiet: bool) -> None:
    assert NIGHT.is_quiet(at) is is_quiet


def test_hours_of_one_day() -> None:
    lunch = QuietHours(time(12), time(13), TOKYO)
    assert [lunch.is_quiet(tokyo(hour)) for hour in (11, 12, 13)] == [False, True, False]


@pytest.mark.parametrize("severity", ["High", "Medium", "Critical", "Unknown", ""])
@pytest.mark.proves("D13", "C049", "O6")
def test_high_medium_and_unknown_never_wait(severity: str) -> None:
    assert not any(NIGHT.hold(severity, tokyo(hour)) for hour in range(24))


@pytest.mark.parametrize("severity", ["Low", "informational"])
@pytest.mark.proves("D13")
def test_low_and_informational_wait_at_night_alone(severity: str) -> None:
    assert NIGHT.hold(severity, tokyo(23))
    assert not NIGHT.hold(severity, tokyo(12))


def test_the_digest_is_once_a_day() -> None:
    digest = DigestTime(time(8, 30), TOKYO)
    assert digest.last(tokyo(8, 30)) == tokyo(8, 30)
    assert digest.last(tokyo(8, 29)) == tokyo(8, 30) - timedelta(days=1)
    assert digest.next(tokyo(8, 30)) == tokyo(8, 30) + timedelta(days=1)
    assert digest.next(tokyo(8, 29)) == tokyo(8, 30)
    assert digest.day(digest.last(tokyo(8, 29))) == "2026-11-24"


@pytest.mark.parametrize(("day", "clock"), [((2026, 3, 29), 2), ((2026, 10, 25), 2)])
def test_a_night_in_which_the_clocks_change_has_one_digest(
    day: tuple[int, int, int], clock: int
) -> None:
    digest = DigestTime(time(clock, 30), BERLIN)
    start = datetime(*day, tzinfo=UTC) - timedelta(days=1)
    minutes = [start + timedelta(minutes=n) for n in range(0, 3 * 24 * 60, 10)]
    seen = dict.fromkeys(digest.last(at) for at in minutes)
    assert len(seen) == 4
    assert len({digest.day(at) for at in seen}) == 4
    assert all(digest.last(at) <= at < digest.next(at) for at in minutes)
    quiet = QuietHours(time(1), time(4), BERLIN)
    night = [at for at in minutes if timedelta(hours=12) <= at - start < timedelta(hours=36)]
    hours = sum(quiet.is_quiet(at) for at in night) / 6
    assert hours == (2 if day[1] == 3 else 4)
