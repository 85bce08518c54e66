"""What deeds and changes of alerts make people read: the card, one small line, a private message.

Every item has a key made of the entry's sequence, so telling twice tells once. The thread mentions
nobody; an alert that has no card of its own (a storm's, a digest's) gets none by what people do.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from approvals.deeds import FOREIGN, Deed, DeedKind
from approvals.entry import SEKISHO, Entry
from approvals.events import PersonId
from defender.alert import Alert
from delivery.deliverer import Rendered
from delivery.outbox import Card, ChannelId, Item, Line, ObjectId
from feeds.cases import NOBODY, Case
from feeds.mutes import Mute, read_mute
from feeds.reading import Stored
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed
from handlers.alert_mutes import put_in_force
from handlers.alert_portal import PortalChanges
from handlers.services import Services
from handlers.views import alert_words as say
from handlers.views import safe
from handlers.views.alert_answers import assigned_dm
from handlers.views.alert_card import alert_card
from handlers.views.alert_thread import change_line, deed_line, small_line
from handlers.views.storm import storm_card

log = logging.getLogger(__name__)

ALERT, STORM, MUTE = "alert:", "storm:", "mute:"

Told = tuple[ChannelId, Item]


class AlertShow:
    """`render` is what the deliverer calls, `told` what the show consumer calls for a deed."""

    def __init__(self, services: Services, feed: AlertFeed) -> None:
        self._s = services
        self._feed = feed
        self.facts = AlertFacts(services, feed)
        self.portal = PortalChanges(services, feed)

    # --- cards ---

    async def render(self, name: ObjectId) -> Rendered | None:
        """An alert's or a storm's card as it is now; None where it is not known (any more)."""
        if name.startswith(STORM):
            return await self._storm(name.removeprefix(STORM))
        stored = await self._feed.store.alert(name.removeprefix(ALERT))
        if stored is None:
            return None
        known = await self.facts.known(stored)
        card = alert_card(known.view, self._s.languages.of_channel(stored.channel))
        return Rendered(stored.channel, known.shown_version, card.text, card.blocks)

    async def _storm(self, storm_id: str) -> Rendered | None:
        storm = await self._feed.storms.storm(storm_id)
        if storm is None:
            return None
        locale = self._s.languages.of_channel(storm.channel)
        now = await self._s.ledger.now()
        card = storm_card(storm, now, locale)
        return Rendered(storm.channel, storm.version, card.text, card.blocks)

    # --- what Defender changed ---

    def say_change(self, before: Alert, now: Alert) -> tuple[str, list[dict[str, object]]] | None:
        """For the ingest: the line that stands in the thread, in the channel's language."""
        self.portal.saw(before, now)
        locale = self._s.languages.of_channel(self._feed.route(now).channel)
        said = change_line(before, now, locale)
        if said is None:
            return None
        line = small_line(said, self._s.ledger.instant, locale)
        return line.text, line.blocks

    # --- what people did ---

    async def told(self, entry: Entry) -> Sequence[Told]:
        """Everything that this deed makes Sekisho say. Raises what the consumer waits out."""
        deed = entry.event
        if not isinstance(deed, Deed):
            return []
        if deed.subject.startswith(MUTE):
            return await self._mute(entry, deed)
        if not deed.subject.startswith(ALERT):
            return []
        stored = await self._feed.store.alert(deed.subject.removeprefix(ALERT))
        if stored is None:
            log.warning("entry %s: %s is not known any more", entry.sequence, deed.subject)
            return []
        _, case = await self.facts.case(stored.alert.key)
        had = owner_before(case, deed, entry)
        names = await self.facts.names((entry.actor, deed.to, had), ask=True)
        return [
            *await self._card(entry, stored),
            *await self._line(entry, deed, stored, had, names),
            *await self._direct(entry, deed, stored, names),
        ]

    async def _card(self, entry: Entry, stored: Stored) -> list[Told]:
        if not await self._has_card(stored):
            return []
        card = Card(key=f"deed:{entry.sequence}:card", object_id=stored.object_id)
        return [(stored.channel, card)]

    async def _line(
        self, entry: Entry, deed: Deed, stored: Stored, had: PersonId, names: dict[str, str]
    ) -> list[Told]:
        thread = await self._thread(stored, deed)
        locale = self._s.languages.of_channel(stored.channel)
        said = deed_line(deed, deed.by or entry.actor, had, names, locale)
        if said is None or thread is None:
            return []
        line = small_line(said, entry.at, locale)
        is_aloud = deed.kind is DeedKind.REOPENED and entry.actor == SEKISHO
        key = f"deed:{entry.sequence}:line"
        item = Line(key, line.text, line.blocks, thread_of=thread, is_aloud=is_aloud)
        return [(stored.channel, item)]

    async def _direct(
        self, entry: Entry, deed: Deed, stored: Stored, names: dict[str, str]
    ) -> list[Told]:
        """Only to a new owner who did not do it."""
        is_here = not deed.to.startswith(FOREIGN)
        if deed.kind is not DeedKind.ASSIGNED or deed.to in (NOBODY, entry.actor) or not is_here:
            return []
        locale = await self._s.languages.learn(deed.to)
        said = assigned_dm(deed, stored.alert, deed.by or entry.actor, names, locale)
        key = f"deed:{entry.sequence}:dm"
        return [(ChannelId(deed.to), Line(key=key, text=said.text, blocks=said.blocks))]

    async def _mute(self, entry: Entry, deed: Deed) -> list[Told]:
        if deed.kind not in (DeedKind.MUTED, DeedKind.UNMUTED):
            return []
        _, raw = await self._s.ledger.subject(deed.subject)
        if raw is None:
            return []
        mute = read_mute(raw)
        await put_in_force(self._feed, mute)
        stored = await self._feed.store.alert(mute.alert_key)
        thread = await self._thread(stored) if stored is not None else None
        if stored is None or thread is None:
            return []
        line = await self._mute_line(entry, deed, mute)
        return [(stored.channel, Line(f"deed:{entry.sequence}:line", *line, thread_of=thread))]

    async def _mute_line(
        self, entry: Entry, deed: Deed, mute: Mute
    ) -> tuple[str, list[dict[str, object]]]:
        locale = self._s.languages.of_channel(mute.channel)
        names = await self.facts.names((entry.actor,), ask=True)
        said = locale.text(
            f"alert.thread.{deed.kind.value}",
            who=say.name(entry.actor, names, locale),
            name=safe.code(mute.name, 150),
            **({"when": locale.when(mute.until)} if deed.kind is DeedKind.MUTED else {}),
        )
        line = small_line(said, entry.at, locale)
        return line.text, line.blocks

    # --- where it is told ---

    async def _has_card(self, stored: Stored) -> bool:
        """A card that stands, or will: by its fate, else by its address."""
        if stored.fate in ("card", "feed"):
            return stored.fate == "card"
        return await self._s.outbox.address(stored.object_id) is not None

    async def _thread(self, stored: Stored, deed: Deed | None = None) -> ObjectId | None:
        """Its own card's, else, for what must be heard, the storm's; None: said nowhere.

        A click may take hundreds of a storm's alerts: that is one line, and the click's own.
        """
        if await self._has_card(stored):
            return stored.object_id
        if deed is None or deed.kind is not DeedKind.REOPENED:
            return None
        if stored.fate.startswith(STORM):
            return ObjectId(":".join(stored.fate.split(":")[:2]))
        return None


def owner_before(case: Case, deed: Deed, entry: Entry) -> PersonId:
    """Who owned it when this deed was done, though more may have happened since."""
    mine = [
        at
        for at, step in enumerate(case.steps)
        if step.kind is deed.kind and step.by == (deed.by or entry.actor) and step.at <= entry.at
    ]
    owner = NOBODY
    for step in case.steps[: mine[-1] if mine else len(case.steps)]:
        match step.kind:
            case DeedKind.TAKEN:
                owner = step.by
            case DeedKind.ASSIGNED:
                owner = step.to
            case DeedKind.REOPENED:
                owner = NOBODY
            case _:
                pass
    return owner
