"""What a button of an alert does. Each action id is one line of the table; ids may be numbered.

Late and repeated clicks are answered politely, with who was faster and when.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from approvals.events import OpId, RequestId
from feeds.reading import Stored
from handlers import alert_deciding as deciding
from handlers import deciding as request_deciding
from handlers import drafts
from handlers.alert_deciding import Decide, Did, DidNot, Not
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed
from handlers.alert_stories import Stories
from handlers.ask_form import form_view
from handlers.caller import Caller, reference
from handlers.command_line import Verb
from handlers.jit import Jit
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import alert_answers as answers
from handlers.views import alert_forms as forms
from handlers.views import alert_words as say
from handlers.views.alert_story import story
from handlers.views.alert_story_text import copy_form
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Message, View

Action = Mapping[str, Any]
#: A view to open, a reply, or nothing.
Outcome = View | Message | None


class AlertClicks:
    """The table of buttons that are about one alert."""

    def __init__(self, services: Services, feed: AlertFeed, jit: Jit) -> None:
        self._s = services
        self._feed = feed
        self._jit = jit
        self.facts = AlertFacts(services, feed)
        self._stories = Stories(self.facts, feed)
        self._table: Mapping[str, Callable[[Caller, Action, Locale], Awaitable[Outcome]]] = {
            "alert_take": self._take,
            "alert_story": self._story,
            "alert_story_text": self._story_text,
            "alert_resolve": self._form,
            "alert_dismiss": self._form,
            "alert_reopen": self._form,
            "alert_mute": self._form,
            "alert_more": self._more,
            "alert_close_port": self._close_port,
        }

    def find(self, action_id: str) -> Callable[[Caller, Action, Locale], Awaitable[Outcome]] | None:
        """By the whole id, else without its numbered suffix (`alert_take_3`)."""
        if action_id in self._table:
            return self._table[action_id]
        stem, _, suffix = action_id.rpartition("_")
        return self._table.get(stem) if suffix.isdecimal() else None

    # --- deeds ---

    async def decide(
        self, caller: Caller, typed: str, decide: Decide, locale: Locale, *, op: OpId | None = None
    ) -> Message:
        """Record it and say what became of it. Raises LedgerError."""
        result = await deciding.act(
            self._s, self.facts, typed, decide, actor=caller.person, op=op or caller.op
        )
        return await self.answer(result, typed, locale)

    async def answer(self, result: deciding.Result, typed: str, locale: Locale) -> Message:
        case = result.case
        to = (result.deed.to,) if isinstance(result, Did) else ()
        # from memory: the click waits, and cards have made their people known
        names = await self.facts.names((case.owner, case.decided_by, *to), ask=False)
        if isinstance(result, Did):
            return answers.did(result.deed, result.stored.alert, names, locale)
        return self._not_done(result, typed, names, locale)

    def _not_done(
        self, result: DidNot, typed: str, names: dict[str, str], locale: Locale
    ) -> Message:
        stored = result.stored
        if result.why is Not.UNKNOWN or (stored is None and result.why is not Not.GUEST):
            return answers.unknown(typed, locale)
        if stored is None:
            return answers.sentence("guest", locale)
        match result.why:
            case Not.ALREADY_YOURS:
                return answers.already_yours(stored.alert, locale)
            case Not.TAKEN:
                return answers.taken_by(result.case, names, locale)
            case Not.CLOSED | Not.IN_PROGRESS:
                return answers.late(_small_view(stored, result, names), locale)
            case _:
                return answers.sentence(result.why.value, locale)

    async def _take(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        return await self.decide(caller, _value(action), deciding.take, locale)

    async def _more(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        """The menu: `verb:alert`."""
        verb, _, ref = _value(action).partition(":")
        if verb == "release":
            return await self.decide(caller, ref, deciding.release, locale)
        if verb == "progress":
            return await self.decide(caller, ref, deciding.in_progress, locale)
        if verb == "jit":
            return await self._ask_for_jit(caller, ref, locale)
        return await self._open_form(caller, verb, ref, locale)

    async def _form(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        verb = str(action.get("action_id")).split("_")[1]
        return await self._open_form(caller, verb, _value(action), locale)

    async def _open_form(self, caller: Caller, verb: str, ref: str, locale: Locale) -> Outcome:
        """A form that could only be refused is not opened: the click is answered at once."""
        stored = await self.facts.find(ref)
        if stored is None:
            return answers.unknown(ref, locale)
        alert = stored.alert
        if verb == "dismiss" and alert.is_sample:
            return await self.decide(caller, ref, deciding.dismiss("", "test"), locale)
        early = await self._early(caller, verb, stored, locale)
        if early is not None:
            return early
        match verb:
            case "resolve":
                return forms.resolve_form(alert, locale)
            case "dismiss":
                return forms.dismiss_form(alert, locale)
            case "assign":
                return await self._assign_form(stored, locale)
            case "reopen":
                return forms.reopen_form(alert, locale)
            case "mute":
                return forms.mute_form(alert, stored.channel, locale)
            case _:
                return answers.unknown(ref, locale)

    async def _assign_form(self, stored: Stored, locale: Locale) -> View:
        """While nobody has it, it may be marked as in progress instead."""
        _, case = await self.facts.case(stored.alert.key)
        phase = AlertView(alert=stored.alert, case=case).phase
        return forms.assign_form(stored.alert, locale, can_begin=phase in ("new", "reopened"))

    async def _early(
        self, caller: Caller, verb: str, stored: Stored, locale: Locale
    ) -> Message | None:
        _, case = await self.facts.case(stored.alert.key)
        question: dict[str, Decide] = {
            "resolve": deciding.resolve(""),
            "dismiss": deciding.dismiss(""),
            "reopen": deciding.reopen(),
        }
        if caller.person in self._s.membership().guests:
            return answers.sentence("guest", locale)
        decide = question.get(verb)
        found = decide(stored, case, caller.person) if decide is not None else None
        if not isinstance(found, Not):
            return None
        return await self.answer(DidNot(found, stored, case), stored.alert.key, locale)

    # --- looking ---

    async def _story(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        facts = await self._stories.read(_value(action))
        return story(facts, locale) if facts else answers.unknown(_value(action), locale)

    async def _story_text(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        facts = await self._stories.read(_value(action))
        return copy_form(facts, locale) if facts else answers.unknown(_value(action), locale)

    # --- JIT ---

    async def _ask_for_jit(self, caller: Caller, ref: str, locale: Locale) -> Outcome:
        stored = await self.facts.find(ref)
        if stored is None:
            return answers.unknown(ref, locale)
        machine = self._s.estate.index.by_id(stored.alert.resource_id)
        if machine is None:
            return answers.sentence("no_vm", locale)
        draft = drafts.with_machine(
            drafts.empty(caller.channel), str(machine.resource_id), machine.name
        )
        draft = drafts.with_reason(draft, f"{say.short_id(stored.alert.key)}: ")
        await drafts.save(self._s.ledger, caller.person, draft)
        return await form_view(self._s, caller.person, draft, locale)

    async def _close_port(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        """As the requester it is done with; as anybody who may revoke, revoked for this alert."""
        request_ref, _, ref = _value(action).partition(" ")
        found = reference(request_ref)
        request = await self._s.ledger.read(found.request_id) if found else None
        if found is None or request is None:
            return answers.sentence("session_gone", locale)
        stored = await self.facts.find(ref)
        title = say.title(stored.alert) if stored else ref
        if request.is_same_person(caller.person):
            decide, verb = request_deciding.done(self._s, caller.person), Verb.DONE
        else:
            reason = f"{say.short_id(stored.alert.key) if stored else ''} {title}".strip()
            decide = request_deciding.revoke(self._s, caller.person, reason)
            verb = Verb.REVOKE
        request_id = RequestId(found.request_id)
        return await self._jit.decide(caller, request_id, decide, verb, locale)


def _value(action: Action) -> str:
    """What the used element carried: a button's value, or that of the chosen option."""
    option = action.get("selected_option")
    found = option.get("value") if isinstance(option, Mapping) else action.get("value")
    return str(found or "")


def _small_view(stored: Stored, result: DidNot, names: dict[str, str]) -> AlertView:
    return AlertView(alert=stored.alert, case=result.case, names=names)
