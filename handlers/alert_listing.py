"""Which alerts a list holds, in which order, and which alert an id means. Reads, never changes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from approvals.events import PersonId
from defender.records import Machine
from feeds.alert_lists import AlertLists
from feeds.reading import Stored
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed
from handlers.alert_line import id_of
from handlers.locale import Locale
from handlers.services import Services
from handlers.views.alert_lists import PAGE_SIZE, AlertPage, Kind, alert_page, muted_page
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
        rows = await self.rows(kind, person, about)
        return await self.drawn(rows, kind, locale, about=about, number=number)

    async def drawn(
        self,
        rows: Sequence[AlertView],
        kind: Kind,
        locale: Locale,
        *,
        about: str = "",
        number: int = 1,
    ) -> Message:
        last = max(1, -(-len(rows) // PAGE_SIZE))
        unowned = sum(1 for view in rows if not view.case.owner)
        page = AlertPage(kind, min(max(1, number), last), len(rows), unowned, about)
        shown = rows[page.first - 1 : page.first - 1 + PAGE_SIZE]
        owners = [view.case.owner for view in shown]
        names = await self.facts.names(owners, ask=True)
        return alert_page([replace(view, names=names) for view in shown], page, locale)

    async def rows(self, kind: Kind, person: PersonId, about: str) -> list[AlertView]:
        """Everything that the list holds, the most urgent first."""
        match kind:
            case "machine":
                return await self.of_machine(about)
            case "search":
                return await self._search(about)
            case _:
                mine = self._s.policy().same_person(person)
                return [view for view in await self.open() if _is_wanted(kind, view, mine)]

    async def open(self) -> list[AlertView]:
        """Open in Azure and for us: what people have just closed is not listed any more."""
        views = await self._views(await self._feed.store.open(limit=OPEN_MAX))
        return [view for view in views if not view.is_closed]

    async def of_machine(self, name: str) -> list[AlertView]:
        """By its name or resource id, the open ones first."""
        wanted = name.casefold()
        ids = [str(machine.resource_id) for machine in self.machines(name)]
        found: dict[str, Stored] = {}
        for machine in dict.fromkeys((*ids, name)):
            for stored in await self._feed.store.of_machine(machine):
                found[stored.alert.key] = stored
        if not found:  # a VM that the estate does not know is kept under its resource id
            for stored in await self._feed.store.search(name, limit=FOUND_MAX):
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
        seen = {view.alert.machine for view in await self.open() if view.alert.machine}
        folded = {machine.casefold(): machine for machine in seen}
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
        last = max(1, -(-len(mutes) // PAGE_SIZE))
        page = AlertPage("open", min(max(1, number), last), len(mutes))
        shown = mutes[page.first - 1 : page.first - 1 + PAGE_SIZE]
        names = await self.facts.names([mute.by for mute in shown], ask=True)
        return muted_page(shown, page, names, locale)

    async def _search(self, words: str) -> list[AlertView]:
        """By words, or by an id, which stands in no text."""
        named = await self.find(words) if id_of(words) else []
        found = named or await self._feed.store.search(words, limit=FOUND_MAX)
        return await self._views(found)

    async def _views(self, found: Sequence[Stored]) -> list[AlertView]:
        cases = await self._lists.cases([stored.alert.key for stored in found])
        views = [
            AlertView(
                alert=stored.alert,
                case=cases[stored.alert.key],
                first_at=stored.first_at,
                changed_at=stored.changed_at,
            )
            for stored in found
        ]
        return by_urgency(views)


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


def _is_wanted(kind: Kind, view: AlertView, mine: frozenset[PersonId]) -> bool:
    match kind:
        case "mine":
            return view.case.owner in mine
        case "unowned":
            return not view.case.owner
        case "high":
            return view.alert.rank == 0
        case _:
            return True
