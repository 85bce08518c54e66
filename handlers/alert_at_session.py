"""A session begins or ends: cards of alerts on that VM offer to close its port, or no longer do."""

from __future__ import annotations

from approvals.entry import Entry
from approvals.events import Ended, Opened
from approvals.request import Request
from delivery.outbox import Card, ChannelId, Item
from handlers.services import Services

#: Newest alerts of the VM; only those that stand as an open card are drawn anew.
ALERTS_MAX = 20


async def cards_at_session(
    s: Services, entry: Entry, request: Request
) -> list[tuple[ChannelId, Item]]:
    """The cards to draw anew after this entry of a request; none where the feed is off."""
    if s.alerts is None or not isinstance(entry.event, Opened | Ended):
        return []
    found = await s.alerts.store.of_machine(request.target.resource_id, limit=ALERTS_MAX)
    return [
        (
            stored.channel,
            Card(f"session:{entry.sequence}:{stored.alert.key}", stored.object_id),
        )
        for stored in found
        if stored.fate == "card" and stored.alert.state in ("active", "inprogress")
    ]
