"""A few alerts are a card each; many are a storm, told in full, once, the worst first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from delivery.outbox import Card, File, Line, Outbox
from feeds.grouping import Grouper
from feeds.store import AlertStore
from feeds.storm import Limits, Storms
from tests.feeds.alerts import OPS, an_alert, arriving
from tests.feeds.draw import details

NO_WINDOW = Limits(window=timedelta(0), refresh=timedelta(0))


@pytest.fixture
def storms(redis: Redis) -> Storms:
    return Storms(redis, tag="test")


def grouper(storms: Storms, outbox: Outbox, limits: Limits | None = None) -> Grouper:
    return Grouper(storms, outbox, details=details, limits=limits)


async def queued(outbox: Outbox) -> list[Any]:
    return [row.item for row in await outbox.waiting(OPS, 1_000)]


async def told(redis: Redis) -> None:
    """As if everything was posted."""
    await redis.xtrim(f"{{test}}:outbox:{OPS}", maxlen=0)


@pytest.mark.proves("D13")
async def test_few_are_a_card_each_and_high_comes_first(
    store: AlertStore, storms: Storms, outbox: Outbox
) -> None:
    alerts = [an_alert(number, severity=s) for number, s in enumerate(("Low", "High", "Medium"))]
    await store.ingest(arriving(*alerts))
    await grouper(storms, outbox).sweep()
    assert await queued(outbox) == [
        Card(f"alert:{alerts[n].key}:v1", f"alert:{alerts[n].key}")  # type: ignore[arg-type]
        for n in (1, 2, 0)
    ]
    stored = await store.alert(alerts[0].key)
    assert stored is not None
    assert stored.fate == "card"
    await grouper(storms, outbox).sweep()
    assert len(await queued(outbox)) == 3


@pytest.mark.proves("D13")
async def test_many_are_a_storm_with_one_card_and_packed_details(
    store: AlertStore, storms: Storms, outbox: Outbox, redis: Redis
) -> None:
    alerts = [an_alert(n, severity="High" if n % 10 == 0 else "Low") for n in range(1_000)]
    await store.ingest(arriving(*alerts))
    sweeps = grouper(storms, outbox, NO_WINDOW)
    told_lines: list[str] = []
    cards = 0
    for _ in range(100):
        await sweeps.sweep()
        items = await queued(outbox)
        cards += sum(isinstance(item, Card) for item in items)
        told_lines += [
            line
            for item in items
            if isinstance(item, Line)
            for block in item.blocks
            for line in block["text"]["text"].split("\n")
        ]
        assert len(items) <= 6
        await told(redis)
        if any(isinstance(item, File) for item in items):
            break
    else:
        raise AssertionError("the storm did not end")
    assert len(told_lines) == 1_000
    assert {line.split()[0] for line in told_lines} == {alert.key for alert in alerts}
    assert [line.split()[1] for line in told_lines] == ["High"] * 100 + ["Low"] * 900
    storm = await storms.storm("S-1")
    assert storm is not None
    assert (storm.total, storm.waiting, storm.by_rank) == (1_000, 0, {0: 100, 2: 900})
    assert storm.over_at is not None
    assert await storms.current(OPS) is None
    await store.ingest(arriving(an_alert(5_000)))
    await sweeps.sweep()
    assert [type(item) for item in await queued(outbox)] == [Card]


@pytest.mark.proves("D13")
async def test_a_storm_goes_on_while_more_come(
    store: AlertStore, storms: Storms, outbox: Outbox, redis: Redis
) -> None:
    sweeps = grouper(storms, outbox)
    await store.ingest(arriving(*(an_alert(n) for n in range(6))))
    await sweeps.sweep()
    await told(redis)
    await store.ingest(arriving(an_alert(7)))
    await sweeps.sweep()
    storm = await storms.storm("S-1")
    assert storm is not None
    assert (storm.total, storm.over_at) == (7, None)
    assert not any(
        isinstance(item, Card) and item.object_id.startswith("alert:")
        for item in await queued(outbox)
    )
    assert storm.machines() == ["web-01"]
    assert len(await storms.members("S-1", machine="web-01")) == 7
    assert await storms.members("S-1", rank=0) == []


async def test_a_trickle_faster_than_slack_takes_it_is_a_storm(
    store: AlertStore, storms: Storms, outbox: Outbox
) -> None:
    sweeps = grouper(storms, outbox)
    for n in range(8):
        await store.ingest(arriving(an_alert(n)))
        await sweeps.sweep()
    assert await storms.current(OPS) == "S-1"


async def test_an_entry_queued_twice_and_one_without_an_alert_are_dropped(
    store: AlertStore, storms: Storms, outbox: Outbox, redis: Redis
) -> None:
    alert = an_alert(1)
    await store.ingest(arriving(alert))
    feed = f"{{test}}:feed:{OPS}"
    for key in (alert.key, "nobody"):
        await redis.xadd(feed, {"alert": key, "rank": 1, "machine": "m", "kind": "k"})
    await grouper(storms, outbox).sweep()
    assert len(await queued(outbox)) == 1
    assert await cast(Any, redis.xlen(feed)) == 0
