"""Draws `changes:` and `raised:` objects as they are now; says what a deed makes people read.

`changes:F-12` is the card in the routed channel; `raised:F-12` is the same card in the security
channel, once somebody has answered "Not me".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import msgspec

from approvals.deeds import Deed, DeedKind, Subject
from approvals.entry import Entry
from approvals.request import Request
from delivery.deliverer import Rendered
from delivery.outbox import Card, ChannelId, Line, ObjectId
from feeds.cases import Case, read_case
from feeds.correlation import last_before, sessions_at
from feeds.file_change_records import StoredBurst, Weighed
from feeds.file_change_store import FileChangeStore
from feeds.windows import ChangeWindow, PathMute
from handlers.consequences import Told
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import change_words as words
from handlers.views import safe
from handlers.views.change_card import change_card
from handlers.views.change_words import ChangeView

CHANGES, RAISED = "changes:", "raised:"
WINDOW, MUTE = "window:", "mute:"
#: Rows that a card is drawn from: the most dangerous ones and who did them.
CARD_ROWS = 60
#: A session's end and a change's time come from two clocks.
SLACK_OF_CLOCKS = timedelta(seconds=30)
#: Requests of a machine that are looked through for its sessions.
REQUESTS_MAX = 50
#: Shows how the card looks after this, and says it in the thread.
_TELLING = frozenset(
    {
        DeedKind.TAKEN, DeedKind.ASSIGNED, DeedKind.RELEASED, DeedKind.YES, DeedKind.NOT_ME,
        DeedKind.EXPECTED, DeedKind.RESOLVED, DeedKind.SUSPICIOUS, DeedKind.REOPENED,
    }
)  # fmt: skip

_WINDOW = msgspec.json.Decoder(ChangeWindow)
_MUTE = msgspec.json.Decoder(PathMute)


class ChangeShow:
    """`render` is what the deliverer calls, `told` what the show consumer calls for a deed."""

    def __init__(
        self, services: Services, store: FileChangeStore, *, default_channel: Callable[[], str]
    ) -> None:
        self._s = services
        self._store = store
        self._default_channel = default_channel

    # --- drawing ---

    async def render(self, name: ObjectId) -> Rendered | None:
        is_raised = name.startswith(RAISED)
        burst_id = name.removeprefix(RAISED).removeprefix(CHANGES)
        view = await self.view(burst_id, is_raised=is_raised)
        if view is None:
            return None
        burst = view.burst
        channel = burst.facts.security_channel if is_raised else burst.channel
        card = change_card(view, self._s.languages.of_channel(channel))
        version = burst.version + view.case_version
        if view.window is not None and view.window.closed_at is not None:
            version += 1
        return Rendered(ChannelId(channel), version, card.text, card.blocks)

    async def view(
        self, burst_id: str, *, first: int = 0, count: int = CARD_ROWS, is_raised: bool = False
    ) -> ChangeView | None:
        """Everything that is known of a burst; None when there is none such."""
        burst = await self._store.burst(burst_id)
        if burst is None:
            return None
        rows = await self._store.rows(burst_id, first=first, count=count)
        return await self.view_of(burst, rows, is_raised=is_raised)

    async def view_of(
        self, burst: StoredBurst, rows: Sequence[Weighed], *, is_raised: bool = False
    ) -> ChangeView:
        """Everything around these rows: sessions, people, what was decided."""
        burst_id = burst.id
        version, case = await self.case(burst_id)
        requests = await self._requests(burst)
        start, end = burst.first_at - SLACK_OF_CLOCKS, burst.last_at + SLACK_OF_CLOCKS
        resource_id = burst.facts.resource_id
        sessions = sessions_at(requests, resource_id, start, end)
        window = await self._store.window(burst_id) if burst.kind == "window" else None
        last = last_before(requests, resource_id, start)
        named = [s.person for s in (*sessions, *([last] if last else []))]
        named += [person for s in sessions for person in s.approvers]
        named += [case.owner, case.decided_by, case.answered_by]
        named += [window.opened_by] if window else []
        return ChangeView(
            burst=burst,
            rows=tuple(rows),
            now=self._s.ledger.instant,
            case=case,
            case_version=version,
            sessions=sessions,
            last_session=last,
            names=await self.names(named),
            reasons={request.id: request.justification for request in requests},
            window=window,
            is_raised=is_raised,
        )

    async def case(self, burst_id: str) -> tuple[int, Case]:
        version, body = await self._s.ledger.subject(Subject(f"{CHANGES}{burst_id}"))
        return version, read_case(body)

    async def _requests(self, burst: StoredBurst) -> Sequence[Request]:
        if not burst.facts.resource_id or burst.kind in ("window", "silent"):
            return ()
        return await self._s.ledger.by_vm(burst.facts.resource_id, REQUESTS_MAX)

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        """What people are called, so that they can be named without being called."""
        found: dict[str, str] = {}
        for person in dict.fromkeys(people):
            profile = await self._s.directory.profile(person) if person else None
            if profile is not None:
                found[person] = profile.name
        return found

    # --- consequences of deeds ---

    async def told(self, entry: Entry) -> Sequence[Told]:
        """Safe to be called again: every item's key is made of the entry's sequence."""
        deed = entry.event
        if not isinstance(deed, Deed):
            return []
        if deed.subject.startswith(CHANGES) and deed.kind in _TELLING:
            return await self._of_burst(entry, deed)
        if deed.kind in (DeedKind.WINDOW_OPENED, DeedKind.WINDOW_CLOSED):
            return await self._of_window(entry, deed)
        if deed.kind is DeedKind.PATH_MUTED:
            return await self._of_mute(entry, deed)
        return []

    async def _of_burst(self, entry: Entry, deed: Deed) -> Sequence[Told]:
        burst_id = deed.subject.removeprefix(CHANGES)
        burst = await self._store.burst(burst_id)
        if burst is None:
            return []
        sequence, card = entry.sequence, ObjectId(f"{CHANGES}{burst_id}")
        channel = ChannelId(burst.channel)
        told: list[Told] = [(channel, Card(key=f"{card}:deed:{sequence}", object_id=card))]
        locale = self._s.languages.of_channel(channel)
        said = await self._line(entry, deed, locale)
        told.append((channel, Line(key=f"{card}:line:{sequence}", text=said, thread_of=card)))
        if deed.kind is DeedKind.SUSPICIOUS:
            start = await self._start(entry, burst, locale)
            line = Line(key=f"{card}:start:{sequence}", text=start, thread_of=card)
            told.append((channel, line))
        security = burst.facts.security_channel
        raised = ObjectId(f"{RAISED}{burst_id}")
        is_raised = deed.kind is DeedKind.NOT_ME or await self._s.outbox.address(raised) is not None
        if security and security != burst.channel and is_raised:
            item = Card(key=f"{raised}:deed:{sequence}", object_id=raised)
            told.append((ChannelId(security), item))
        return told

    async def _line(self, entry: Entry, deed: Deed, locale: Locale) -> str:
        names = await self.names([entry.actor, deed.to])
        who = words.name(entry.actor, names, locale)
        when = locale.when(entry.at)
        match deed.kind:
            case DeedKind.YES | DeedKind.EXPECTED | DeedKind.RESOLVED:
                reason = safe.escape_mrkdwn(deed.reason or safe.EMPTY)
                return locale.text(f"fim.thread.{deed.kind}", when=when, who=who, reason=reason)
            case DeedKind.ASSIGNED:
                to = words.name(deed.to, names, locale)
                return locale.text("fim.thread.taken_to", when=when, who=who, to=to)
            case DeedKind.RELEASED:
                return locale.text("fim.thread.reopened", when=when, who=who)
            case _:
                return locale.text(f"fim.thread.{deed.kind}", when=when, who=who)

    async def _start(self, entry: Entry, burst: StoredBurst, locale: Locale) -> str:
        """The first line of an investigation: where things are, and what to do in the thread."""
        who = words.name(entry.actor, await self.names([entry.actor]), locale)
        machine = safe.escape_mrkdwn(burst.facts.machine or burst.id, words.NAME_MAX)
        return locale.text(
            "fim.thread.suspicious_start", id=burst.id, who=who, machine=machine.replace("`", "")
        )

    async def _of_window(self, entry: Entry, deed: Deed) -> Sequence[Told]:
        """The window is put where the feed looks, told in the channel, and its card redrawn."""
        _, body = await self._s.ledger.subject(deed.subject)
        if body is not None:
            await self._store.put_window(_WINDOW.decode(body))
        window_id = deed.subject.removeprefix(WINDOW)
        channel = ChannelId(self._default_channel())
        locale = self._s.languages.of_channel(channel)
        args = {
            "when": locale.when(entry.at),
            "who": words.name(entry.actor, await self.names([entry.actor]), locale),
            "pattern": safe.code(deed.pattern, 60),
        }
        if deed.kind is DeedKind.WINDOW_OPENED:
            args["until"] = locale.when(deed.until or entry.at)
            args["reason"] = safe.escape_mrkdwn(deed.reason)
        said = locale.text(f"fim.thread.{deed.kind}", **args)
        told: list[Told] = [(channel, Line(key=f"{deed.subject}:{entry.sequence}", text=said))]
        burst = await self._store.burst(window_id)
        if burst is not None:
            card = ObjectId(f"{CHANGES}{window_id}")
            item = Card(key=f"{card}:deed:{entry.sequence}", object_id=card)
            told.append((ChannelId(burst.channel), item))
        return told

    async def _of_mute(self, entry: Entry, deed: Deed) -> Sequence[Told]:
        """`verdict` names the burst from whose card it was muted: its thread says so."""
        _, body = await self._s.ledger.subject(deed.subject)
        if body is not None:
            await self._store.put_mute(_MUTE.decode(body))
        burst = await self._store.burst(deed.verdict)
        if burst is None:
            return []
        channel = ChannelId(burst.channel)
        locale = self._s.languages.of_channel(channel)
        said = locale.text(
            "fim.thread.path_muted",
            when=locale.when(entry.at),
            who=words.name(entry.actor, await self.names([entry.actor]), locale),
            pattern=safe.code(deed.pattern, 120),
            until=locale.when(deed.until or entry.at),
        )
        card = ObjectId(f"{CHANGES}{burst.id}")
        return [(channel, Line(key=f"{deed.subject}:{entry.sequence}", text=said, thread_of=card))]
