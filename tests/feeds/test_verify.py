"""Ingested = told + waiting + muted, at every stage; what was removed by hand is named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
from redis.asyncio import Redis

from delivery.outbox import Outbox
from feeds.figures import FeedFigures
from feeds.grouping import Grouper
from feeds.held import Held
from feeds.mutes import Mute, Mutes
from feeds.store import AlertStore, kind_of
from feeds.storm import Limits, Storms
from feeds.verify import FeedsReport, Verify
from tests.delivery.desk import Desk
from tests.feeds.alerts import OPS, an_alert, arriving
from tests.feeds.draw import details


@pytest.fixture
def verify(store: AlertStore, outbox: Outbox) -> Verify:
    return Verify(store, outbox)


@pytest.fixture
def group(redis: Redis, outbox: Outbox) -> Grouper:
    limits = Limits(window=timedelta(0), refresh=timedelta(0))
    return Grouper(Storms(redis, tag="test"), outbox, details=details, limits=limits)


def counts(report: FeedsReport) -> tuple[int, int, int, int]:
    return report.ingested, report.told, report.waiting, report.muted


async def remove_first(redis: Redis, stream: str, *, of: bytes = b"") -> None:
    rows = cast(Any, await redis.xrange(stream))
    found = next(place for place, fields in rows if of in fields.get(b"item", b""))
    assert await redis.xdel(stream, found) == 1


@pytest.mark.proves("D14", "FAULT-27")
async def test_a_card_is_waiting_until_it_stands_in_slack(
    store: AlertStore, verify: Verify, group: Grouper, desk: Desk
) -> None:
    assert counts(await verify.run()) == (0, 0, 0, 0)
    alert = an_alert(1)
    await store.ingest(arriving(alert))
    assert counts(await verify.run()) == (1, 0, 1, 0)
    await group.sweep()
    assert counts(await verify.run()) == (1, 0, 1, 0)
    desk.card(f"alert:{alert.key}", 1)
    await desk.deliver()
    assert counts(await verify.run()) == (1, 1, 0, 0)


@pytest.mark.proves("D14", "FAULT-27")
async def test_a_storm_is_told_when_its_lines_are(
    store: AlertStore, verify: Verify, group: Grouper, desk: Desk
) -> None:
    await store.ingest(arriving(*(an_alert(n) for n in range(600))))
    await group.sweep()
    desk.card("storm:S-1", 1_000)
    assert counts(await verify.run()) == (600, 0, 600, 0)
    told = 0
    for _ in range(20):
        await desk.deliver()
        await group.sweep()
        report = await verify.run()
        assert report.is_good
        assert report.told + report.waiting == 600
        assert report.told >= told
        told = report.told
    assert told == 600


Way = Callable[[AlertStore, Grouper, Redis], Awaitable[None]]


async def out_of_the_feed(store: AlertStore, group: Grouper, redis: Redis) -> None:
    await store.ingest(arriving(an_alert(1), an_alert(2)))
    await remove_first(redis, f"{{test}}:feed:{OPS}")


async def out_of_the_outbox(store: AlertStore, group: Grouper, redis: Redis) -> None:
    await store.ingest(arriving(an_alert(1), an_alert(2)))
    await group.sweep()
    await remove_first(redis, f"{{test}}:outbox:{OPS}")


async def out_of_the_held(store: AlertStore, group: Grouper, redis: Redis) -> None:
    await store.ingest(arriving(an_alert(1), an_alert(2), is_held=True))
    await redis.zrem(f"{{test}}:held:{OPS}", an_alert(1).key)


async def forgotten_by_its_hash(store: AlertStore, group: Grouper, redis: Redis) -> None:
    await store.ingest(arriving(an_alert(1), an_alert(2)))
    await redis.delete(f"{{test}}:alert:{an_alert(1).key}")


@pytest.mark.proves("D14", "FAULT-27")
@pytest.mark.parametrize(
    "way", [out_of_the_feed, out_of_the_outbox, out_of_the_held, forgotten_by_its_hash]
)
async def test_what_was_removed_by_hand_is_named(
    way: Way, store: AlertStore, verify: Verify, group: Grouper, redis: Redis
) -> None:
    await way(store, group, redis)
    report = await verify.run()
    assert report.missing == (an_alert(1).key,)
    assert (report.waiting, report.is_good) == (1, False)


@pytest.mark.proves("D14")
async def test_a_removed_line_of_a_storm_names_every_alert_in_it(
    store: AlertStore, verify: Verify, group: Grouper, redis: Redis, desk: Desk
) -> None:
    await store.ingest(arriving(*(an_alert(n) for n in range(1_200))))
    desk.card("storm:S-1", 1_000)
    await group.sweep()
    await desk.deliver()
    await group.sweep()
    before = await verify.run()
    await remove_first(redis, f"{{test}}:outbox:{OPS}", of=b'"line"')
    report = await verify.run()
    assert before.is_good
    assert len(report.missing) > 50
    assert report.told + report.waiting + len(report.missing) == 1_200


@pytest.mark.proves("D14")
async def test_an_index_that_was_cut_is_noticed_by_the_counters(
    store: AlertStore, verify: Verify, redis: Redis
) -> None:
    await store.ingest(arriving(an_alert(1), an_alert(2)))
    await redis.zrem("{test}:alerts", an_alert(1).key)
    report = await verify.run()
    assert (report.forgotten, report.is_good) == (1, False)


@pytest.mark.proves("D9", "D14")
async def test_a_mute_counts_what_it_keeps_quiet_and_ends_by_itself(
    redis: Redis, verify: Verify, outbox: Outbox
) -> None:
    hours = 0
    store = AlertStore(redis, tag="test", offset=lambda: timedelta(hours=hours))
    mutes = Mutes(redis, tag="test", offset=lambda: timedelta(hours=hours))
    noisy = an_alert(1)
    now = (await store.scripts.now_ms()) / 1000
    until = noisy.generated_at
    assert until is not None
    until = until.fromtimestamp(now, until.tzinfo) + timedelta(hours=1)
    await mutes.mute(Mute(id="m1", channel=OPS, kind=kind_of(noisy), until=until, by="U1"))
    other = an_alert(2, alert_type="VM_Other")
    report = await store.ingest(arriving(noisy, other, an_alert(3)))
    assert report.muted == [noisy.key, an_alert(3).key]
    assert counts(await verify.run()) == (3, 0, 1, 2)
    assert [(mute.id, mute.count, mute.by) for mute in await mutes.mutes()] == [("m1", 2, "U1")]
    elsewhere = await store.ingest(arriving(an_alert(4), channel="C0OTHER"))  # type: ignore[arg-type]
    assert elsewhere.muted == []
    hours = 2
    assert await mutes.mutes() == []
    assert (await store.ingest(arriving(an_alert(5)))).muted == []
    assert await cast(Any, redis.hlen("{test}:mutes")) == 0


@pytest.mark.proves("D9")
async def test_a_mute_for_one_machine_and_its_end_by_hand(redis: Redis) -> None:
    store, mutes = AlertStore(redis, tag="test"), Mutes(redis, tag="test")
    web, db = an_alert(1), an_alert(2, machine="db-02", resource_id="")
    until = await in_an_hour(store)
    await mutes.mute(
        Mute(id="m1", channel=OPS, kind=kind_of(db), machine="DB-02", until=until, reason="noise")
    )
    assert (await store.ingest(arriving(web, db))).muted == [db.key]
    assert await mutes.unmute("m1")
    assert not await mutes.unmute("m1")
    again = an_alert(3, machine="db-02", resource_id="")
    assert (await store.ingest(arriving(again))).muted == []


async def in_an_hour(store: AlertStore) -> Any:
    zone = an_alert().generated_at
    assert zone is not None
    now = (await store.scripts.now_ms()) / 1000
    return zone.fromtimestamp(now, zone.tzinfo) + timedelta(hours=1)


@pytest.mark.proves("D9", "D14")
async def test_quiet_hours_end_in_one_digest(
    store: AlertStore, verify: Verify, redis: Redis, desk: Desk, group: Grouper
) -> None:
    held = Held(redis, tag="test")
    await store.ingest(arriving(*(an_alert(n, severity="Low") for n in range(20)), is_held=True))
    await group.sweep()
    assert desk.said() == []
    assert await held.channels() == [OPS]

    def draw(alerts: Any) -> list[tuple[str, list[dict[str, Any]]]]:
        return [(f"{len(alerts)} alerts waited for the morning", [])]

    assert await held.tell(OPS, "2026-11-26", draw) == 20
    assert await held.tell(OPS, "2026-11-26", draw) == 0
    assert counts(await verify.run()) == (20, 0, 20, 0)
    await desk.deliver()
    assert desk.said() == ["20 alerts waited for the morning"]
    assert counts(await verify.run()) == (20, 20, 0, 0)
    assert await held.channels() == []
    await store.ingest(arriving(an_alert(30), is_held=True))
    assert await held.tell(OPS, "2026-11-26", draw) == 1
    await desk.deliver()
    assert len(desk.said()) == 2
    assert counts(await verify.run()) == (21, 21, 0, 0)


@pytest.mark.proves("D9")
async def test_what_is_held_and_becomes_high_is_told_at_once(
    store: AlertStore, verify: Verify, group: Grouper, outbox: Outbox, redis: Redis
) -> None:
    low = an_alert(1, severity="Low")
    await store.ingest(arriving(low, is_held=True))
    await store.ingest(arriving(msgspec.structs.replace(low, severity="High")))
    await group.sweep()
    assert await outbox.size(OPS) == 1
    assert await Held(redis, tag="test").held(OPS) == []
    assert counts(await verify.run()) == (1, 0, 1, 0)


@pytest.mark.proves("D14")
async def test_the_figures_for_metrics(store: AlertStore, verify: Verify, redis: Redis) -> None:
    figures = FeedFigures(store, verify)
    await store.ingest(arriving(an_alert(1), an_alert(2)))
    await store.count("bad", 3)
    await figures.refresh()
    read = {name: value() for name, value in figures.metrics().items()}
    assert read["alerts_ingested"] == 2
    assert (read["alerts_waiting"], read["alerts_bad"], read["alerts_missing"]) == (2, 3, 0)
    assert figures.problem() == ""
    await remove_first(redis, f"{{test}}:feed:{OPS}")
    await figures.refresh()
    assert figures.problem() == "1 alerts are missing"
