"""What a button does. Each action id is one line in the table; ids may carry a suffix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from approvals.events import State
from approvals.policy import rule_of
from approvals.request import Request
from approvals.verdict import Refusal
from handlers import deciding, drafts, listing
from handlers.ask_form import form_view
from handlers.caller import Caller, reference
from handlers.cards import Cards
from handlers.command_line import CommandLine, Verb
from handlers.consequences import left_in_all
from handlers.drafts import Draft
from handlers.jit import Jit, again_draft
from handlers.jit_policy import JitPolicyCommands
from handlers.locale import Locale
from handlers.replies import CheckFirst, OpenForm, Reply
from handlers.services import Services
from handlers.views import answers, decide_forms, words
from handlers.views.blocks import View
from handlers.views.details import details_view

Action = Mapping[str, Any]
#: A view to open, a reply, or nothing (the answer is on its way).
Outcome = View | Reply | None


#: Stands for the reason that the form will ask for.
LATER = "later"


class Clicks:
    """The table of buttons."""

    def __init__(self, services: Services, jit: Jit) -> None:
        self._s = services
        self._jit = jit
        self._table: Mapping[str, Callable[[Caller, Action, Locale], Awaitable[Outcome]]] = {
            "jit_approve": self._approve,
            "jit_approve_less": self._form,
            "jit_deny": self._form,
            "jit_revoke": self._form,
            "jit_extend": self._form,
            "home_extend": self._form,
            "jit_approve_comment": self._form,
            "jit_more": self._details,
            "home_review": self._details,
            "jit_active_pick": self._details,
            "jit_done": self._end,
            "jit_cancel": self._end,
            "jit_retry": self._end,
            "jit_close_retry": self._end,
            "jit_again": self._again,
            "jit_undo": self._undo,
            "jit_send": self._send,
            "jit_form": self._open_form,
            "jit_pick_vm": self._pick_vm,
            "jit_list_page": self._page,
            "home_active": self._page,
        }

    def find(self, action_id: str) -> Callable[[Caller, Action, Locale], Awaitable[Outcome]] | None:
        """By the whole id, else without its numbered suffix (`jit_extend_30`)."""
        if action_id in self._table:
            return self._table[action_id]
        stem, _, suffix = action_id.rpartition("_")
        return self._table.get(stem) if suffix.isdecimal() else None

    async def run(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        handle = self.find(str(action.get("action_id")))
        if handle is None:
            return answers.no_such_request(str(action.get("action_id")), locale)
        return await handle(caller, action, locale)

    # --- decisions ---

    async def _approve(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        ref = reference(action.get("value"))
        if ref is None:
            return answers.no_such_request(str(action.get("value")), locale)
        decide = deciding.approve(self._s, caller.person, terms_version=ref.terms_version)
        return await self._jit.decide(caller, ref.request_id, decide, Verb.APPROVE, locale)

    async def _end(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        ref = reference(action.get("value"))
        if ref is None:
            return answers.no_such_request(str(action.get("value")), locale)
        verb, decide = {
            "jit_done": (Verb.DONE, deciding.done),
            "jit_cancel": (Verb.CANCEL, deciding.cancel),
            "jit_retry": (Verb.RETRY, deciding.retry),
            "jit_close_retry": (Verb.DONE, deciding.close_again),
        }[str(action["action_id"])]
        return await self._jit.decide(
            caller, ref.request_id, decide(self._s, caller.person), verb, locale
        )

    # --- forms before a decision ---

    async def _form(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        request = await self._request(action)
        if request is None:
            return self._unknown(action, locale)
        refusal = self._early(request, caller, str(action["action_id"]))
        if refusal is not None:
            deciding.note_try(self._s, request, refusal, actor=caller.person)
            names = self._s.group_names()
            return answers.not_decided(refusal, request, locale, names)
        return self._decide_form(request, str(action["action_id"]), locale)

    def _early(self, request: Request, caller: Caller, action_id: str) -> Refusal | None:
        """A form that could only be refused is not opened: the click is answered at once."""
        s, now = self._s, self._s.ledger.instant
        match action_id.removeprefix("jit_").removeprefix("home_").split("_")[0]:
            case "approve":
                question = deciding.approve(s, caller.person, terms_version=None)
            case "deny":
                question = deciding.deny(s, caller.person, reason=LATER)
            case "revoke":
                question = deciding.revoke(s, caller.person, reason=LATER)
            case _:
                question = deciding.done(s, caller.person)
        found = question(request, now)
        return found if isinstance(found, Refusal) else None

    def _decide_form(self, request: Request, action_id: str, locale: Locale) -> View:
        match action_id:
            case "jit_approve_comment":
                return decide_forms.approve_form(request, locale)
            case "jit_approve_less":
                return decide_forms.approve_less_form(request, locale, now=self._s.ledger.instant)
            case "jit_deny":
                return decide_forms.deny_form(request, locale)
            case "jit_revoke":
                return decide_forms.revoke_form(request, locale)
            case _:
                return self._extend_form(request, action_id, locale)

    def _extend_form(self, request: Request, action_id: str, locale: Locale) -> View:
        minutes = action_id.rpartition("_")[2]
        return decide_forms.extend_form(
            request,
            locale,
            left_in_all=left_in_all(request) or timedelta(0),
            who=words.deciders(request, self._s.group_names(), locale),
            chosen=timedelta(minutes=int(minutes)) if minutes.isdecimal() else None,
        )

    async def _details(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        request = await self._request(action)
        if request is None:
            return self._unknown(action, locale)
        s = self._s
        rule = rule_of(s.policy(), request)
        approvers = rule.approvers.everybody(s.membership()) if rule else frozenset()
        is_own = request.is_same_person(caller.person)
        return details_view(
            request,
            await Cards(s).facts(request, with_power=False),
            locale,
            approvers=tuple(sorted(approvers - request.same_person)),
            may_cancel=is_own and request.state in (State.PENDING, State.APPROVED, State.FAILED),
        )

    # --- asking ---

    async def _undo(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        """What a change has done is put back by a request of its own."""
        ref = reference(action.get("value"))
        if ref is None:
            return answers.no_such_request(str(action.get("value")), locale)
        line = CommandLine(Verb.UNDO, request_id=ref.request_id)
        return await JitPolicyCommands(self._s).undo(caller, line, locale)

    async def _again(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        request = await self._request(action)
        if request is None:
            return self._unknown(action, locale)
        if request.change is not None:  # a change is asked for by its line
            return answers.late(request, locale)
        draft = again_draft(request, caller, locale)
        await drafts.save(self._s.ledger, caller.person, draft)
        return OpenForm(draft)

    async def _send(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        draft = await self._draft(caller, action)
        return CheckFirst(draft, answers.checking(locale))

    async def _open_form(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        del locale
        return OpenForm(await self._draft(caller, action))

    async def _pick_vm(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        """One of several names: the rest of the line is kept."""
        draft_id, _, key = str(action.get("value")).partition(".")
        draft = await drafts.load(self._s.ledger, caller.person, draft_id)
        machine = self._s.estate.index.by_short(key)
        if draft is None or machine is None:
            return OpenForm(drafts.empty(caller.channel))
        chosen = drafts.with_machine(draft, str(machine.resource_id), machine.name)
        await drafts.save(self._s.ledger, caller.person, chosen)
        if chosen.ports and chosen.window and chosen.reason:
            return CheckFirst(chosen, answers.checking(locale))
        return OpenForm(chosen)

    async def _page(self, caller: Caller, action: Action, locale: Locale) -> Outcome:
        kind, _, rest = str(action.get("value")).partition(".")
        page, _, about = rest.partition(".")
        verb = Verb(kind) if kind in set(Verb) else Verb.ACTIVE
        person = about[2:-1] if about.startswith("<@") else None
        line = CommandLine(
            verb,
            vm=about if about and not person else None,
            person=person,
            page=int(page) if page.isdecimal() and len(page) < 5 else 1,
        )
        return await listing.page(self._s, caller.person, line, locale)

    async def form(self, caller: Caller, draft: Draft, locale: Locale) -> View:
        return await form_view(self._s, caller.person, draft, locale)

    # --- helpers ---

    async def _draft(self, caller: Caller, action: Action) -> Draft:
        """The draft behind the button; a fresh one when it is gone or was another person's."""
        found = await drafts.load(self._s.ledger, caller.person, str(action.get("value")))
        return found or drafts.empty(caller.channel)

    async def _request(self, action: Action) -> Request | None:
        option = action.get("selected_option")
        raw = option.get("value") if isinstance(option, Mapping) else action.get("value")
        ref = reference(raw)
        return await self._s.ledger.read(ref.request_id) if ref else None

    def _unknown(self, action: Action, locale: Locale) -> Reply:
        ref = reference(action.get("value"))
        number = ref.request_id if ref else ""
        return self._jit.foreign(number, locale)
