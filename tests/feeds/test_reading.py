"""Many alerts are read in portions: what others wait for is not the whole of it."""

from __future__ import annotations

import asyncio

import pytest

from delivery.outbox import Outbox
from delivery.tasks import end
from feeds import verify
from feeds.figures import FeedFigures
from feeds.reading import BREATH, FACTS_MAX
from feeds.store import AlertStore
from tests.feeds.alerts import an_alert, arriving


async def test_portions_hold_every_alert_in_the_order_that_was_asked(store: AlertStore) -> None:
    alerts = [an_alert(number) for number in range(2 * BREATH + 1)]
    await store.ingest(arriving(*alerts))
    keys = [alert.key for alert in reversed(alerts)]

    assert [stored.alert.key for stored in await store.many([*keys, "unknown"])] == keys
    assert await store.alerts(["unknown", *keys]) == list(reversed(alerts))
    assert await store.many([]) == [] == await store.alerts([])


async def test_foreign_text_comes_back_as_it_went_in(store: AlertStore) -> None:
    alert = an_alert(1, title="警告 \x00 \u202e\U0001f4a3 </script>")
    await store.ingest(arriving(alert))

    stored = await store.alert(alert.key)

    assert stored is not None
    assert stored.alert == alert


async def test_a_set_of_any_size_comes_whole(store: AlertStore) -> None:
    assert [key async for part in store.in_parts("alerts") for key in part] == []
    alerts = [an_alert(number) for number in range(2 * FACTS_MAX + 50)]
    await store.ingest(arriving(*alerts))

    parts = [part async for part in store.in_parts("alerts")]

    assert len(parts) > 1
    assert {key for part in parts for key in part} == {alert.key for alert in alerts}


@pytest.mark.proves("C110")
async def test_figures_leave_time_between_their_reads(
    store: AlertStore, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "PORTION", 10)
    await store.ingest(arriving(*(an_alert(number) for number in range(100))))
    figures = FeedFigures(store, verify.Verify(store, outbox))
    rests = 0

    async def others() -> None:
        nonlocal rests
        while True:
            await asyncio.sleep(0.001)
            rests += 1

    other = asyncio.create_task(others())
    await figures.refresh()
    await end([other])

    assert figures.report.waiting == 100
    assert rests >= 10
