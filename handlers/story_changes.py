"""The file changes of an alert's story, shown like those of one burst.

They were told on cards of their own; here they are what happened on that machine within the
story's hours, whichever card they are on. Nothing is decided about them as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from feeds.file_change_records import Facts, StoredBurst, Weighed
from feeds.file_change_store import FileChangeStore
from feeds.reading import Stored
from handlers.alert_facts import AlertFacts
from handlers.alert_stories import hours_of
from handlers.change_show import ChangeShow
from handlers.services import Services
from handlers.views.change_words import ChangeView

#: Marks the changes of an alert in a button's value: `alert:KEY.PLACE`.
ALERT = "alert:"


class StoryChanges:
    """Reads Redis alone: a form's trigger lives three seconds."""

    def __init__(self, services: Services, store: FileChangeStore, show: ChangeShow) -> None:
        self._s = services
        self._store = store
        self._show = show

    async def view(self, name: str, *, first: int, count: int) -> ChangeView | None:
        """`alert:KEY`; None where there is no such alert, or nothing was changed."""
        feed = self._s.alerts
        if feed is None:
            return None
        stored = await AlertFacts(self._s, feed).find(name.removeprefix(ALERT))
        if stored is None:
            return None
        alert = stored.alert
        at = alert.started_at or alert.generated_at or stored.first_at
        since, until = hours_of(alert, at)
        rows = await self._store.between(alert.resource_id, alert.machine, since, until)
        if not rows:
            return None
        burst = _burst(name, stored, rows)
        rows.sort(key=lambda row: -row.danger.weight)  # stable: the oldest first among equals
        return await self._show.view_of(burst, rows[first : first + count])


def _burst(name: str, stored: Stored, rows: Sequence[Weighed]) -> StoredBurst:
    changes = [row.change for row in rows]
    times: list[datetime] = [at for one in changes if (at := one.changed_at or one.seen_at)]
    return StoredBurst(
        id=name,
        kind="story",
        facts=Facts(
            machine=stored.alert.machine or changes[0].machine,
            resource_id=stored.alert.resource_id,
            workspace=", ".join(dict.fromkeys(one.workspace for one in changes if one.workspace)),
            table=", ".join(dict.fromkeys(one.table for one in changes)),
        ),
        channel=stored.channel,
        version=0,
        count=len(rows),
        dangerous=sum(row.danger.is_dangerous for row in rows),
        first_at=times[0],
        last_at=times[-1],
        opened_at=times[0],
    )
