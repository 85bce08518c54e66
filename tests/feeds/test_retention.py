"""What Defender has no more is forgotten, and nothing counts as lost by that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from delivery.outbox import Outbox
from feeds.retention import KEPT, Retention
from feeds.store import AlertStore
from feeds.verify import Verify
from tests.feeds.alerts import an_alert, arriving


async def test_old_alerts_are_forgotten_with_everything_of_them(
    store: AlertStore, outbox: Outbox, redis: Redis
) -> None:
    now = datetime.now(UTC)
    old = [
        an_alert(n, generated_at=now - KEPT - timedelta(hours=1 + n), severity="High")
        for n in range(450)
    ]
    young = an_alert(900, generated_at=now - KEPT + timedelta(hours=1))
    await store.ingest(arriving(*old, young))
    retention = Retention(redis, tag="test")
    await retention.step()
    await retention.step()
    assert [stored.alert.key async for stored in store.newest()] == [young.key]
    assert [stored.alert.key for stored in await store.open()] == [young.key]
    assert [s.alert.key for s in await store.of_machine(young.resource_id)] == [young.key]
    report = await Verify(store, outbox).run()
    assert (report.ingested, report.forgotten, report.missing) == (1, 0, ())
    left = [key async for key in redis.scan_iter("*alert:*")]
    assert not [key for key in left if old[0].key.encode() in key]
