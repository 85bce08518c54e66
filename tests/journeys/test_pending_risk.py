"""B2: a pending card shows the alerts of now, also those that came after it was posted."""

from __future__ import annotations

from datetime import datetime

import pytest

from feeds.risk import AlertRisk, FeedRisk
from feeds.store import AlertStore
from handlers.pending_risk import PendingRisk
from sandbox.slack import Message
from tests.faults.stages import approve, ask, eventually
from tests.feeds.alerts import arriving
from tests.journeys.test_alert_at_open_port import alert
from tests.stage import Stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"


@pytest.fixture
def store(stage: Stage) -> AlertStore:
    """The alert feed is on and was read this moment."""
    service = stage.service
    store = AlertStore(service.redis, tag=stage.settings.redis.tag, offset=service.clock.offset)

    async def now() -> datetime:
        return await service.ledger.now()

    service.services.risk = FeedRisk(AlertRisk(store, now, now))
    return store


def shown(stage: Stage, card: Message) -> str:
    return next(m for m in stage.slack.channel("C0OPS").messages if m.ts == card.ts).all_text()


def edits(stage: Stage, card: Message) -> int:
    return sum(call.args.get("ts") == card.ts for call in stage.slack.calls_of("chat.update"))


@pytest.mark.proves("B2")
async def test_an_alert_that_comes_later_is_shown_by_an_edit(
    stage: Stage, store: AlertStore
) -> None:
    card = await ask(stage, LINE)
    look = PendingRisk(stage.service.services).look
    await look()
    assert "No open alerts." in shown(stage, card)
    assert edits(stage, card) == 0
    stage.advance(seconds=5)
    await store.ingest(arriving(alert(stage, title="Web shell")))
    await look()
    await eventually(lambda: "High alert open: Web shell" in shown(stage, card))
    await look()
    await PendingRisk(stage.service.services).look()
    assert edits(stage, card) == 1
    # resolved: the card says so, and an approval still wins over any redrawing
    stage.advance(minutes=2)
    await store.ingest(arriving(alert(stage, title="Web shell", status="Resolved")))
    await look()
    await eventually(lambda: "No open alerts." in shown(stage, card))
    await stage.service.groups.read()
    await approve(stage, card)
    await eventually(lambda: "is open" in shown(stage, card))
    await look()
