"""Puts into words what the feeds have to say besides cards (`feeds.voice.Voice`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from defender.alert import Alert
from delivery.outbox import ChannelId
from feeds.escalation_steps import Reminder
from feeds.held import DrawDigest
from feeds.reading import Stored
from feeds.storm import Block, Detail
from feeds.voice import Said, SetAside, Stall
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import feed_notices
from handlers.views.blocks import Message
from handlers.views.digest import digest
from handlers.views.storm_detail import storm_details


class AlertVoice:
    """Speaks each channel's language; a DM's is the reader's."""

    def __init__(self, services: Services) -> None:
        self._s = services

    def stalled(self, channel: ChannelId, stall: Stall) -> Said:
        return _said(feed_notices.stalled(stall, self._locale(channel)))

    def recovered(self, channel: ChannelId, stall: Stall, at: datetime) -> Said:
        return _said(feed_notices.recovered(stall, at, self._locale(channel)))

    def set_aside(self, channel: ChannelId, found: SetAside) -> Said:
        return _said(feed_notices.set_aside(found, self._locale(channel)))

    def missed(self, channel: ChannelId, source: str, found: Sequence[Stored]) -> Said:
        return _said(feed_notices.missed(source, found, self._locale(channel)))

    def reminder(self, channel: ChannelId, stored: Stored, reminder: Reminder) -> Said:
        names = dict(self._s.group_names())
        for person in (reminder.whom, reminder.next_whom):
            profile = self._s.directory.known(person) if person else None
            if profile is not None:
                names[person] = profile.name
        now, locale = self._s.ledger.instant, self._locale(channel)
        return _said(feed_notices.reminder(stored, reminder, names, now, locale))

    def details(self, channel: ChannelId, alerts: Sequence[Alert]) -> Sequence[Detail]:
        """The lines of a storm."""
        return storm_details(alerts, self._locale(channel))

    def digest(self, channel: ChannelId) -> DrawDigest:
        """Draws this channel's digest."""

        def draw(held: Sequence[Stored]) -> Sequence[tuple[str, list[Block]]]:
            found = digest(held, channel, self._locale(channel))
            return [(found.text, found.blocks)]

        return draw

    def _locale(self, channel: ChannelId) -> Locale:
        if channel.startswith(("U", "W")):
            return self._s.languages.of_person(channel)
        return self._s.languages.of_channel(channel)


def _said(message: Message) -> Said:
    return Said(message.text, message.blocks)
