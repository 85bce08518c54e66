"""Reads what the story of an alert is told from."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs

from defender.alert import Alert, Entity
from defender.errors import AzureError
from defender.xdr_decode import XdrAlert
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed
from handlers.views.alert_story import StoryFacts

#: Related are alerts of the machine that happened so near.
NEAR = timedelta(hours=24)
RELATED_MAX = 20
GRAPH_SECONDS = 1.2
#: File changes of a story begin and end so far from the alert.
HOURS = timedelta(hours=2)


log = logging.getLogger(__name__)


class Stories:
    """One process's."""

    def __init__(self, facts: AlertFacts, feed: AlertFeed) -> None:
        self._facts = facts
        self._feed = feed

    async def _of_graph(self, alert: Alert) -> XdrAlert | None:
        """Better with it, but never later than the form: its trigger lives three seconds."""
        if self._feed.xdr is None:
            return None
        try:
            return await asyncio.wait_for(self._feed.xdr.find(alert), GRAPH_SECONDS)
        except (AzureError, TimeoutError) as error:
            log.info("no evidence of Graph for %s: %s", alert.key, type(error).__name__)
            return None

    async def read(self, typed: str) -> StoryFacts | None:
        """From memory and Redis alone: a form's trigger lives three seconds."""
        stored = await self._facts.find(typed)
        if stored is None:
            return None
        known = await self._facts.known(stored, with_names=False)
        xdr = await self._of_graph(stored.alert)
        alert = _richer(stored.alert, xdr)
        view = replace(known.view, alert=alert)
        place = alert.resource_id or alert.machine
        found = await self._feed.store.of_machine(place, limit=200) if place else []
        others = [one.alert for one in found if one.alert.key != alert.key]
        same = [one for one in others if alert.incident_id and one.incident_id == alert.incident_id]
        near = [one for one in others if one not in same and _is_near(one, alert)]
        changes = []
        if view.at is not None:
            since, until = hours_of(alert, view.at)
            changes = list(await self._feed.changes(alert.resource_id, alert.machine, since, until))
        return StoryFacts(
            view=view,
            related=tuple(near[:RELATED_MAX]),
            of_incident=tuple(same[:RELATED_MAX]),
            changes=tuple(changes),
            xdr=xdr,
            has_changes=bool(changes),
        )


def hours_of(alert: Alert, at: datetime) -> tuple[datetime, datetime]:
    """When file changes belong to the story of an alert that happened `at`."""
    return at - HOURS, (alert.ended_at or at) + HOURS


def _richer(alert: Alert, xdr: XdrAlert | None) -> Alert:
    """With the evidence of Graph, where it tells more processes or any at all."""
    if xdr is None:
        return alert
    ours, theirs = _processes(alert.entities), _processes(xdr.entities)
    entities = xdr.entities if theirs > ours else alert.entities
    incident = alert.incident_id or xdr.incident_id
    return structs.replace(alert, entities=entities, incident_id=incident)


def _processes(entities: tuple[Entity, ...]) -> int:
    return sum(entity.kind == "process" for entity in entities)


def _is_near(one: Alert, alert: Alert) -> bool:
    """Within a day of it; what has no time is near."""
    at, other = alert.started_at or alert.generated_at, one.started_at or one.generated_at
    return at is None or other is None or abs(at - other) <= NEAR
