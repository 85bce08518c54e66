"""What was held back is told once in the morning, across restarts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from redis.asyncio import Redis

from delivery.outbox import ChannelId
from feeds.held import DIGEST_MAX, DrawDigest, Held
from feeds.mornings import Mornings
from feeds.quiet import DigestTime
from feeds.reading import Stored
from tests.feeds.alerts import an_alert, arriving
from tests.feeds.polling import ALERTS, PollDesk

HOUR = timedelta(hours=1)


def draw(stored: Sequence[Stored]) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(f"{len(stored)} overnight", [])]


def drawn(channel: ChannelId, muted: int) -> DrawDigest:
    """`and 2 muted` where some are."""
    said = f" and {muted} muted" if muted else ""
    return lambda stored: [(text + said, blocks) for text, blocks in draw(stored)]


class Desk(PollDesk):
    """It is noon now, and the digest comes at half past eight."""

    def another(self) -> Mornings:
        held = Held(self.redis, tag="test", offset=lambda: self.moved)
        return Mornings(held, lambda: self.settings, draw=drawn)

    async def noon(self) -> datetime:
        now = await self.now()
        zone = ZoneInfo("Asia/Tokyo")
        begins = (now.astimezone(zone) - timedelta(hours=3, minutes=30)).time()
        digest = DigestTime(time(begins.hour, begins.minute), zone)
        self.settings = replace(self.settings, digest=digest)
        return now

    async def hold(self, *numbers: int) -> None:
        alerts = [an_alert(number, severity="Low") for number in numbers]
        await self.store.ingest(arriving(*alerts, channel=ALERTS, is_held=True))

    async def mute(self, *numbers: int, channel: ChannelId = ALERTS) -> None:
        """They arrive, and the channel does not want to hear of them."""
        at = await self.now()
        alerts = [an_alert(number, severity="Low", generated_at=at) for number in numbers]
        await self.store.ingest(arriving(*alerts, channel=channel))
        for alert in alerts:
            await self.redis.hset(self.store.scripts.key("alert", alert.key), "fate", "muted:m1")

    async def after(self, hours: float) -> None:
        self.moved = hours * HOUR
        await self.another().step()


@pytest.fixture
async def desk(redis: Redis) -> Desk:
    desk = Desk(redis)
    await desk.noon()
    return desk


@pytest.mark.proves("D13")
async def test_one_digest_in_the_morning(desk: Desk) -> None:
    await desk.after(0)
    await desk.hold(1, 2, 3)
    for hours in (1, 12, 20.3):
        await desk.after(hours)
    assert await desk.said(ALERTS) == []
    for hours in (20.6, 20.7, 30):
        await desk.after(hours)
    assert await desk.said(ALERTS) == ["3 overnight"]
    await desk.hold(4)
    await desk.after(44.6)
    assert await desk.said(ALERTS) == ["3 overnight", "1 overnight"]


@pytest.mark.proves("D11", "D13")
async def test_what_was_muted_since_the_last_digest_is_counted_once(desk: Desk) -> None:
    await desk.after(0)
    desk.moved = HOUR
    for start in range(0, DIGEST_MAX, 500):
        await desk.hold(*range(start, start + 500))
    await desk.hold(DIGEST_MAX)
    await desk.mute(9_004, 9_005)
    await desk.mute(9_006, channel=ChannelId("C0OTHER"))
    await desk.after(20.6)
    assert await desk.said(ALERTS) == [f"{DIGEST_MAX} overnight and 2 muted", "1 overnight"]
    await desk.hold(9_007)
    await desk.after(44.6)
    assert (await desk.said(ALERTS))[2:] == ["1 overnight"]


@pytest.mark.proves("D13")
async def test_a_morning_that_was_missed_is_made_up_for(desk: Desk) -> None:
    await desk.after(0)
    await desk.hold(1)
    await desk.after(200)
    await desk.after(201)
    assert await desk.said(ALERTS) == ["1 overnight"]


@pytest.mark.proves("D13")
async def test_a_quiet_night_without_alerts_says_nothing(desk: Desk) -> None:
    for hours in (0, 21, 45):
        await desk.after(hours)
    assert await desk.said(ALERTS) == []


@pytest.mark.proves("D13", "D10")
async def test_stopped_half_way_it_tells_the_rest_and_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.after(0)
    await desk.hold(1, 2)
    with monkeypatch.context() as patch:
        killed = ConnectionError("killed")

        async def tell_and_die(self: Mornings, channel: Any, day: str, muted: int) -> None:
            await self._held.tell(channel, day, draw)
            raise killed

        patch.setattr(Mornings, "_tell", tell_and_die)
        with pytest.raises(ConnectionError):
            await desk.after(20.6)
    await desk.after(20.7)
    assert await desk.said(ALERTS) == ["2 overnight"]
