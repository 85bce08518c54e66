"""`/fim`: what changed where, what is announced, and which workspaces say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from approvals.window import parse_length
from defender.file_change_decode import MDE
from feeds.correlation import sessions_at
from feeds.file_change_records import Facts, MachineCount
from feeds.file_change_silence import Silence
from feeds.file_change_states import States
from feeds.file_change_store import FileChangeStore
from feeds.settings import FileChangeSettings
from handlers.caller import Caller
from handlers.change_show import SLACK_OF_CLOCKS, ChangeShow
from handlers.change_windows import ChangeWindows
from handlers.file_integrity_line import FimLine, Verb, parse
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import safe
from handlers.views.blocks import Message
from handlers.views.change_card import change_card
from handlers.views.change_forms import note
from handlers.views.change_list import (
    PAGE_SIZE,
    PERIODS,
    Changes,
    ListRow,
    Overview,
    machine_changes,
    overview,
    path_changes,
)
from handlers.views.change_status import help_message, status, windows_list


class FileIntegrity:
    """A table of verbs, one way to answer each. All answers are private."""

    def __init__(
        self,
        services: Services,
        store: FileChangeStore,
        show: ChangeShow,
        settings: Callable[[], FileChangeSettings],
        states: States,
        silence: Silence,
    ) -> None:
        self._s = services
        self._store = store
        self._show = show
        self._settings = settings
        self._states = states
        self._silence = silence
        self.windows = ChangeWindows(services, store)
        self._verbs: Mapping[Verb, Callable[[Caller, FimLine, Locale], Awaitable[Message]]] = {
            Verb.LIST: self._list,
            Verb.MACHINE: self._machine,
            Verb.PATH: self._path,
            Verb.WINDOW: self.windows.open,
            Verb.END: self.windows.end,
            Verb.WINDOWS: self._windows,
            Verb.STATUS: self._status,
            Verb.HELP: self._help,
            Verb.UNKNOWN: self._help,
        }

    async def run(self, caller: Caller, typed: str, locale: Locale) -> Message:
        """Raises LedgerError."""
        line = parse(typed)
        return await self._verbs[line.verb](caller, line, locale)

    async def click(
        self, caller: Caller, action_id: str, value: str, locale: Locale
    ) -> Message | None:
        """What a list's button answers; None where the id is not ours."""
        if action_id.startswith("fim_machine_"):
            return await self._machine(caller, FimLine(Verb.MACHINE, value, name=value), locale)
        match action_id:
            case "fim_period":
                since = parse_length(value) if value in PERIODS else None
                line = FimLine(Verb.LIST, value, since=since or timedelta(hours=24))
                return await self._list(caller, line, locale)
            case "fim_windows":
                return await self._windows(caller, FimLine(Verb.WINDOWS, ""), locale)
            case "fim_end_window":
                return await self.windows.end(caller, FimLine(Verb.END, "", name=value), locale)
            case "fim_silent":
                return await self._silent(value, locale)
            case _:
                return None

    # --- machines ---

    async def _list(self, caller: Caller, line: FimLine, locale: Locale) -> Message:
        del caller
        since = self._s.ledger.instant - line.since
        counts = await self._store.counts(since)
        places = await self._store.places()
        rows = [await self._row(each, places.get(each.place)) for each in counts[:PAGE_SIZE]]
        rows += [ListRow(each) for each in counts[PAGE_SIZE:]]
        silent = [each for each in await self._silence.all() if each.machine]
        known = set(places) | {each.place for each in silent}
        people = [row.case.answered_by for row in rows] + [row.case.decided_by for row in rows]
        people += [row.case.owner for row in rows]
        names = await self._show.names([*people, *(row.session_of for row in rows)])
        found = Overview(
            rows=tuple(rows),
            machines=len(known),
            silent=tuple(silent),
            sources=_sources(places, locale),
            since=since,
            period=_period(line.since),
            names=names,
        )
        return overview(found, locale)

    async def _row(self, machine: MachineCount, facts: Facts | None) -> ListRow:
        """With what people think of the newest burst, and whose port was open then."""
        burst = await self._store.burst(machine.burst_id) if machine.burst_id else None
        if burst is None:
            return ListRow(machine, is_known_vm=bool(facts and facts.resource_id))
        _, case = await self._show.case(burst.id)
        window = await self._store.window(burst.id) if burst.kind == "window" else None
        resource_id = facts.resource_id if facts else ""
        requests = await self._s.ledger.by_vm(resource_id, 50) if resource_id else []
        start, end = burst.first_at - SLACK_OF_CLOCKS, burst.last_at + SLACK_OF_CLOCKS
        sessions = sessions_at(requests, resource_id, start, end)
        return ListRow(
            machine,
            case,
            session_of=sessions[0].person if sessions else "",
            window_reason=window.reason if window else "",
            is_known_vm=bool(resource_id),
        )

    async def _machine(self, caller: Caller, line: FimLine, locale: Locale) -> Message:
        del caller
        places = await self._store.named(line.name)
        since = self._s.ledger.instant - line.since
        if not places:
            name = safe.code(line.name, 60)
            return note(locale.text("fim.machine.never", machine=name))
        rows = [row for place in places for row in await self._store.of_machine(place, since)]
        rows.sort(key=lambda row: row.change.changed_at or since, reverse=True)
        bursts = [b for place in places for b in await self._store.newest_bursts(place)]
        ids = tuple(b.id for b in bursts if b.last_at >= since)
        facts = (await self._store.places())[places[0]]
        found = Changes(facts.machine or line.name, tuple(rows), since, ids)
        return machine_changes(found, locale)

    async def _path(self, caller: Caller, line: FimLine, locale: Locale) -> Message:
        """A week where nothing else is asked: a path seldom changes."""
        del caller
        length = line.since if line.since != timedelta(hours=24) else timedelta(days=7)
        since = self._s.ledger.instant - length
        rows = await self._store.of_path(line.name, since)
        return path_changes(Changes(line.name, tuple(rows), since), locale)

    async def _silent(self, silence_id: str, locale: Locale) -> Message:
        """What is known of a silent machine: its card, and what came before."""
        view = await self._show.view(silence_id)
        if view is None:
            return note(locale.text("fim.gone", id=safe.escape_mrkdwn(silence_id, 40)))
        if view.burst.facts.machine:
            month = self._s.ledger.instant - timedelta(days=30)
            places = await self._store.named(view.burst.facts.machine)
            if places:
                rows = await self._store.of_machine(places[0], month)
                name = view.burst.facts.machine
                return machine_changes(Changes(name, tuple(rows), month), locale)
        return change_card(view, locale)

    # --- what is announced, what is read ---

    async def _windows(self, caller: Caller, line: FimLine, locale: Locale) -> Message:
        del caller, line
        now = self._s.ledger.instant
        windows = [each for each in await self._store.windows() if each.is_open(now)]
        mutes = [each for each in await self._store.mutes() if each.until > now]
        bursts = await self._store.bursts([each.id for each in windows])
        counts = {burst.id: burst.count for burst in bursts}
        people = [each.opened_by for each in windows] + [each.muted_by for each in mutes]
        names = await self._show.names(people)
        return windows_list(windows, mutes, counts, names, locale)

    async def _status(self, caller: Caller, line: FimLine, locale: Locale) -> Message:
        del caller, line
        states = [await self._states.read(each) for each in self._settings().workspaces]
        return status(states, self._s.ledger.instant, locale)

    async def _help(self, caller: Caller, line: FimLine, locale: Locale) -> Message:
        del caller
        return help_message(locale, line.typed if line.verb is Verb.UNKNOWN else "")


def _sources(places: Mapping[str, Facts], locale: Locale) -> tuple[str, ...]:
    """`Defender for Endpoint (36)`, by the table that a machine's first row came from."""
    counted = Counter(facts.table for facts in places.values() if facts.table)
    return tuple(
        locale.text(
            "fim.list.source",
            name=locale.text("fim.status.mde" if table == MDE else "fim.status.tracking"),
            n=n,
        )
        for table, n in counted.most_common()
    )


def _period(since: timedelta) -> str:
    return next((each for each in PERIODS if parse_length(each) == since), "24h")
