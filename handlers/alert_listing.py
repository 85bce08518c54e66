"""Which alerts a list holds, in which order, and which alert an id means. Reads, never changes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from approvals.events import PersonId
from defender.records import Machine
from feeds.alert_lists import AlertLists, OpenAlert
from feeds.cases import Case
from feeds.reading import Stored
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed
from handlers.alert_line import id_of
from handlers.locale import Locale
from handlers.services import Services
from handlers.views.alert_lists import PAGE_SIZE, AlertPage, Bound, Kind, alert_page, muted_page
from handlers.views.alert_view import AlertView
from handlers.views.alert_words import short_id
from handlers.views.blocks import Message

#: Open alerts that are sorted for a list: the largest storm that is promised.
OPEN_MAX = 10_000
#: Alerts that a search shows; who needs more names more words.
FOUND_MAX = 100
#: Characters of a key that name it.
PREFIX_MIN = 8
#: Alerts that an id is asked back for, and names that are offered for a mistyped one.
NEAR_MAX = 4
NAME_NEAR = 0.7
#: Open alerts whose machines are compared with a mistyped name.
NAMES_MAX = 300


class AlertListing:
    """Lists for one reader."""

    def __init__(self, services: Services, feed: AlertFeed) -> None:
        self._s = services
        self._feed = feed
        self._lists = AlertLists(feed.store)
        self.facts = AlertFacts(services, feed)

    async def page(
        self, kind: Kind, person: PersonId, locale: Locale, *, about: str = "", number: int = 1
    ) -> Message:
        """One page; one beyond the last shows the last."""
        if kind == "machine":
            found = await self.of_machine(about)
            return await self.drawn(found, kind, locale, about=about, number=number)
        if kind == "search":
            found, bound = await self._search(about)
            return await self.drawn(found, kind, locale, about=about, number=number, bound=bound)
        mine = self._s.policy().same_person(person)
        rows = [one for one in await self.open() if _is_wanted(kind, one, mine)]
        unowned = sum(1 for one in rows if not one.case.owner)
        page = _page(kind, number, len(rows), unowned)
        views = await self.views(rows[page.first - 1 : page.first - 1 + PAGE_SIZE])
        return alert_page(await self._named(views), page, locale)

    async def drawn(
        self,
        rows: Sequence[AlertView],
        kind: Kind,
        locale: Locale,
        *,
        about: str = "",
        number: int = 1,
        bound: Bound = "",
    ) -> Message:
        """A page of alerts that are at hand."""
        page = replace(_page(kind, number, len(rows), 0, about), bound=bound)
        shown = rows[page.first - 1 : page.first - 1 + PAGE_SIZE]
        return alert_page(await self._named(shown), page, locale)

    async def open(self) -> list[OpenAlert]:
        """Open in Azure and for us, the most urgent first."""
        return await self._lists.open(OPEN_MAX)

    async def views(self, rows: Sequence[OpenAlert]) -> list[AlertView]:
        """The alerts themselves, in the same order, without the names of people."""
        cases = {one.key: one.case for one in rows}
        stored = await self._feed.store.many([one.key for one in rows])
        return [_view(one, cases[one.alert.key]) for one in stored]

    async def _named(self, views: Sequence[AlertView]) -> list[AlertView]:
        names = await self.facts.names([view.case.owner for view in views], ask=True)
        return [replace(view, names=names) for view in views]

    async def of_machine(self, name: str) -> list[AlertView]:
        """By its name or resource id, the open ones first."""
        wanted = name.casefold()
        ids = [str(machine.resource_id) for machine in self.machines(name)]
        found: dict[str, Stored] = {}
        for machine in dict.fromkeys((*ids, name)):
            for stored in await self._feed.store.of_machine(machine):
                found[stored.alert.key] = stored
        if not found:  # a VM that the estate does not know is kept under its resource id
            named = await self._feed.store.search(name, limit=FOUND_MAX)
            for stored in named.stored:
                if stored.alert.machine.casefold() == wanted:
                    found[stored.alert.key] = stored
        return await self._views(list(found.values()))

    def machines(self, name: str) -> tuple[Machine, ...]:
        """The VMs of this name; several groups may each have one."""
        index = self._s.estate.index
        by_id = index.by_id(name) if name.startswith("/") else None
        return (by_id,) if by_id is not None else index.by_name(name)

    async def near_machines(self, name: str) -> list[str]:
        """Names that are a slip of the finger away: the estate's, and those of open alerts."""
        near = [machine.name for machine in self._s.estate.index.near(name, NEAR_MAX)]
        newest = await self._feed.store.open(limit=NAMES_MAX)
        folded = {one.alert.machine.casefold(): one.alert.machine for one in newest}
        close = difflib.get_close_matches(name.casefold(), folded, n=NEAR_MAX, cutoff=NAME_NEAR)
        return list(dict.fromkeys([*near, *(folded[one] for one in close)]))[:NEAR_MAX]

    async def find(self, typed: str) -> list[Stored]:
        """The alerts that an id means: its key, its short id, or how its key begins."""
        wanted = id_of(typed) or typed.strip()
        exact = await self._feed.store.alert(wanted)
        if exact is not None:
            return [exact]
        if wanted.startswith("A-"):
            found = [key async for key in self._lists.newest_keys() if short_id(key) == wanted]
        elif len(wanted) >= PREFIX_MIN:
            found = [key async for key in self._lists.newest_keys() if key.startswith(wanted)]
        else:
            return []
        return await self._feed.store.many(found[: NEAR_MAX + 1])

    async def muted(self, locale: Locale, *, number: int = 1) -> Message:
        """What is muted now, the first to end first."""
        mutes = await self._feed.mutes.mutes()
        page = _page("open", number, len(mutes), 0)
        shown = mutes[page.first - 1 : page.first - 1 + PAGE_SIZE]
        names = await self.facts.names([mute.by for mute in shown], ask=True)
        return muted_page(shown, page, names, locale)

    async def _search(self, words: str) -> tuple[list[AlertView], Bound]:
        """By words, or by an id, which stands in no text; and what was left out."""
        named = await self.find(words) if id_of(words) else []
        if named:
            return await self._views(named), ""
        found = await self._feed.store.search(words, limit=FOUND_MAX)
        bound: Bound = "more" if found.has_more else "cut" if found.is_cut else ""
        return await self._views(found.stored), bound

    async def _views(self, found: Sequence[Stored]) -> list[AlertView]:
        cases = await self._lists.cases([stored.alert.key for stored in found])
        return by_urgency(_view(stored, cases[stored.alert.key]) for stored in found)


def by_urgency(views: Iterable[AlertView]) -> list[AlertView]:
    """Open before closed, without an owner before owned, High before Low, new before old."""

    def urgency(view: AlertView) -> tuple[bool, bool, int, float]:
        at = view.at
        return (
            view.is_closed,
            bool(view.case.owner),
            view.alert.rank,
            -at.timestamp() if at is not None else 0.0,
        )

    return sorted(views, key=urgency)


def _view(stored: Stored, case: Case) -> AlertView:
    return AlertView(
        alert=stored.alert, case=case, first_at=stored.first_at, changed_at=stored.changed_at
    )


def _page(kind: Kind, number: int, total: int, unowned: int, about: str = "") -> AlertPage:
    """The page asked for, or the last one where there are not so many."""
    last = max(1, -(-total // PAGE_SIZE))
    return AlertPage(kind, min(max(1, number), last), total, unowned, about)


def _is_wanted(kind: Kind, one: OpenAlert, mine: frozenset[PersonId]) -> bool:
    match kind:
        case "mine":
            return one.case.owner in mine
        case "unowned":
            return not one.case.owner
        case "high":
            return one.rank == 0
        case _:
            return True
