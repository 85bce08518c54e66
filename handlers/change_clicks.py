"""What the buttons of file changes do. Each action id is one line in the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from approvals.deeds import DeedKind
from approvals.events import RequestId
from feeds.file_change_silence import Silence
from feeds.file_change_store import FileChangeStore
from handlers import deciding
from handlers.caller import Caller
from handlers.change_deeds import ChangeDeeds, Done
from handlers.change_show import ChangeShow
from handlers.command_line import Verb
from handlers.jit import Jit
from handlers.locale import Locale
from handlers.replies import Reply
from handlers.services import Services
from handlers.story_changes import ALERT, StoryChanges
from handlers.views import change_words as words
from handlers.views import safe
from handlers.views.alert_words import short_id
from handlers.views.blocks import Message, View
from handlers.views.change_details import PAGE_SIZE, copy_form, details_form
from handlers.views.change_forms import mute_form, note, reason_form
from handlers.views.change_words import ChangeView

Action = Mapping[str, Any]

#: Changes that the text to copy holds at most; a form's block takes 3,000 characters.
COPY_ROWS = 40


@dataclass(frozen=True, slots=True)
class Turn:
    """The form is open already: show this in its place."""

    view: View


#: A form to open, a form to show in the place of the open one, or an answer.
Outcome = View | Turn | Message


class ChangeClicks:
    """The table of buttons."""

    def __init__(
        self,
        services: Services,
        store: FileChangeStore,
        show: ChangeShow,
        deeds: ChangeDeeds,
        silence: Silence,
    ) -> None:
        self._s = services
        self._store = store
        self._show = show
        self._deeds = deeds
        self._silence = silence
        self._story = StoryChanges(services, store, show)
        self._jit = Jit(services)
        self._table: Mapping[str, Callable[[Caller, str, Locale], Awaitable[Outcome]]] = {
            "fim_take": self._take,
            "fim_mine": self._mine,
            "fim_not_mine": self._not_mine,
            "fim_expected": self._expected,
            "fim_resolve": self._resolve,
            "fim_more": self._more,
            "fim_reopen": self._reopen,
            "fim_close": self._close,
            "fim_details": self._details,
            "fim_page": self._page,
            "fim_page_1": self._page,
            "fim_text": self._text,
            "fim_quiet": self._quiet,
        }

    def knows(self, action_id: str) -> bool:
        return action_id in self._table

    async def run(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        """Raises LedgerError."""
        return await self._table[str(action["action_id"])](caller, value_of(action), locale)

    # --- deeds ---

    async def _take(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        return await self._done(caller, value, DeedKind.TAKEN, "taken", locale)

    async def _not_mine(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        return await self._done(caller, value, DeedKind.NOT_ME, "not_me", locale)

    async def _reopen(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        return await self._done(caller, value, DeedKind.REOPENED, "reopened", locale)

    async def _done(
        self, caller: Caller, value: str, kind: DeedKind, said: str, locale: Locale
    ) -> Message:
        done = await self._deeds.act(caller, burst_of(value), kind, locale)
        if not isinstance(done, Done):
            return done
        return done_note(done.view.burst.id, done, said, locale)

    async def _mine(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        return await self._form(caller, value, DeedKind.YES, "yes", locale)

    async def _expected(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        return await self._form(caller, value, DeedKind.EXPECTED, "expected", locale)

    async def _resolve(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        return await self._form(caller, value, DeedKind.RESOLVED, "resolved", locale)

    async def _form(
        self, caller: Caller, value: str, kind: DeedKind, form: str, locale: Locale
    ) -> Outcome:
        """A form that could only be refused is not opened: the click is answered at once."""
        view = await self._show.view(burst_of(value))
        if view is None:
            return _gone(value, locale)
        if kind is DeedKind.EXPECTED and self._deeds.is_asked(view, caller.person):
            kind, form = DeedKind.YES, "yes"
        refused = await self._deeds.refusal(view, kind, caller, locale)
        return refused if refused is not None else reason_form(view, form, locale)

    async def _more(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        act, _, rest = value.partition(":")
        match act:
            case "suspicious":
                return await self._done(caller, rest, DeedKind.SUSPICIOUS, act, locale)
            case "mute":
                view = await self._show.view(burst_of(rest))
                if view is None:
                    return _gone(rest, locale)
                refused = await self._deeds.refusal(view, DeedKind.PATH_MUTED, caller, locale)
                return refused if refused is not None else mute_form(view, locale)
            case _:
                return await self._expected(caller, rest, locale)

    async def _close(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        """Closing for whom the rule lets: an approver revokes, the requester is done."""
        number, _, burst_id = value.partition(":")
        request = await self._s.ledger.read(RequestId(number)) if number.isdecimal() else None
        if request is None:
            return _gone(value, locale)
        channel = self._s.languages.of_channel(request.rule.channel)
        reason = channel.text("fim.close.reason", id=burst_id)
        decide = (
            deciding.done(self._s, caller.person)
            if request.is_same_person(caller.person)
            else deciding.revoke(self._s, caller.person, reason)
        )
        reply: Reply = await self._jit.decide(caller, request.id, decide, Verb.REVOKE, locale)
        assert isinstance(reply, Message)
        return reply

    async def _quiet(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        """Until tomorrow morning, eight o'clock where the person is."""
        del caller
        burst = await self._store.burst(value)
        if burst is None:
            return _gone(value, locale)
        now = self._s.ledger.instant.astimezone(locale.tz)
        morning = datetime.combine(now.date() + timedelta(days=1), time(8), tzinfo=locale.tz)
        for silent in await self._silence.all():
            if silent.id == value:
                await self._silence.quiet(silent.place, morning)
        name = safe.escape_mrkdwn(burst.facts.machine or burst.facts.workspace)
        return note(locale.text("fim.done.quiet", machine=name, until=locale.when(morning)))

    # --- details ---

    async def _details(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        del caller
        view = await self._seen(value, PAGE_SIZE)
        return _gone(value, locale) if view is None else details_form(view, 0, locale)

    async def _page(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        del caller
        place = value.rpartition(".")[2]
        first = int(place) if place.isdecimal() and len(place) < 7 else 0
        view = await self._seen(value, PAGE_SIZE, first=first)
        return _gone(value, locale) if view is None else Turn(details_form(view, first, locale))

    async def _text(self, caller: Caller, value: str, locale: Locale) -> Outcome:
        del caller
        view = await self._seen(value, COPY_ROWS)
        return _gone(value, locale) if view is None else Turn(copy_form(view, locale))

    async def _seen(self, value: str, count: int, *, first: int = 0) -> ChangeView | None:
        """A burst's changes, or those of an alert's story."""
        name = burst_of(value)
        if name.startswith(ALERT):
            return await self._story.view(name, first=first, count=count)
        return await self._show.view(name, first=first, count=count)


def burst_of(value: str) -> str:
    """`F-880` of `F-880.3`; an alert's key may have dots of its own."""
    return value.rpartition(".")[0] if value.startswith(ALERT) else value.partition(".")[0]


def value_of(action: Action) -> str:
    """What the used element carried: a button's value, or that of the chosen option."""
    option = action.get("selected_option")
    found = option.get("value") if isinstance(option, Mapping) else action.get("value")
    return str(found or "")


def done_note(burst_id: str, done: Done, said: str, locale: Locale) -> Message:
    facts = done.view.burst.facts
    args = {"id": burst_id, "machine": safe.escape_mrkdwn(words.machine(done.view, locale))}
    if said == "not_me":
        args["channel"] = f"<#{facts.security_channel or done.view.burst.channel}>"
    return note(locale.text(f"fim.done.{said}", **args))


def _gone(value: str, locale: Locale) -> Message:
    return note(locale.text("fim.gone", id=safe.escape_mrkdwn(_shown(value), 40)))


def _shown(value: str) -> str:
    """What people call it."""
    name = burst_of(value)
    return short_id(name.removeprefix(ALERT)) if name.startswith(ALERT) else name
