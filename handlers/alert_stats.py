"""`/alerts stats 7d`: counts per day and severity in words at once, as a picture by the outbox."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from approvals.events import PersonId
from delivery.outbox import ChannelId, File, ObjectId
from delivery.uploads import FileContent
from feeds.reading import instant, milliseconds
from handlers.alert_feed import AlertFeed
from handlers.caller import Caller
from handlers.locale import Locale
from handlers.services import Services
from handlers.views.alert_picture import picture
from handlers.views.alert_stats import Figures, alt_text, caption, figures_of, stats_message
from handlers.views.blocks import Message

PREFIX = "alert_stats:"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a picture is of, as its object id says it: so it is drawn the same after a restart."""

    person: PersonId
    days: int
    until: datetime
    op: str

    @property
    def object_id(self) -> ObjectId:
        stamp = milliseconds(self.until)
        return ObjectId(f"{PREFIX}{self.person}:{self.days}:{stamp}:{self.op}")


class AlertStats:
    """`draw_file` is what the deliverer calls for the objects named here."""

    def __init__(self, services: Services, feed: AlertFeed) -> None:
        self._s = services
        self._feed = feed

    async def answer(self, caller: Caller, days: int, locale: Locale) -> Message:
        """The figures in words; the picture follows in the reader's direct messages."""
        now = self._s.ledger.instant
        figures = await self._figures(days, now, locale)
        if figures.total:
            asked = Asked(caller.person, days, now, str(caller.op)[:8])
            item = File(key=f"{asked.object_id}:file", object_id=asked.object_id)
            await self._s.outbox.put(ChannelId(caller.person), item)
        return stats_message(figures, locale)

    async def draw_file(self, object_id: ObjectId) -> FileContent | None:
        """The picture; None for an object of another kind, or where nothing is left to show."""
        asked = asked_of(object_id)
        if asked is None:
            return None
        locale = await self._s.languages.learn(asked.person)
        figures = await self._figures(asked.days, asked.until, locale)
        if not figures.total:
            return None
        body = await asyncio.to_thread(picture, figures)
        last = figures.days[-1].day.isoformat()
        return FileContent(
            name=f"alerts-{asked.days}d-{last}-{asked.op}.png",
            body=body,
            comment=caption(figures, locale),
            alt_text=alt_text(figures, locale),
        )

    async def _figures(self, days: int, until: datetime, locale: Locale) -> Figures:
        """Whole days of the reader's zone up to that of `until`."""
        last = until.astimezone(locale.tz).date()
        span = [last - timedelta(days=days - 1 - at) for at in range(days)]
        rows = await self._feed.store.severities(_midnight(span[0], locale))
        return figures_of([row for row in rows if row[0] <= until], span, locale)


def asked_of(object_id: str) -> Asked | None:
    """What an object id of ours says; None for every other."""
    if not object_id.startswith(PREFIX):
        return None
    parts = object_id.removeprefix(PREFIX).split(":")
    if len(parts) != 4 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    return Asked(PersonId(parts[0]), int(parts[1]), instant(int(parts[2])), parts[3])


def _midnight(day: date, locale: Locale) -> datetime:
    return datetime.combine(day, time(), locale.tz)
