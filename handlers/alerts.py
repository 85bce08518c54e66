"""`/alerts` and what stands behind its buttons: one table of verbs, one way to answer each.

Lists are only read by who asks. What changes an alert is a deed (`handlers.alert_deciding`), the
same that a card's buttons record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from handlers import alert_mutes
from handlers.alert_feed import AlertFeed
from handlers.alert_line import AlertLine, corrected, example, near_verb, parse
from handlers.alert_listing import AlertListing
from handlers.alert_one import OneAlert
from handlers.alert_route import AlertRoute
from handlers.alert_stats import AlertStats
from handlers.alert_verbs import AlertVerb
from handlers.caller import Caller
from handlers.line_words import fold
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import alert_answers, alert_help, safe
from handlers.views.alert_lists import Kind
from handlers.views.blocks import Message

#: Words behind `open` that choose among the open ones.
AMONG_OPEN: Mapping[str, Kind] = {
    "high": "high", "高": "high", "mine": "mine", "自分": "mine", "my": "mine",
    "unowned": "unowned", "free": "unowned", "担当者なし": "unowned",
}  # fmt: skip
LIST_KINDS: Mapping[str, Kind] = {
    kind: kind for kind in ("open", "unowned", "mine", "high", "machine", "search")
}


class Alerts:
    """What a typed line, or a button of a list, does."""

    def __init__(self, services: Services, feed: AlertFeed) -> None:
        self._s = services
        self._feed = feed
        self._lists = AlertListing(services, feed)
        self._stats = AlertStats(services, feed)
        self._one = OneAlert(services, feed, self._lists)
        self._route = AlertRoute(services, feed, self._lists)
        self._verbs: Mapping[AlertVerb, Callable[[Caller, AlertLine, Locale], Awaitable[Message]]]
        self._verbs = {
            AlertVerb.OPEN: self._open,
            AlertVerb.MINE: self._mine,
            AlertVerb.MACHINE: self._machine,
            AlertVerb.SHOW: self._one.show,
            AlertVerb.SEARCH: self._search,
            AlertVerb.TAKE: self._one.act,
            AlertVerb.PROGRESS: self._one.act,
            AlertVerb.RESOLVE: self._one.act,
            AlertVerb.DISMISS: self._one.act,
            AlertVerb.MUTED: self._muted,
            AlertVerb.ROUTE: self._route.answer,
            AlertVerb.STATS: self._figures,
            AlertVerb.HELP: self._help,
            AlertVerb.GUESS: self._guess,
        }

    async def run(self, caller: Caller, typed: str, locale: Locale) -> Message:
        """Raises LedgerError, and what Redis raises."""
        line = parse(typed)
        return await self._verbs[line.verb](caller, line, locale)

    async def click(
        self, caller: Caller, action_id: str, value: str, locale: Locale
    ) -> Message | None:
        """What a list's button answers; None where the id is not ours."""
        stem, _, suffix = action_id.rpartition("_")
        match stem if suffix.isdecimal() else action_id:
            case "alerts_page" | "alerts_back":
                return await self._page(caller, value, locale)
            case "alerts_filter":
                return await self._page(caller, f"{value}.1.", locale)
            case "alert_show":
                return await self._one.show(caller, AlertLine(AlertVerb.SHOW, about=value), locale)
            case "alerts_unmute":
                return await self._unmute(caller, value, locale)
            case "alerts_run":
                return await self.run(caller, value.removeprefix("/alerts "), locale)
            case _:
                return None

    # --- lists ---

    async def _open(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        kind: Kind = "open"
        for word in line.rest:
            among = AMONG_OPEN.get(fold(word).casefold())
            if among is None:
                return alert_help.unread_words(line.rest, "/alerts open", locale)
            kind = among
        return await self._lists.page(kind, caller.person, locale, number=line.page)

    async def _mine(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        if line.rest:
            return alert_help.unread_words(line.rest, "/alerts mine", locale)
        return await self._lists.page("mine", caller.person, locale, number=line.page)

    async def _machine(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        del caller
        if not line.about:
            return alert_help.missing(example(line), locale)
        if line.rest:
            return alert_help.unread_words(line.rest, corrected(line), locale)
        rows = await self._lists.of_machine(line.about)
        if not rows and not self._lists.machines(line.about):
            near = [f"/alerts machine {n}" for n in await self._lists.near_machines(line.about)]
            return alert_help.unknown_machine(line.about, near, locale)
        return await self._lists.drawn(rows, "machine", locale, about=line.about, number=line.page)

    async def _search(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        if not line.about:
            return alert_help.missing(example(line), locale)
        return await self._lists.page("search", caller.person, locale, about=line.about)

    async def _muted(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        del caller
        return await self._lists.muted(locale, number=line.page)

    async def _page(self, caller: Caller, value: str, locale: Locale) -> Message:
        """`open.2.`, `machine.1.web-01`, `muted.2.`; what can't be read is the first page."""
        kind, _, rest = value.partition(".")
        number, _, about = rest.partition(".")
        page = int(number) if number.isdecimal() and len(number) < 5 else 1
        if kind == "muted":
            return await self._lists.muted(locale, number=page)
        wanted = LIST_KINDS.get(kind, "open")
        return await self._lists.page(wanted, caller.person, locale, about=about, number=page)

    async def _unmute(self, caller: Caller, mute_id: str, locale: Locale) -> Message:
        """Ended and recorded; then ended in the feed at once, as the entry would do it too."""
        over = await alert_mutes.unmute(self._s, mute_id, actor=caller.person, op=caller.op)
        if over is None:
            return alert_answers.sentence("unmute_late", locale)
        await alert_mutes.put_in_force(self._feed, over)
        return alert_answers.sentence("unmuted", locale, name=safe.code(over.name, 200))

    # --- the rest ---

    async def _figures(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        if line.days is None:
            return alert_help.bad_days(locale)
        return await self._stats.answer(caller, line.days, locale)

    async def _help(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        del caller, line
        return alert_help.help_message(locale)

    async def _guess(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        """A machine's name alone lists its alerts; else the verb or name that was meant."""
        rows = await self._lists.of_machine(line.about)
        if rows or self._lists.machines(line.about):
            return await self._machine(caller, replace(line, verb=AlertVerb.MACHINE), locale)
        verb = near_verb(line.about)
        near = [" ".join(("/alerts", verb.value, *_behind(line)))] if verb is not None else []
        near += [f"/alerts machine {n}" for n in await self._lists.near_machines(line.about)]
        return alert_help.unknown_verb(line.about, near, locale)


def _behind(line: AlertLine) -> list[str]:
    """What was typed behind the first word."""
    return line.typed.split(maxsplit=1)[1:]
