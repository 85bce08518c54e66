"""FAULT-24: the bot's wall clock is ten minutes off: windows and deadlines follow Redis TIME."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from approvals.events import State, Until
from approvals.window import parse_window
from tests.faults.processes import World

TWO_HOURS = timedelta(hours=2)


@pytest.mark.proves("FAULT-24", "C2")
@pytest.mark.parametrize("skew", ["600", "-600"])
async def test_window_is_as_long_as_asked(world: World, skew: str) -> None:
    await world.start_bot(CLOCK_SKEW=skew)
    card = await world.ask()
    await world.slack.person("suzuki").click(card, "jit_approve")
    request = await world.wait_state(State.ACTIVE)
    (port,) = world.azure.open_ports()
    left = port.ends_at - world.clock.now()
    assert TWO_HOURS - timedelta(seconds=30) < left <= TWO_HOURS
    assert request.opening is not None
    assert abs(request.opening.ends_at - port.ends_at) < timedelta(seconds=1)


@pytest.mark.proves("FAULT-24", "C104")
async def test_until_in_the_night_that_is_an_hour_longer_or_shorter() -> None:
    """The instant is what the wall of that place shows, whatever the night does."""
    berlin = ZoneInfo("Europe/Berlin")
    for now, expected in (
        (datetime(2026, 3, 28, 22, 0, tzinfo=UTC), datetime(2026, 3, 29, 4, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 5, 0, tzinfo=UTC)),
    ):
        assert parse_window("until 06:00", now=now, tz=berlin) == Until(expected)
