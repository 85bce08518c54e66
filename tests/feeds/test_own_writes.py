"""Sources that lag behind our own write do not undo it; what the portal does later counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from feeds.own_writes import POLLS, OwnWrites
from tests.feeds.alerts import an_alert
from tests.feeds.polling import FakeSource, PollDesk, page

ALERT = an_alert(1)


@pytest.fixture
async def desk(redis: Redis) -> PollDesk:
    found = PollDesk(redis)
    await found.poll(FakeSource(pages=[page(ALERT)]), FakeSource("api"))
    return found


async def shown(desk: PollDesk, status: str, **changes: object) -> str:
    """What is held after a source has shown the alert in this state."""
    seen = an_alert(1, status=status, **changes)
    await desk.poll(FakeSource(pages=[page(seen)]), FakeSource("api"))
    stored = await desk.store.alert(ALERT.key)
    assert stored is not None
    return stored.alert.state


async def wrote(desk: PollDesk, before: str, after: str) -> None:
    await OwnWrites(desk.store).note(ALERT.key, before, after, now=await desk.now())


@pytest.mark.proves("D5", "FAULT-26")
async def test_what_lags_behind_does_not_undo_our_write(desk: PollDesk) -> None:
    await wrote(desk, "active", "resolved")
    assert await shown(desk, "Active") == "active"  # nothing is said before Azure shows it
    assert await shown(desk, "Resolved") == "resolved"
    assert await shown(desk, "Active") == "resolved"
    assert (await desk.store.counters())["changed"] == 1


@pytest.mark.proves("D5", "C117")
async def test_after_a_few_polls_the_portal_has_the_last_word(desk: PollDesk) -> None:
    await wrote(desk, "active", "resolved")
    await shown(desk, "Resolved")
    desk.moved += POLLS * desk.settings.every + timedelta(seconds=1)
    assert await shown(desk, "Active") == "active"


@pytest.mark.proves("D5")
async def test_what_somebody_else_did_is_taken_at_once(desk: PollDesk) -> None:
    await wrote(desk, "active", "resolved")
    await shown(desk, "Resolved")
    assert await shown(desk, "Dismissed") == "dismissed"


@pytest.mark.proves("D5")
async def test_of_two_writes_the_last_one_stands(desk: PollDesk) -> None:
    await wrote(desk, "active", "resolved")
    await wrote(desk, "active", "active")  # reopened before Azure showed it as resolved
    assert await shown(desk, "Resolved") == "active"
    assert await shown(desk, "Active") == "active"
    assert (await desk.store.counters()).get("changed", 0) == 0


@pytest.mark.proves("D5", "D6")
async def test_what_else_has_changed_is_taken_all_the_same(desk: PollDesk) -> None:
    await wrote(desk, "active", "resolved")
    await shown(desk, "Resolved")
    assert await shown(desk, "Active", severity="High") == "resolved"
    stored = await desk.store.alert(ALERT.key)
    assert stored is not None
    assert stored.alert.severity == "High"
