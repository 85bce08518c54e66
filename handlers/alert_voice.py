"""Puts into words what the feeds have to say besides cards (`feeds.voice.Voice`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from approvals.scope import fold
from defender.alert import Alert
from delivery.network import NETWORK_ERRORS
from delivery.outbox import ChannelId, ObjectId
from feeds.correlation import Session, sessions_at
from feeds.escalation import storm_of
from feeds.escalation_steps import Reminder
from feeds.held import DrawDigest
from feeds.reading import Stored
from feeds.storm import Block, Detail
from feeds.voice import Said, SetAside, Stall
from handlers.alert_facts import REQUESTS_MAX, VM
from handlers.links import permalink
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import feed_notices
from handlers.views.blocks import Message
from handlers.views.digest import digest
from handlers.views.storm_detail import storm_details

log = logging.getLogger(__name__)

#: A reminder waits so long for Slack to name the address of a card.
LINK_SECONDS = 2.0


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

    async def reminder(self, channel: ChannelId, stored: Stored, reminder: Reminder) -> Said:
        names = dict(self._s.group_names())
        for person in (reminder.whom, reminder.next_whom):
            profile = self._s.directory.known(person) if person else None
            if profile is not None:
                names[person] = profile.name
        now = self._s.ledger.instant
        said = feed_notices.reminder(
            stored,
            reminder,
            names,
            now,
            self._locale(channel),
            session=await self._session(stored, now),
            link=await self._link(stored),
        )
        return _said(said)

    def details(self, channel: ChannelId, alerts: Sequence[Alert]) -> Sequence[Detail]:
        """The lines of a storm."""
        return storm_details(alerts, self._locale(channel))

    def digest(self, channel: ChannelId, muted: int) -> DrawDigest:
        """Draws this channel's digest; `muted`: how many more it keeps quiet."""

        def draw(held: Sequence[Stored]) -> Sequence[tuple[str, list[Block]]]:
            found = digest(held, channel, self._locale(channel), muted=muted)
            return [(found.text, found.blocks)]

        return draw

    async def _session(self, stored: Stored, now: datetime) -> Session | None:
        """The newest session whose port is, or may be, open there now."""
        resource_id = stored.alert.resource_id
        if VM not in fold(resource_id):
            return None
        requests = await self._s.ledger.by_vm(resource_id, REQUESTS_MAX)
        found = (one for one in sessions_at(requests, resource_id, now) if one.is_open)
        return next(found, None)

    async def _link(self, stored: Stored) -> str:
        """To its card. Slack is not waited for: to be reminded counts for more."""
        address = await self._s.outbox.address(_card_of(stored))
        if address is None:
            return ""
        try:
            async with asyncio.timeout(LINK_SECONDS):
                return await permalink(self._s, address)
        except NETWORK_ERRORS as error:
            log.warning("a reminder without its link: %s", type(error).__name__)
            return ""

    def _locale(self, channel: ChannelId) -> Locale:
        if channel.startswith(("U", "W")):
            return self._s.languages.of_person(channel)
        return self._s.languages.of_channel(channel)


def _card_of(stored: Stored) -> ObjectId:
    """Its own card, or that of the storm in which it is told."""
    storm_id = storm_of(stored.fate)
    return ObjectId(f"storm:{storm_id}") if storm_id else stored.object_id


def _said(message: Message) -> Said:
    return Said(message.text, message.blocks)
