"""Reads what the story of an alert is told from."""

from __future__ import annotations

from datetime import timedelta

from defender.alert import Alert
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed
from handlers.views.alert_story import StoryFacts

#: Related are alerts of the machine that happened so near.
NEAR = timedelta(hours=24)
RELATED_MAX = 20
#: File changes of a story begin and end so far from the alert.
HOURS = timedelta(hours=2)


class Stories:
    """One process's."""

    def __init__(self, facts: AlertFacts, feed: AlertFeed) -> None:
        self._facts = facts
        self._feed = feed

    async def read(self, typed: str) -> StoryFacts | None:
        """From memory and Redis alone: a form's trigger lives three seconds."""
        stored = await self._facts.find(typed)
        if stored is None:
            return None
        known = await self._facts.known(stored, with_names=False)
        alert, view = stored.alert, known.view
        place = alert.resource_id or alert.machine
        found = await self._feed.store.of_machine(place, limit=200) if place else []
        others = [one.alert for one in found if one.alert.key != alert.key]
        same = [one for one in others if alert.incident_id and one.incident_id == alert.incident_id]
        near = [one for one in others if one not in same and _is_near(one, alert)]
        changes = []
        if view.at is not None:
            until = (alert.ended_at or view.at) + HOURS
            changes = list(
                await self._feed.changes(alert.resource_id, alert.machine, view.at - HOURS, until)
            )
        return StoryFacts(
            view=view,
            related=tuple(near[:RELATED_MAX]),
            of_incident=tuple(same[:RELATED_MAX]),
            changes=tuple(changes),
            has_graph=self._feed.has_graph,
            has_changes=bool(changes),
        )


def _is_near(one: Alert, alert: Alert) -> bool:
    """Within a day of it; what has no time is near."""
    at, other = alert.started_at or alert.generated_at, one.started_at or one.generated_at
    return at is None or other is None or abs(at - other) <= NEAR
