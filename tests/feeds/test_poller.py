"""Nothing is lost and nothing told twice, whatever order, page or moment alerts come in."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from redis.asyncio import Redis

from approvals.scope import compile_globs, make_scope
from defender.alert import Alert
from defender.alerts import AlertBatch
from defender.errors import AzureBusy, AzureUnavailable
from delivery.outbox import ChannelId
from delivery.tasks import end
from feeds.alerts import AlertPoller
from feeds.quiet import QuietHours
from feeds.routing import Route, Routing
from feeds.settings import AlertSettings
from feeds.sources import is_since, make_sources
from feeds.way import Way
from tests.feeds.alerts import an_alert
from tests.feeds.polling import ALERTS, AUDIT, FakeSource, Page, PollDesk, page, way_of

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def desk(redis: Redis) -> PollDesk:
    return PollDesk(redis)


@pytest.fixture
async def now(desk: PollDesk) -> datetime:
    return await desk.now()


Make = Callable[..., Alert]


@pytest.fixture
def made(now: datetime) -> Make:
    """An alert that Defender made so many minutes ago."""

    def make(number: int, minutes_ago: float = 1, **changes: object) -> Alert:
        return an_alert(number, generated_at=now - minutes_ago * MINUTE, **changes)

    return make


@pytest.mark.proves("D1")
async def test_every_page_is_taken_in(desk: PollDesk, made: Make) -> None:
    await desk.poll(FakeSource(pages=[page(made(1), made(2)), page(), page(made(3))]))
    assert await desk.queued() == 3
    assert (await desk.store.counters())["ingested"] == 3


@pytest.mark.proves("D1", "C071", "FAULT-26")
async def test_the_cursor_moves_after_the_last_page_alone(desk: PollDesk, made: Make) -> None:
    broken = FakeSource(pages=[page(made(1, 5)), AzureUnavailable("Reset", "gone")])
    with pytest.raises(AzureUnavailable):
        await desk.poll(broken, FakeSource("api"))
    whole = FakeSource(pages=[page(made(1, 5)), page(made(2, 300))])
    await desk.poll(whole, FakeSource("api"))
    assert whole.since[0] >= broken.since[0]
    assert whole.since[0] - broken.since[0] < MINUTE
    assert await desk.queued() == 2


@pytest.mark.proves("D1")
async def test_the_first_read_goes_back_and_the_next_ones_go_on(
    desk: PollDesk, made: Make, now: datetime
) -> None:
    source = FakeSource(pages=[page(made(1, 30))])
    for _ in range(2):
        await desk.poll(source, FakeSource("api"))
    assert abs(source.since[0] - (now - 24 * HOUR)) < MINUTE
    assert abs(source.since[1] - (now - 30 * MINUTE - 2 * HOUR)) < MINUTE
    desk.moved = 72 * HOUR
    await desk.poll(source, FakeSource("api"))
    assert source.since[2] == source.since[1]


@pytest.mark.proves("D1")
async def test_an_estate_without_alerts_keeps_its_beginning(desk: PollDesk) -> None:
    source = FakeSource()
    await desk.poll(source)
    desk.moved = 72 * HOUR
    await desk.poll(source)
    assert abs(source.since[1] - source.since[0]) < MINUTE


@pytest.mark.proves("D1", "FAULT-26")
async def test_a_late_alert_is_told(desk: PollDesk, made: Make) -> None:
    await desk.poll(FakeSource(pages=[page(made(1, 1))]))
    late = made(2, 65)

    def give(since: datetime) -> list[Page]:
        return [page(*(alert for alert in (late, made(1, 1)) if is_since(alert, since)))]

    await desk.poll(FakeSource(pages=give))
    assert await desk.queued() == 2


@pytest.mark.proves("D1", "FAULT-26")
async def test_a_time_in_the_future_hides_nothing(desk: PollDesk, made: Make) -> None:
    await desk.poll(FakeSource(pages=[page(made(1, -600 * 24), made(2, 3))]))
    source = FakeSource()
    poller = await desk.poll(source, FakeSource("api"))
    assert source.since[0] < await desk.now() - HOUR
    assert poller.problem() == ""
    assert await desk.queued() == 2


@pytest.mark.proves("D1", "C046", "FAULT-26")
async def test_the_same_alert_by_two_sources_and_twice_in_one_is_one(
    desk: PollDesk, made: Make
) -> None:
    alert, other = made(1), made(1, status="Resolved")
    for _ in range(3):
        await desk.poll(FakeSource(pages=[page(alert, alert), page(other)]))
        await desk.poll(FakeSource("api", pages=[page(alert)]))
    assert await desk.queued() == 1
    assert (await desk.store.counters()).get("changed", 0) == 0


@pytest.mark.proves("D5", "D6", "C117")
async def test_what_is_closed_in_the_portal_is_asked_for_by_name(
    desk: PollDesk, made: Make
) -> None:
    await desk.poll(FakeSource(pages=[page(made(1, 1), made(2, 600), made(3, 601))]))
    closed = made(2, 600, status="Resolved")
    source = FakeSource(pages=[page(made(1, 1)), page(closed)])
    await desk.poll(source)
    assert source.again[0] == []  # alone it reads everything at its start
    poller = desk.poller(source)
    poller.usual.whole_at = float("inf")
    await poller.poll(poller.usual)
    assert set(source.again[1]) == {made(2).key, made(3).key}
    stored = await desk.store.alert(closed.key)
    assert stored is not None
    assert stored.alert.state == "resolved"
    assert await desk.store.open_count() == 2


@pytest.mark.proves("D5")
async def test_more_open_ones_than_one_query_takes_are_asked_for_in_turn(
    desk: PollDesk, made: Make
) -> None:
    alerts = [made(number, 600 + number) for number in range(340)]
    source = FakeSource(pages=[page(made(999, 1), *alerts)])
    poller = desk.poller(source, FakeSource("api"))
    for _ in range(5):
        await poller.poll(poller.usual)
    asked = [set(keys) for keys in source.again[1:4]]
    assert all(len(keys) <= 200 for keys in asked)
    assert set().union(*asked) >= {alert.key for alert in alerts}


@pytest.mark.proves("D10")
async def test_a_cut_answer_is_noticed_and_read_again(desk: PollDesk, made: Make) -> None:
    source = FakeSource(pages=[page(made(1, 1), is_cut=True)])
    poller = await desk.poll(source, FakeSource("api"))
    assert poller.warning() == "resource_graph: the answer was cut short"
    assert await desk.queued() == 1
    await desk.poll(source, FakeSource("api"))
    assert source.since[1] - source.since[0] < MINUTE


@pytest.mark.proves("D10", "C046")
async def test_bad_items_are_set_aside_and_told_once(desk: PollDesk, made: Make) -> None:
    first = page(made(1), bad=["Alert 3 of a page could not be read: a list, not an object."])
    second = page(made(2), bad=["Alert 17 of a page could not be read: a list, not an object."])
    poller = await desk.poll(FakeSource(pages=[first]))
    assert poller.warning() == "1 alerts can't be read"
    for _ in range(2):
        await desk.poll(FakeSource(pages=[second]))
    assert len(await desk.said(AUDIT)) == 1
    assert (await desk.store.counters())["bad"] == 1
    assert await desk.queued() == 2
    assert (await desk.poll(FakeSource(pages=[page(made(1))]))).warning() == ""
    other = page(bad=["Alert 1 of a page could not be read: null."])
    await desk.poll(FakeSource(pages=[other]))
    assert len(await desk.said(AUDIT)) == 2


@pytest.mark.proves("D10")
async def test_what_the_usual_source_misses_is_told_and_named(
    desk: PollDesk, made: Make, caplog: pytest.LogCaptureFixture
) -> None:
    graph = FakeSource(pages=[page(made(1))])
    api = FakeSource("api", pages=[page(made(1), made(2))])
    poller = desk.poller(graph, api)
    await poller.poll(poller.usual)
    await poller.poll(way_of(poller, "api"))
    assert await desk.queued() == 2
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            await poller.poll(poller.usual)
    assert poller.warning() == "resource_graph has missed 1 alerts"
    assert await desk.said(AUDIT) == [f"resource_graph missed {made(2).key}"]
    assert (await desk.store.counters())["missed"] == 1
    assert made(2).key in caplog.text


@pytest.mark.proves("D10")
async def test_what_the_usual_source_brings_a_little_later_is_not_missed(
    desk: PollDesk, made: Make
) -> None:
    graph = FakeSource(pages=[page()])
    api = FakeSource("api", pages=[page(made(2))])
    poller = desk.poller(graph, api)
    await poller.poll(way_of(poller, "api"))
    await poller.poll(poller.usual)
    graph.pages = [page(made(2))]
    for _ in range(4):
        await poller.poll(poller.usual)
    assert poller.warning() == ""


# --- where it goes ----------------------------------------------------------------------------


@dataclass
class Box:
    """A machine as the estate has it."""

    name: str = "web-01"
    resource_group: str = "rg-shop"
    subscription_id: str = ""
    tags: dict[str, str] = field(default_factory=lambda: {"env": "prod"})


@pytest.mark.proves("D2")
async def test_tags_and_group_are_those_of_the_estate(desk: PollDesk, made: Make) -> None:
    by_tag = Route("tag", "C0TAG", tags=make_scope(tags={"env": ["prod"]}).tags)
    by_group = Route("group", "C0GROUP", resource_groups=compile_globs(["rg-shop"]))
    desk.settings = AlertSettings(Routing((by_tag, by_group), ALERTS))
    wanted = made(1).resource_id
    desk.find = lambda resource_id: Box() if resource_id == wanted else None
    assert desk.intake.route(made(1)).channel == "C0TAG"
    assert desk.intake.route(made(1, resource_id="")).channel == ALERTS
    desk.find = lambda resource_id: Box(tags={})
    assert desk.intake.route(made(1, resource_group="other")).channel == "C0GROUP"


@pytest.mark.proves("D13", "O6")
async def test_low_ones_wait_at_night_and_others_do_not(
    desk: PollDesk, made: Make, now: datetime
) -> None:
    quiet = QuietHours(time(0), time(23, 59, 59, 999999), ZoneInfo("UTC"))
    desk.settings = replace(desk.settings, quiet_hours=quiet)
    severities = ["High", "Medium", "Low", "Informational", "Unknown"]
    alerts = [made(n, severity=name) for n, name in enumerate(severities)]
    report = await desk.intake.take(alerts, now=now)
    assert [int(key[-1]) for key in report.held] == [2, 3]
    assert await desk.queued() == 3


# --- silence ----------------------------------------------------------------------------------


@pytest.mark.proves("D10")
async def test_five_minutes_of_silence_are_told_once_and_their_end_once(
    desk: PollDesk, made: Make
) -> None:
    desk.settings = AlertSettings(Routing((Route("r", "C0SOC"),), ALERTS))
    source = FakeSource(pages=[page(made(1))])
    poller = await desk.poll(source)
    await poller.look()
    desk.moved = 4.9 * MINUTE
    await poller.look()
    assert await desk.said(ALERTS) == []
    poller.usual.failed(AzureBusy("TooMany", "wait", 429), 0.0)
    desk.moved = 5.1 * MINUTE
    await poller.look()
    for other in (poller, desk.poller(source)):  # again, and by a process that takes over
        desk.moved += MINUTE
        await other.look()
    assert await desk.said(ALERTS) == ["stalled in C0ALERTS: resource_graph TooMany"]
    assert "no alerts could be read since" in poller.problem()
    assert len(await desk.said(ChannelId("C0SOC"))) == 1
    await poller.poll(poller.usual)
    for _ in range(2):
        await poller.look()
    assert (await desk.said(ALERTS))[1:] == ["over in C0ALERTS"]
    poller.usual.succeeded()
    assert poller.problem() == ""


@pytest.mark.proves("D10")
async def test_a_process_that_was_away_does_not_call_its_own_silence_azures(
    desk: PollDesk, made: Make
) -> None:
    source = FakeSource(pages=[page(made(1))])
    await desk.poll(source)
    desk.moved = 3 * HOUR
    poller = desk.poller(source)
    await poller.look()
    assert await desk.said(ALERTS) == []
    desk.moved += 6 * MINUTE
    await poller.look()
    assert len(await desk.said(ALERTS)) == 1


@pytest.mark.proves("D10")
async def test_while_one_source_reads_the_feed_is_not_silent(desk: PollDesk, made: Make) -> None:
    graph = FakeSource(pages=[AzureUnavailable("Down", "")])
    api = FakeSource("api", pages=[page(made(1))])
    poller = desk.poller(graph, api)
    await poller.look()
    desk.moved = 6 * MINUTE
    await poller.poll(way_of(poller, "api"))
    await poller.look()
    assert await desk.said(ALERTS) == []
    assert await desk.queued() == 1


@pytest.mark.proves("D10")
async def test_a_kill_between_noting_and_telling_silence_tells_it_once(
    desk: PollDesk, made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = await desk.poll(FakeSource(pages=[page(made(1))]))
    await poller.look()
    desk.moved = 6 * MINUTE

    async def killed(*_: object) -> bool:
        raise ConnectionError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(desk.outbox, "put", killed)
        with pytest.raises(ConnectionError):
            await poller.look()
    for _ in range(3):
        await poller.look()
    assert len(await desk.said(ALERTS)) == 1


# --- any order --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.proves("FAULT-26", "C046", "C071", "C117", "D1", "D6")
async def test_any_order_pages_duplicates_failures_and_late_ones(
    desk: PollDesk, made: Make, seed: int
) -> None:
    """Alerts show up late, change, come twice, in any order and page, and reads break off."""
    chance = random.Random(seed)
    world: dict[str, Alert] = {}
    appeared: list[Alert] = []

    def give(since: datetime) -> list[Page]:
        due = [alert for alert in world.values() if is_since(alert, since)]
        due += chance.sample(due, len(due) // 4)
        chance.shuffle(due)
        pages: list[Page] = []
        while due:
            size = chance.randint(0, 4)
            pages.append(page(*due[:size]))
            due = due[size:]
        if chance.random() < 0.3:
            pages.insert(chance.randint(0, len(pages)), AzureUnavailable("Reset", ""))
        return pages

    sources = [FakeSource("resource_graph", give), FakeSource("api", give)]
    for step in range(14):
        desk.moved += 5 * MINUTE
        for number in range(chance.randint(0, 4)):
            alert = made(100 * step + number, chance.uniform(-5 * step, 60 - 5 * step))
            world[alert.key] = alert
            appeared.append(alert)
        if world and chance.random() < 0.5:
            key = chance.choice(list(world))
            state = chance.choice(["Active", "Resolved", "Dismissed"])
            world[key] = msgspec.structs.replace(world[key], status=state)
        poller = desk.poller(*chance.sample(sources, 2))
        for way in poller.ways:
            with suppress(AzureUnavailable):
                await poller.poll(way)
    poller = desk.poller(FakeSource(pages=lambda since: [page(*world.values())]))
    await poller.poll(poller.usual)
    counters = await desk.store.counters()
    assert counters.get("ingested", 0) == len(world) == len({a.key for a in appeared})
    assert await desk.queued() == len(world)
    for key, alert in world.items():
        stored = await desk.store.alert(key)
        assert stored is not None
        assert stored.alert.state == alert.state


# --- the loop ---------------------------------------------------------------------------------


async def run_until(poller: AlertPoller, is_done: Callable[[], bool]) -> None:
    task = asyncio.create_task(poller.run())
    try:
        async with asyncio.timeout(10):
            while not is_done():
                await asyncio.sleep(0.01)
    finally:
        await end([task])


@pytest.mark.proves("D1", "O6")
async def test_one_source_that_fails_stops_no_other(desk: PollDesk, made: Make) -> None:
    soon = timedelta(seconds=0.02)
    graph = FakeSource(pages=[RuntimeError("our mistake")], period=soon)
    api = FakeSource("api", pages=[page(made(1))], period=soon)
    poller = desk.poller(graph, api)
    said: list[str] = []

    def is_seen() -> bool:
        said.append(poller.problem())
        return len(api.since) > 5 and len(graph.since) > 2

    await run_until(poller, is_seen)
    assert await desk.queued() == 1
    assert said[-1] == "resource_graph: RuntimeError"
    assert poller.problem() == ""  # it leads no more, so it has nothing to say


def test_pauses_grow_up_to_a_minute_and_follow_azures_wish() -> None:
    way = Way(FakeSource())
    assert way.pause(is_needed=False) == timedelta(seconds=10)
    assert way.pause(is_needed=True) == timedelta(seconds=5)
    seen = []
    for _ in range(5):
        way.failed(AzureUnavailable("Down", ""), 100.0)
        seen.append(way.pause(is_needed=False).total_seconds())
    assert seen == [10, 20, 40, 60, 60]
    way.failed(AzureBusy("TooMany", "", 429, retry_after=2 * MINUTE), 130.0)
    assert way.pause(is_needed=False) == 2 * MINUTE
    assert not way.needs_help(129.0)
    assert way.needs_help(130.0)
    way.succeeded()
    assert not way.needs_help(131.0)
    way.is_cut = True
    assert way.needs_help(131.0)


@pytest.mark.proves("C015")
async def test_the_api_is_read_subscription_by_subscription(made: Make, now: datetime) -> None:
    class Gateway:
        def __init__(self, failing: Sequence[str]) -> None:
            self.failing = failing

        async def subscription_pages(self, subscription_id: str) -> AsyncIterator[AlertBatch]:
            if subscription_id in self.failing:
                raise AzureUnavailable("Down", "")
            yield page(made(int(subscription_id)), made(9, 6000))

        async def graph_pages(
            self, subscriptions: Sequence[str], query: str
        ) -> AsyncIterator[AlertBatch]:
            yield page(made(7))

    settings = AlertSettings(Routing((), ALERTS))

    async def read(failing: Sequence[str]) -> list[AlertBatch]:
        graph, api = make_sources(Gateway(failing), ["1", "2"], lambda: settings)
        assert (graph.name, api.name) == ("resource_graph", "api")
        assert api.every(is_needed=True) == MINUTE
        assert api.every(is_needed=False) == 15 * MINUTE
        return [batch async for batch in api.read(now - HOUR, [])]

    whole = await read([])
    assert [len(batch.alerts) for batch in whole] == [1, 1]
    partly = await read(["1"])
    assert [(len(batch.alerts), batch.is_cut) for batch in partly] == [(1, False), (0, True)]
    with pytest.raises(AzureUnavailable):
        await read(["1", "2"])


@pytest.mark.proves("FAULT-29")
async def test_only_harmless_identities_are_asked_for_by_name(now: datetime) -> None:
    asked: list[str] = []

    class Gateway:
        async def subscription_pages(self, subscription_id: str) -> AsyncIterator[AlertBatch]:
            yield page()

        async def graph_pages(
            self, subscriptions: Sequence[str], query: str
        ) -> AsyncIterator[AlertBatch]:
            asked.append(query)
            yield page()

    settings = AlertSettings(Routing((), ALERTS))
    graph, _ = make_sources(Gateway(), ["1"], lambda: settings)
    keys = ["2518-ok", "x' | union secrets //"]
    assert len([batch async for batch in graph.read(now, keys)]) == 2
    assert "2518-ok" in asked[1]
    assert "union" not in asked[1]
