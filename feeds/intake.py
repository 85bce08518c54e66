"""From a source to the store: alerts get their route and go in, whichever way they came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.scope import Place
from defender.alert import Alert
from delivery.outbox import ChannelId
from feeds.facts import Facts, facts_of
from feeds.own_writes import OwnWrites
from feeds.routing import Routed
from feeds.settings import AlertSettings
from feeds.store import AlertStore, Arrival, IngestReport, SayChange

#: Alerts that are routed between two looks at other work: 2 ms with twenty routes.
BREATH = 25

#: The machine that the estate knows by this resource id, else None.
Find = Callable[[str], Place | None]


@dataclass(frozen=True, slots=True)
class Watched:
    """An alert whose route brings it up again while nobody takes it."""

    alert: Alert
    routed: Routed


#: Begins, goes on with or ends bringing alerts up; repeated for the same alert it does nothing.
Watch = Callable[[Sequence[Watched]], Awaitable[None]]

#: What must be told beside the card, before the alerts are known; it may be asked again.
Foretell = Callable[[Sequence[Alert]], Awaitable[None]]


def no_machine(resource_id: str) -> Place | None:
    """Where there is no estate to ask."""
    return None


class Intake:
    """Takes alerts in. Repeating what was taken changes nothing, so who fails may come again."""

    def __init__(
        self,
        store: AlertStore,
        settings: Callable[[], AlertSettings],
        *,
        find: Find = no_machine,
        say_change: SayChange | None = None,
        watch: Watch | None = None,
        foretell: Foretell | None = None,
    ) -> None:
        self._store = store
        self._writes = OwnWrites(store)
        self._settings = settings
        self._find = find
        self._say_change = say_change
        self._watch = watch
        self._foretell = foretell

    async def take(self, alerts: Sequence[Alert], *, now: datetime) -> IngestReport:
        """Route and ingest. It is written, and what must be watched is, when this returns."""
        arrivals: list[Arrival] = []
        watched: list[Watched] = []
        settings = self._settings()
        routing = settings.routing
        alerts = await self._writes.settled(alerts, now=now, every=settings.every)
        for number, alert in enumerate(alerts, start=1):
            routed = routing.find_quickly(self._facts(alert))
            arrivals.append(self._arrival(alert, routed, now))
            if routed.escalation is not None:
                watched.append(Watched(alert, routed))
            if not number % BREATH:
                await asyncio.sleep(0)
        if self._foretell is not None:
            await self._foretell(alerts)
        report = await self._store.ingest(arrivals, say_change=self._say_change)
        if watched and self._watch is not None:
            await self._watch(watched)
        return report

    def route(self, alert: Alert) -> Routed:
        """Where it goes by the rules of this moment, and why."""
        return self._settings().routing.find(self._facts(alert))

    def _facts(self, alert: Alert) -> Facts:
        """Tags and group are the estate's where it knows the machine."""
        place = self._find(alert.resource_id) if alert.resource_id else None
        return facts_of(
            alert,
            tags=place.tags if place is not None else {},
            resource_group=place.resource_group if place is not None else "",
            edr=self._settings().edr_products,
        )

    def _arrival(self, alert: Alert, routed: Routed, now: datetime) -> Arrival:
        quiet = self._settings().quiet_hours
        is_held = routed.is_low or (quiet is not None and quiet.hold(alert.severity, now))
        return Arrival(alert, ChannelId(routed.channel), routed.route_name, is_held)
