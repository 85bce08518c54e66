"""One alert by its id: show it, take it, resolve it, dismiss it; or what to type instead."""

from __future__ import annotations

from dataclasses import replace

from feeds.reading import Stored
from feeds.routing import Mentions
from handlers import alert_deciding
from handlers.alert_clicks import AlertClicks
from handlers.alert_feed import AlertFeed
from handlers.alert_line import AlertLine, corrected, example
from handlers.alert_listing import NEAR_MAX, AlertListing
from handlers.alert_verbs import AlertVerb
from handlers.caller import Caller
from handlers.jit import Jit
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import alert_answers, alert_help
from handlers.views.alert_card import alert_card
from handlers.views.alert_words import short_id
from handlers.views.blocks import Message


class OneAlert:
    """What a line about one alert does."""

    def __init__(self, services: Services, feed: AlertFeed, lists: AlertListing) -> None:
        self._lists = lists
        self._clicks = AlertClicks(services, feed, Jit(services))

    async def show(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        """Its card as it is now, for who asks alone: it calls nobody."""
        del caller
        found = await self._named(line, locale)
        if isinstance(found, Message):
            return found
        known = await self._lists.facts.known(found)
        return alert_card(replace(known.view, mentions=Mentions()), locale)

    async def act(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        found = await self._named(line, locale)
        if isinstance(found, Message):
            return found
        if line.verb is AlertVerb.DISMISS and not any(map(str.isalnum, line.reason)):
            line_with = f"{corrected(line)} {locale.text('edge.because')}"
            return alert_help.reason_missing(line_with, locale)
        decide = {
            AlertVerb.TAKE: alert_deciding.take,
            AlertVerb.PROGRESS: alert_deciding.in_progress,
            AlertVerb.RESOLVE: alert_deciding.resolve(line.reason),
            AlertVerb.DISMISS: alert_deciding.dismiss(line.reason),
        }[line.verb]
        return await self._clicks.decide(caller, found.alert.key, decide, locale)

    async def _named(self, line: AlertLine, locale: Locale) -> Stored | Message:
        """The one alert that is meant, or what to type instead."""
        if not line.about:
            return alert_help.missing(example(line), locale)
        if line.rest and not line.reason and line.verb in (AlertVerb.RESOLVE, AlertVerb.DISMISS):
            mended = corrected(line, reason=" ".join(line.rest))
            return alert_help.reason_missing(mended, locale, can_send=True)
        if line.rest:
            return alert_help.unread_words(line.rest, corrected(line), locale)
        found = await self._lists.find(line.about)
        if len(found) == 1:
            return found[0]
        if found:
            lines = [corrected(replace(line, about=short_id(one.alert.key))) for one in found]
            return alert_help.one_of(line.about, lines[:NEAR_MAX], locale)
        if self._lists.machines(line.about):
            rows = await self._lists.of_machine(line.about)
            return await self._lists.drawn(rows, "machine", locale, about=line.about)
        return alert_answers.unknown(line.about, locale)
