"""Alerts are taken in once, whatever comes again, late, changed or at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest
from redis.asyncio import Redis

from defender.alert import Alert, Entity
from delivery.outbox import Outbox
from feeds.reading import Stored
from feeds.store import AlertStore
from tests.feeds.alerts import AT, OPS, an_alert, arriving


async def waiting(redis: Redis) -> list[str]:
    rows = cast(Any, await redis.xrange(f"{{test}}:feed:{OPS}"))
    return [row[1][b"alert"].decode() for row in rows]


@pytest.mark.proves("D1", "FAULT-26")
async def test_the_same_alert_twice_is_one(store: AlertStore, redis: Redis) -> None:
    first, second = an_alert(1), an_alert(2)
    report = await store.ingest(arriving(first, second, first))
    assert (report.new, report.same) == ([first.key, second.key], 1)
    again = await store.ingest(arriving(second, first))
    assert (again.new, again.same) == ([], 2)
    assert await waiting(redis) == [first.key, second.key]
    assert (await store.counters())["ingested"] == 2


@pytest.mark.proves("D1")
async def test_two_sources_at_the_same_time_take_it_in_once(
    store: AlertStore, redis: Redis
) -> None:
    alerts = arriving(*(an_alert(number) for number in range(1_200)))
    reports = await asyncio.gather(*(store.ingest(alerts) for _ in range(4)))
    assert sum(len(report.new) for report in reports) == 1_200
    assert len(await waiting(redis)) == 1_200


@pytest.mark.proves("D1")
async def test_a_change_is_stored_and_told_with_its_line(
    store: AlertStore, redis: Redis, outbox: Outbox
) -> None:
    alert = an_alert(1)
    await store.ingest(arriving(alert))
    await redis.hset(f"{{test}}:alert:{alert.key}", "fate", "card")
    changed = msgspec.structs.replace(alert, status="Resolved")

    def say(before: Alert, after: Alert) -> tuple[str, list[dict[str, object]]]:
        return f"{before.state} to {after.state}", []

    report = await store.ingest(arriving(changed), say_change=say)
    assert report.changed == [alert.key]
    items = [queued.item for queued in await outbox.waiting(OPS)]
    assert [type(item).__name__ for item in items] == ["Card", "Line"]
    assert items[0].key == f"alert:{alert.key}:v2"
    assert getattr(items[1], "text", "") == "active to resolved"
    stored = await store.alert(alert.key)
    assert stored is not None
    assert (stored.version, stored.alert.state) == (2, "resolved")
    assert await store.open() == []
    back = await store.ingest(arriving(alert), say_change=say)
    again = await store.ingest(arriving(changed), say_change=say)
    assert (back.changed, again.changed) == ([alert.key], [alert.key])
    assert await outbox.size(OPS) == 6


async def test_what_waits_is_not_queued_again_when_it_changes(
    store: AlertStore, redis: Redis, outbox: Outbox
) -> None:
    await store.ingest(arriving(an_alert(1)))
    await store.ingest(arriving(an_alert(1, status="Dismissed")))
    assert len(await waiting(redis)) == 1
    assert await outbox.size(OPS) == 0


async def test_a_channel_stays_the_alerts_own(store: AlertStore) -> None:
    await store.ingest(arriving(an_alert(1)))
    await store.ingest(arriving(an_alert(1, severity="High"), channel="C0OTHER"))  # type: ignore[arg-type]
    stored = await store.alert(an_alert(1).key)
    assert stored is not None
    assert stored.channel == OPS


@pytest.mark.proves("D1")
async def test_reads(store: AlertStore) -> None:
    entity = Entity(kind="file", name="/tmp/.x/miner", facts={"sha256": "ab12"})
    alerts = [
        an_alert(1, severity="Low"),
        an_alert(2, severity="High", machine="db-02", resource_id="", entities=(entity,)),
        an_alert(3, status="Resolved"),
        an_alert(4, severity="Unheard-of", generated_at=None),
    ]
    await store.ingest(arriving(*alerts))
    assert [stored.alert for stored in await store.open()] == [alerts[1], alerts[0], alerts[3]]
    assert [stored.alert for stored in await store.of_machine("DB-02")] == [alerts[1]]
    found = await store.search("MINER suspicious")
    assert [stored.alert for stored in found.stored] == [alerts[1]]
    assert (found.has_more, found.is_cut) == (False, False)
    assert [stored.alert.key for stored in await store.between(AT, alerts[1].generated_at)] == [  # type: ignore[arg-type]
        alerts[0].key,
        alerts[1].key,
    ]
    ranks = [rank for _, rank in await store.severities(AT)]
    assert ranks == [2, 0, 1, 4]
    assert await store.alert("nobody") is None


@pytest.mark.proves("D13")
async def test_search_reads_in_portions_and_stops_when_it_has_enough(
    store: AlertStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feeds.reading.SEARCH_MAX", 200)
    await store.ingest(arriving(*(an_alert(n) for n in range(300))))
    portions: list[int] = []
    many = AlertStore.many

    async def counted(self: AlertStore, keys: Sequence[str]) -> list[Stored]:
        portions.append(len(keys))
        return await many(self, keys)

    monkeypatch.setattr(AlertStore, "many", counted)
    some = await store.search("suspicious", limit=20)
    assert portions == [50]
    assert len(some.stored) == 20
    assert some.has_more
    assert some.stored[0].alert.key == an_alert(299).key
    none = await store.search("nothing like it")
    assert none.stored == ()
    assert none.is_cut
    assert portions == [50] * 5


@pytest.mark.proves("D1")
async def test_what_redis_has_lost_is_taken_in_again(store: AlertStore, redis: Redis) -> None:
    alerts = [an_alert(n) for n in range(3)]
    await store.ingest(arriving(*alerts))
    assert (await store.ingest(arriving(*alerts))).same == 3
    await redis.flushall()
    report = await store.ingest(arriving(*alerts))
    assert report.new == [alert.key for alert in alerts]
    assert len(await waiting(redis)) == 3


@pytest.mark.proves("D1", "C049")
async def test_half_a_character_is_mended_and_told(store: AlertStore, redis: Redis) -> None:
    torn = an_alert(1, title="caf\ud83d", extended={"a\udc00": "b"})
    report = await store.ingest(arriving(torn, an_alert(2)))
    assert len(report.new) == 2
    stored = await store.alert(torn.key)
    assert stored is not None
    assert (stored.alert.title, stored.alert.extended) == ("caf\ufffd", {"a\ufffd": "b"})
    assert (await store.ingest(arriving(torn))).same == 1
