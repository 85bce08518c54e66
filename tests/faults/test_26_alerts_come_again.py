"""FAULT 26: alerts come twice, late, in any order, in pages that overlap: each is told once."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from bot.embedded import Embedded
from bot.redis_client import connect
from defender.alert import Alert
from delivery.outbox import OUTBOX_ERRORS, ObjectId, Outbox
from feeds.grouping import Grouper
from feeds.store import AlertStore
from feeds.storm import Limits, Storms
from feeds.verify import Verify
from tests.delivery.desk import Desk
from tests.feeds.alerts import AT, OPS, an_alert, arriving
from tests.feeds.draw import details, line_of
from tests.feeds.processes import told
from tests.proxy import Proxy

ALERTS = 60
POLLS = 12


def pages(alerts: list[Alert], chance: random.Random) -> list[list[Alert]]:
    """Each alert in at least one page: shuffled, some twice, some in the next page again."""
    shuffled = chance.sample(alerts, len(alerts))
    cut = sorted(chance.sample(range(1, len(shuffled)), 4))
    parts = [shuffled[a:b] for a, b in zip([0, *cut], [*cut, None], strict=True)]
    return [part + chance.sample(alerts, chance.randint(0, 5)) for part in parts]


def show(desk: Desk, alert: Alert, version: int) -> None:
    desk.card(f"alert:{alert.key}", version, line_of(alert))


def group_of(redis: Redis, outbox: Outbox) -> Grouper:
    # no storms here: each alert has a card, so that every change can be seen
    limits = Limits(over=10_000, refresh=timedelta(0))
    return Grouper(Storms(redis, tag="test"), outbox, details=details, limits=limits)


@pytest.mark.proves("FAULT-26", "D1")
@pytest.mark.parametrize("seed", range(5))
async def test_any_order_of_pages_tells_each_once(
    seed: int, store: AlertStore, redis: Redis, outbox: Outbox, desk: Desk
) -> None:
    chance = random.Random(seed)
    group = group_of(redis, outbox)
    alerts = [an_alert(n, generated_at=AT + timedelta(seconds=n)) for n in range(ALERTS)]
    for poll in range(1, POLLS + 1):
        known = alerts[: poll * ALERTS // POLLS]  # what Azure has by now, late ones among them
        batches = pages(known, chance) if len(known) > 5 else [known]
        await asyncio.gather(*(store.ingest(arriving(*batch)) for batch in batches))
        for alert in known:
            show(desk, alert, 1)
        await group.sweep()
        await desk.deliver()
    assert told(desk.slack) == {alert.key: 1 for alert in alerts}
    assert (await Verify(store, outbox).run()).told == ALERTS


@pytest.mark.proves("FAULT-26", "D1", "D3")
async def test_a_change_edits_the_card_and_leaves_one_line(
    store: AlertStore, redis: Redis, outbox: Outbox, desk: Desk
) -> None:
    group = group_of(redis, outbox)
    alert = an_alert(1)

    def say(before: Alert, after: Alert) -> tuple[str, list[dict[str, Any]]]:
        return f"{before.severity} to {after.severity}", []

    show(desk, alert, 1)
    await store.ingest(arriving(alert))
    await group.sweep()
    await desk.deliver()
    raised = msgspec.structs.replace(alert, severity="High")
    show(desk, raised, 2)
    pages = [arriving(raised), arriving(raised, raised)]
    await asyncio.gather(*(store.ingest(page, say_change=say) for page in pages))
    await group.sweep()
    await desk.deliver()
    assert desk.said() == [line_of(raised), "Medium to High"]
    card, line = desk.messages()
    assert line.thread_ts == card.ts
    address = await outbox.address(ObjectId(f"alert:{alert.key}"))
    assert address is not None
    assert (address.channel, address.shown_version) == (OPS, 2)


@pytest.mark.proves("FAULT-26", "FAULT-12", "D1")
async def test_a_lost_reply_of_the_ingest_takes_nothing_in_twice(
    valkey: Embedded, redis: Redis, outbox: Outbox
) -> None:
    async with Proxy(valkey.socket) as proxy:
        client = connect(proxy.url)
        store = AlertStore(client, tag="test")
        await store.ingest(arriving(an_alert(1)))
        proxy.drop_replies(1, after=b"EVALSHA")
        with pytest.raises(OUTBOX_ERRORS):
            await store.ingest(arriving(an_alert(1), an_alert(2)))
        report = await store.ingest(arriving(an_alert(1), an_alert(2)))
        await client.aclose()
    assert (report.new, report.same) == ([], 2)
    assert await redis.xlen(f"{{test}}:feed:{OPS}") == 2
    assert (await Verify(AlertStore(redis, tag="test"), outbox).run()).waiting == 2
