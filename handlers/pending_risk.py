"""A card that waits for its approvers shows the danger of now, not that of when it was posted.

What each card shows is noted when it is drawn; a duty of the main lease compares it with what is
known now and has the card drawn anew where that differs. Nothing is posted and nobody mentioned.
"""

from __future__ import annotations

from approvals.watching import Replacement, WatchStore
from delivery.outbox import Card, ChannelId
from handlers.cards import WHAT_RISK, object_id, risk_of
from handlers.services import Services


class PendingRisk:
    """`look` compares every pending card once."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._store = WatchStore(services.ledger.store)

    async def look(self) -> None:
        shown = await self._store.seen(*WHAT_RISK)
        pending = await self._s.ledger.pending()
        minute = int(self._s.ledger.instant.timestamp()) // 60
        for request in pending:
            before = shown.pop(request.id, None)
            if before is None:
                continue  # not drawn yet: it will show what is known then
            facts = await risk_of(self._s, request.target.resource_id, request.target.name)
            if facts.signature != before:
                key = f"card:{request.id}:risk:{facts.signature.decode()}:{minute}"
                card = Card(key=key, object_id=object_id(request.id))
                await self._s.outbox.put(ChannelId(request.rule.channel), card)
        gone = [Replacement(field, value, b"") for field, value in shown.items()]
        if gone:
            await self._store.replace(*WHAT_RISK, gone)
