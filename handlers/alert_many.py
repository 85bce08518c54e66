"""What a storm's or a digest's buttons do: many alerts at once, as many deeds, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from approvals.events import PersonId
from approvals.operations import op_id
from delivery.outbox import ChannelId, Line
from feeds.reading import Stored, instant
from feeds.store import kind_of
from feeds.storm import Storm
from handlers import alert_deciding as deciding
from handlers.alert_deciding import Decide, Did
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed
from handlers.caller import Caller
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import alert_answers as answers
from handlers.views import alert_forms as forms
from handlers.views import alert_words as say
from handlers.views.alert_lists import PAGE_SIZE
from handlers.views.alert_many import many_done, shown_alerts
from handlers.views.alert_thread import small_line
from handlers.views.blocks import Message, View

#: Deeds of one click: half a second of the ledger's time, in which other clicks get their turns.
DEEDS_MAX = 500
#: Rows that are shown of a storm's High alerts, and of a digest.
SHOWN_MAX = 4 * PAGE_SIZE
HIGH = 0


class ManyAlerts:
    """One workspace's."""

    def __init__(self, services: Services, feed: AlertFeed) -> None:
        self._s = services
        self._feed = feed
        self._facts = AlertFacts(services, feed)

    # --- storms ---

    async def take_all(
        self, caller: Caller, storm_id: str, locale: Locale, *, machine: str = ""
    ) -> Message:
        """Those that nobody has, the worst first."""
        keys = await self._feed.storms.members(storm_id, machine=machine)
        done, said = await self._act(caller, keys, deciding.take, "taken_many", locale)
        storm = await self._feed.storms.storm(storm_id) if done else None
        if storm is not None:
            await self._told(caller, storm, done)
        return said

    async def _told(self, caller: Caller, storm: Storm, done: int) -> None:
        """One line in the storm's thread, however many alerts it is about."""
        locale = self._s.languages.of_channel(storm.channel)
        names = await self._facts.names((caller.person,), ask=True)
        who = say.name(caller.person, names, locale)
        said = locale.plural("alert.thread.taken_many", done, who=who)
        line = small_line(said, self._s.ledger.instant, locale)
        item = Line(f"many:{caller.op}", line.text, line.blocks, thread_of=storm.object_id)
        await self._s.outbox.put(storm.channel, item)

    async def high(self, storm_id: str, locale: Locale) -> Message:
        keys = await self._feed.storms.members(storm_id, rank=HIGH)
        stored = await self._feed.store.many(keys[:SHOWN_MAX])
        return await self._shown("alerts.storm", stored, len(keys), locale)

    async def machine_form(self, storm_id: str, locale: Locale) -> View | Message:
        storm = await self._feed.storms.storm(storm_id)
        if storm is None:
            return answers.unknown(storm_id, locale)
        return forms.machine_form(storm_id, _machines(storm), locale)

    async def take_machine(
        self, caller: Caller, storm_id: str, place: str, locale: Locale
    ) -> Message:
        """`place` is that of the form's list; names have no bound."""
        storm = await self._feed.storms.storm(storm_id)
        names = [name for name, _ in _machines(storm)] if storm else []
        if not place.isdecimal() or int(place) >= len(names):
            return answers.unknown(storm_id, locale)
        return await self.take_all(caller, storm_id, locale, machine=names[int(place)])

    async def mute_form(self, storm_id: str, locale: Locale) -> View | Message:
        """For the storm's most frequent kind, seen in one of its alerts."""
        storm = await self._feed.storms.storm(storm_id)
        keys = await self._feed.storms.members(storm_id) if storm else []
        stored = await self._feed.store.many(keys[:DEEDS_MAX])
        if not stored:
            return answers.unknown(storm_id, locale)
        kinds = [kind_of(one.alert) for one in stored]
        most = max(set(kinds), key=kinds.count)
        alert = next(one.alert for one in stored if kind_of(one.alert) == most)
        return forms.mute_form(alert, stored[0].channel, locale)

    # --- digests ---

    async def digest_alerts(self, value: str) -> list[Stored]:
        """`channel.first.last`: those that this digest told."""
        channel, _, span = value.partition(".")
        first, _, last = span.partition(".")
        if not first.isdecimal() or not last.isdecimal():
            return []
        prefix = f"digest:{ChannelId(channel)}:"
        found = []
        async for stored in self._feed.store.newest():
            is_within = instant(int(first)) <= stored.first_at <= instant(int(last))
            if is_within and stored.fate.startswith(prefix):
                found.append(stored)
        return found

    async def digest_shown(self, value: str, locale: Locale) -> Message:
        found = await self.digest_alerts(value)
        return await self._shown("alerts.digest", found[:SHOWN_MAX], len(found), locale)

    async def digest_form(self, value: str, locale: Locale) -> View | Message:
        found = await self.digest_alerts(value)
        if not found:
            return answers.unknown(value, locale)
        return forms.dismiss_all_form(value, len(found), locale)

    async def dismiss_digest(
        self, caller: Caller, value: str, reason: str, verdict: str, locale: Locale
    ) -> Message:
        keys = [stored.alert.key for stored in await self.digest_alerts(value)]
        decide = deciding.dismiss(reason, verdict)
        _, said = await self._act(caller, keys, decide, "dismissed_many", locale)
        return said

    # --- below ---

    async def _act(
        self, caller: Caller, keys: Sequence[str], decide: Decide, said: str, locale: Locale
    ) -> tuple[int, Message]:
        """Each alert by itself, known by the click and its key: a repeated click repeats none."""
        if caller.person in self._s.membership().guests:
            return 0, answers.sentence("guest", locale)
        done = left = 0
        for key in keys:
            if done == DEEDS_MAX:
                break
            result = await self._one(caller.person, key, decide, str(caller.op))
            done, left = (done + 1, left) if isinstance(result, Did) else (done, left + 1)
            await asyncio.sleep(0)
        is_cut = done + left < len(keys)
        return done, many_done(said, done, left, is_cut=is_cut, locale=locale)

    async def _one(self, person: PersonId, key: str, decide: Decide, click: str) -> deciding.Result:
        op = op_id("many", click, key)
        return await deciding.act(self._s, self._facts, key, decide, actor=person, op=op)

    async def _shown(
        self, family: str, stored: Sequence[Stored], total: int, locale: Locale
    ) -> Message:
        rows = [await self._facts.listed(one) for one in stored]
        return shown_alerts(family, rows, total, locale)


def _machines(storm: Storm) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for (machine, _), n in storm.by_machine.items():
        counts[machine] = counts.get(machine, 0) + n
    return [(name, counts[name]) for name in storm.machines()]
