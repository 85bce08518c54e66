"""The poller with the real gateway against the sandbox's Azure, over the wire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from defender.alerts import AlertGateway
from delivery.tasks import end
from feeds.alerts import AlertPoller
from feeds.older import Older
from feeds.sources import make_sources
from sandbox.azure import SandboxAzure
from sandbox.world.estate import DATA, PROD, STAGING
from tests.feeds.polling import PollDesk, way_of
from tests.sandboxed import sandboxed

ALL = (PROD.id, STAGING.id, DATA.id)
HOURS = timedelta(hours=1)


class SandboxDesk(PollDesk):
    """One estate whose alerts are polled by both sources."""

    azure: SandboxAzure
    gateway: AlertGateway

    def both(self) -> AlertPoller:
        """As a process that has just got the lease."""
        older = Older(self.gateway, ALL, self.store)
        sources = make_sources(self.gateway, ALL, lambda: self.settings, differing=older)
        return self.poller(*sources)

    async def state_of(self, key: str) -> str:
        stored = await self.store.alert(key)
        return "" if stored is None else stored.alert.state


@pytest.fixture
async def desk(redis: Redis, tmp_path: Path) -> AsyncIterator[SandboxDesk]:
    async with sandboxed(tmp_path) as (azure, clients):
        desk = SandboxDesk(redis)
        desk.azure, desk.gateway = azure, AlertGateway(clients)
        yield desk


@pytest.mark.parametrize("fault", ["none", "duplicates", "shuffles"])
@pytest.mark.proves("D1", "FAULT-26", "C046")
async def test_every_alert_is_taken_in_once(desk: SandboxDesk, fault: str) -> None:
    faults = desk.azure.alerts.faults
    faults.duplicates, faults.shuffles = fault == "duplicates", fault == "shuffles"
    names = ["web-01", "stg-web-01", "dwh-01"] * 6
    for place, name in enumerate(names):
        desk.azure.raise_alert(name, generated_ago=timedelta(minutes=place))
    poller = desk.both()
    for _ in range(2):
        for way in poller.ways:
            await poller.poll(way)
    assert await desk.queued() == len(names)
    assert (await desk.store.counters()).get("changed", 0) == 0
    assert (poller.problem(), poller.warning()) == ("", "")


@pytest.mark.proves("D1", "FAULT-26")
async def test_one_that_shows_up_an_hour_late_is_told(desk: SandboxDesk) -> None:
    desk.azure.raise_alert("web-01", generated_ago=timedelta(minutes=1))
    poller = desk.both()
    await poller.poll(poller.usual)
    desk.azure.raise_alert("web-02", generated_ago=timedelta(minutes=61))
    await poller.poll(poller.usual)
    assert await desk.queued() == 2


@pytest.mark.proves("D5", "D6")
async def test_what_is_resolved_in_the_portal_shows_within_one_poll_however_old(
    desk: SandboxDesk,
) -> None:
    old = desk.azure.raise_alert("web-01", generated_ago=9 * HOURS)
    desk.azure.raise_alert("web-02", generated_ago=timedelta(minutes=1))
    poller = desk.both()
    await poller.poll(poller.usual)
    for status, state in (("Resolved", "resolved"), ("Active", "active")):
        desk.azure.alerts.set_status(old, status, desk.azure.clock.now())  # type: ignore[arg-type]
        await poller.poll(poller.usual)
        assert await desk.state_of(old.system_id.lower()) == state
    assert await desk.queued() == 2


@pytest.mark.proves("D5", "D6", "C117")
async def test_what_is_reopened_in_the_portal_shows_within_one_poll_however_old(
    desk: SandboxDesk,
) -> None:
    """60 that were closed, so that the wanted one is not among those asked for by name."""
    azure, now = desk.azure, desk.azure.clock.now()
    old = [
        azure.raise_alert("web-01", generated_ago=9 * HOURS + timedelta(minutes=n))
        for n in range(60)
    ]
    for alert in old:
        azure.alerts.set_status(alert, "Resolved", now)
    azure.raise_alert("web-02", generated_ago=timedelta(minutes=1))
    poller = desk.both()
    await poller.poll(poller.usual)
    reopened = old[-1]
    azure.alerts.set_status(reopened, "Active", azure.clock.now())
    await poller.poll(poller.usual)
    assert await desk.state_of(reopened.system_id.lower()) == "active"
    assert (await desk.store.counters())["changed"] == 1


@pytest.mark.proves("D6")
async def test_of_more_old_alerts_than_a_query_names_the_closed_one_shows_at_once(
    desk: SandboxDesk,
) -> None:
    azure = desk.azure
    old = [
        azure.raise_alert("web-01", generated_ago=9 * HOURS + timedelta(minutes=n))
        for n in range(320)
    ]
    azure.raise_alert("web-02", generated_ago=timedelta(minutes=1))
    poller = desk.both()
    await poller.poll(poller.usual)
    for alert in (old[0], old[155], old[-1]):
        azure.alerts.set_status(alert, "Dismissed", azure.clock.now())
    await poller.poll(poller.usual)
    for alert in (old[0], old[155], old[-1]):
        assert await desk.state_of(alert.system_id.lower()) == "dismissed"
    assert (await desk.store.counters())["changed"] == 3


@pytest.mark.proves("D10", "FAULT-26")
async def test_what_a_cut_answer_leaves_out_the_other_source_brings(desk: SandboxDesk) -> None:
    for name in ("web-01", "web-02", "db-01"):
        desk.azure.raise_alert(name)
    desk.azure.alerts.faults.cut_after = 1
    poller = desk.both()
    await poller.poll(poller.usual)
    assert poller.warning() == "resource_graph: the answer was cut short"
    desk.azure.alerts.faults.clear()
    await poller.poll(way_of(poller, "api"))
    assert await desk.queued() == 3
    await poller.poll(poller.usual)
    assert (await desk.queued(), poller.warning()) == (3, "")


@pytest.mark.proves("D10", "C046")
async def test_a_page_that_breaks_off_stops_nothing(desk: SandboxDesk) -> None:
    for name in ("web-01", "web-02", "db-01"):
        desk.azure.raise_alert(name)
    desk.azure.alerts.faults.broken_pages = 1
    poller = desk.both()
    for _ in range(2):
        for way in poller.ways:
            await poller.poll(way)
    assert await desk.queued() == 3
    assert poller.warning() == ""


@pytest.mark.proves("D1")
async def test_raised_to_queued_within_the_interval_and_half_a_second(desk: SandboxDesk) -> None:
    desk.settings = type(desk.settings)(desk.settings.routing, every=timedelta(seconds=1))
    poller = desk.both()
    task = asyncio.create_task(poller.run())
    try:
        await asyncio.sleep(1.5)
        taken: list[float] = []
        for number in range(1, 4):
            before = await desk.queued()
            desk.azure.raise_alert(f"web-0{number}")
            started = time.monotonic()
            while await desk.queued() == before:
                await asyncio.sleep(0.01)
            taken.append(time.monotonic() - started)
            await asyncio.sleep(0.3)
    finally:
        await end([task])
    assert max(taken) < 1.5, taken
