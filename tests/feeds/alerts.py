"""Alerts for tests of the feeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from defender.alert import Alert
from delivery.outbox import ChannelId
from feeds.store import Arrival

OPS = ChannelId("C0OPS")
AT = datetime(2026, 3, 25, 9, 21, tzinfo=UTC)


def an_alert(number: int = 1, **changes: object) -> Alert:
    """A Medium one on web-01, unless told otherwise."""
    facts: dict[str, object] = {
        "key": f"2518770965529163669_{number:05}",
        "title": "Suspicious process executed",
        "alert_type": "VM_SuspiciousProcess",
        "severity": "Medium",
        "status": "Active",
        "machine": "web-01",
        "resource_id": "/subscriptions/s/resourceGroups/g/providers/x/virtualMachines/web-01",
        "description": "A process was seen.",
        "generated_at": AT + timedelta(seconds=number),
    }
    return Alert(**(facts | changes))  # type: ignore[arg-type]


def arriving(*alerts: Alert, channel: ChannelId = OPS, is_held: bool = False) -> list[Arrival]:
    return [Arrival(alert, channel, "everything", is_held) for alert in alerts]
