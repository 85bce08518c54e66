"""`/jit` and what stands behind its buttons: one table of verbs, one way to answer each.

The same functions serve a slash command, a button and a word in a thread; what differs is only how
the answer travels (`handlers.telling`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from msgspec import structs

from approvals.events import Length, PersonId, RequestId, State, Terms, Window
from approvals.ledger import LedgerError, LedgerFrozen
from approvals.ports import parse_ports
from approvals.request import Request
from approvals.verdict import Code, Refusal
from approvals.window import parse_window
from defender.records import Machine
from defender.search import short_key
from handlers import answering, asking, command_line, deciding, listing
from handlers.alarms import alarm_foreign
from handlers.ask_form import vm_option, vm_options
from handlers.asking import (
    AlreadyAsked,
    AlreadyOpen,
    Ambiguous,
    Sent,
    Unreadable,
    Wrong,
)
from handlers.caller import Caller
from handlers.command_line import CommandLine, Verb, format_like
from handlers.drafts import Draft, draft_of, new_draft_id, save
from handlers.jit_policy import JitPolicyCommands
from handlers.locale import Locale
from handlers.replies import CheckFirst, OpenForm, Reply
from handlers.services import Services
from handlers.views import answers, safe
from handlers.views.blocks import Message, Option
from handlers.views.edge import estate_unread
from handlers.views.end_card import ended_card
from handlers.views.failures import still_open_card
from handlers.views.help import help_message, unknown_command


class Jit:
    """What a typed line does. `thread_request` is the request whose thread it was typed in."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._policies = JitPolicyCommands(services)
        decide = self._decide
        self._verbs: Mapping[Verb, Callable[[Caller, CommandLine, Locale], Awaitable[Reply]]] = {
            Verb.ASK: self._ask,
            Verb.FORM: self._ask,
            Verb.HELP: self._help,
            Verb.STATUS: self._show,
            Verb.SHOW: self._show,
            Verb.LIST: self._list,
            Verb.MINE: self._list,
            Verb.PENDING: self._list,
            Verb.ACTIVE: self._list,
            Verb.HISTORY: self._list,
            Verb.APPROVE: decide,
            Verb.DENY: decide,
            Verb.CANCEL: decide,
            Verb.DONE: decide,
            Verb.REVOKE: decide,
            Verb.RETRY: decide,
            Verb.EXTEND: self._extend,
            Verb.ENABLE: self._policies.ask,
            Verb.EDIT: self._policies.ask,
            Verb.DISABLE: self._policies.ask,
            Verb.CLEAN: self._policies.ask,
            Verb.UNDO: self._policies.undo,
        }

    async def run(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        """The reply to a typed line; an unreachable ledger is an answer, too."""
        try:
            if line.verb is Verb.ASK and line.unknown:
                return await self._mend(caller, line, locale)
            if line.unknown or (line.hidden and line.verb is not Verb.ASK):
                return answering.not_understood(line, locale)
            return await self._verbs[line.verb](caller, line, locale)
        except LedgerError as error:
            return answering.ledger_answer(error, locale)

    # --- asking ---

    async def _ask(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        draft = draft_of(line, channel=caller.channel, thread=caller.thread)
        await save(self._s.ledger, caller.person, draft)
        if not line.vm:
            return OpenForm(draft)
        if self._s.estate.oldest() is None:
            return estate_unread(locale)
        found = asking.find_machine(self._s, caller.person, line.vm)
        match found:
            case Ambiguous(machines):
                return answers.ambiguous_vm(line.vm, vm_options(machines), draft.id, locale)
            case Refusal():
                return self._no_vm(found, line, draft, locale)
            case _:
                pass
        if not _is_complete(line):
            return OpenForm(draft)
        return CheckFirst(draft, answers.checking(locale))

    async def _mend(self, caller: Caller, line: CommandLine, locale: Locale) -> Message:
        """Words that can't be read: the line as it was probably meant, to be sent with a click."""
        mended, words = command_line.mended(line)
        draft = draft_of(mended, channel=caller.channel, thread=caller.thread)
        await save(self._s.ledger, caller.person, draft)
        wrong = answering.unreadable(replace(line, unknown=words))
        if mended.unknown or not _is_complete(mended):
            return answers.refused(wrong, locale, draft_id=draft.id)
        return answers.corrected(wrong, format_like(draft.line(), line.typed), draft.id, locale)

    def _no_vm(self, refusal: Refusal, line: CommandLine, draft: Draft, locale: Locale) -> Message:
        names = self._s.group_names()
        verb = command_line.near_verb(line.vm or "") if refusal.code is Code.VM_UNKNOWN else None
        if verb is not None:
            rest = line.typed.split(maxsplit=1)[1:]
            return unknown_command(line.vm or "", " ".join([verb, *rest]), locale)
        if refusal.code is not Code.VM_UNKNOWN or line.hidden:
            hidden = answering.hidden_characters(line)
            return answers.refused((refusal, *hidden), locale, draft_id=draft.id, group_names=names)
        near = asking.near_machines(self._s, draft.vm_typed, refusal)
        return answers.unknown_vm(line.vm or "", self._near_options(near), draft.id, locale)

    def _near_options(self, near: Sequence[Machine]) -> list[Option]:
        """Buttons of a phone are short: a name that one VM alone has needs no group."""
        index = self._s.estate.index
        return [
            Option(short_key(machine), safe.one_line(machine.name))
            if len(index.by_name(machine.name)) == 1
            else vm_option(machine)
            for machine in near
        ]

    async def send(self, caller: Caller, draft: Draft, locale: Locale) -> Message:
        """Read Azure, decide, file; the answer to the asker."""
        try:
            result = await asking.ask(
                self._s,
                draft,
                person=caller.person,
                op=caller.op,
                locale=locale,
                trace=caller.trace,
            )
            return await self.sent_answer(result, draft, caller.person, locale)
        except LedgerError as error:
            return answering.ledger_answer(error, locale)

    async def sent_answer(
        self, result: asking.Result, draft: Draft, person: PersonId, locale: Locale
    ) -> Message:
        s = self._s
        match result:
            case Sent(request, approvers):
                return answers.sent(request, approvers, s.group_names(), locale)
            case AlreadyAsked(request):
                return answers.same_already(request, locale)
            case AlreadyOpen(request):
                return answers.already_open_for_you(request, locale)
            case Ambiguous(machines):
                return answers.ambiguous_vm(draft.vm_typed, vm_options(machines), draft.id, locale)
            case Unreadable(error):
                return answers.azure_unreachable(error.code, locale, draft_id=draft.id)
            case Wrong(refusals, None, _):
                return answers.refused(
                    refusals, locale, draft_id=draft.id, group_names=s.group_names()
                )
            case Wrong(refusals, corrected, machine) if corrected is not None:
                await save(s.ledger, person, corrected)
                name = machine.name if machine else draft.vm_typed
                line = format_like(corrected.line(name), draft.window)
                return answers.corrected(refusals, line, corrected.id, locale, s.group_names())
            case Wrong():
                raise AssertionError("both shapes of Wrong are above")
            case _:
                assert_never(result)

    # --- deciding ---

    async def _decide(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        request_id = line.request_id
        if request_id is None:
            return answering.number_missing(line.verb, locale)
        says_why = any(sign.isalnum() for sign in line.reason or "")
        if line.verb in (Verb.DENY, Verb.REVOKE) and not says_why:
            return answering.reason_missing(line, locale)
        decide = self._decision(caller.person, line, locale)
        if isinstance(decide, Refusal):
            said = answers.refusal_text(decide, locale)
            return answers.note(locale, locale.text("answer.not_done"), said)
        return await self.decide(
            caller, RequestId(request_id), decide, line.verb, locale, is_typed=True
        )

    async def decide(
        self,
        caller: Caller,
        request_id: RequestId,
        decide: deciding.Decide,
        verb: Verb,
        locale: Locale,
        *,
        is_typed: bool = False,
    ) -> Message:
        """Record the decision and say what became of it."""
        s = self._s
        try:
            result = await deciding.act(
                s, request_id, decide, actor=caller.person, op=caller.op, trace=caller.trace
            )
        except LedgerFrozen as frozen:
            if frozen.deferred is None:
                return answering.ledger_answer(frozen, locale)
            close = self._close_frozen(frozen.deferred, caller.person)
            s.background.start(close, name="close frozen")
            return answers.closing_frozen(frozen.deferred, locale)
        except LedgerError as error:
            return answering.ledger_answer(error, locale)
        if isinstance(result, deciding.NotDone) and result.request is None and not is_typed:
            return self.foreign(request_id, locale)
        return answering.decision_answer(s, result, request_id, verb, locale)

    def foreign(self, request_id: str, locale: Locale) -> Message:
        """A card that this ledger does not know: another installation shares our app (C013)."""
        s = self._s
        s.foreign.saw(s.ledger.instant)
        s.background.start(alarm_foreign(s, s.instance), name="alarm")
        return answers.foreign_instance(request_id, s.instance, locale)

    async def _close_frozen(self, closing: Request, actor: PersonId) -> None:
        """Told straight by Slack: cards and outboxes are in the Redis that can't be trusted."""
        s = self._s
        after = await s.close_frozen(closing)
        for person in dict.fromkeys((actor, closing.requester)):
            locale = await s.languages.learn(person)
            still = after.still_open is not None
            said = still_open_card(after, None, locale) if still else ended_card(after, locale)
            await s.client.chat_postMessage(channel=person, text=said.text, blocks=said.blocks)

    def _decision(
        self, person: PersonId, line: CommandLine, locale: Locale
    ) -> deciding.Decide | Refusal:
        s, reason = self._s, line.reason or ""
        match line.verb:
            case Verb.APPROVE:
                return self._approval(person, line, locale)
            case Verb.DENY:
                return deciding.deny(s, person, reason)
            case Verb.CANCEL:
                return deciding.cancel(s, person)
            case Verb.DONE:
                return deciding.done(s, person)
            case Verb.REVOKE:
                return deciding.revoke(s, person, reason)
            case _:
                return deciding.retry(s, person)

    def _approval(
        self, person: PersonId, line: CommandLine, locale: Locale
    ) -> deciding.Decide | Refusal:
        """`approve 1042 for 1h 22 because ok`: for less when time or ports are named."""
        window: Window | None = None
        if line.window:
            parsed = parse_window(line.window, now=self._s.ledger.instant, tz=locale.tz)
            if isinstance(parsed, Refusal):
                return parsed
            window = parsed
        ports: tuple[int, ...] | None = None
        if line.ports:
            read = parse_ports(",".join(line.ports))
            if isinstance(read, Refusal):
                return read
            ports = read
        return deciding.approve(
            self._s,
            person,
            terms_version=None,
            comment=line.reason or "",
            less=lambda terms: narrowed(terms, window=window, ports=ports),
        )

    # --- extending ---

    async def _extend(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        if line.request_id is None:
            return answering.number_missing(line.verb, locale)
        return await self.extend(
            caller, RequestId(line.request_id), line.window or "", line.reason or "", locale
        )

    async def extend(
        self, caller: Caller, request_id: RequestId, window: str, reason: str, locale: Locale
    ) -> Reply:
        """A request of its own, for the same VM, ports and source, added to the old end."""
        session = await self._s.ledger.read(request_id)
        if session is None:
            return answers.no_such_request(request_id, locale)
        if not session.is_same_person(caller.person):
            return answering.not_requester(self._s, session, locale)
        if session.state is not State.ACTIVE:
            return answers.late(session, locale)
        draft = extension_draft(session, window or "1h", reason, caller)
        await save(self._s.ledger, caller.person, draft)
        return CheckFirst(draft, answers.checking(locale))

    # --- reading ---

    async def _show(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        if line.request_id is None:
            return answering.number_missing(line.verb, locale)
        return await listing.show(self._s, RequestId(line.request_id), locale)

    async def _list(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        return await listing.page(self._s, caller.person, line, locale)

    async def _help(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        del caller
        return help_message(locale, line.vm or "")


def _is_complete(line: CommandLine) -> bool:
    """Whether it can be sent as it is; the source may be the one used last."""
    return bool(line.vm and line.window and line.reason and line.ports)


def narrowed(terms: Terms, *, window: Window | None, ports: tuple[int, ...] | None) -> Terms:
    """The terms with what is named put in; whether that is narrower is judged elsewhere."""
    return structs.replace(terms, ports=ports or terms.ports, window=window or terms.window)


def extension_draft(session: Request, window: str, reason: str, caller: Caller) -> Draft:
    """The draft of an extension of this session."""
    draft = _like(session, session.terms, window, caller)
    return structs.replace(draft, reason=reason or draft.reason, extends=session.id)


def again_draft(request: Request, caller: Caller, locale: Locale) -> Draft:
    """`Ask again`: the same words, in a fresh form."""
    window = request.asked.window
    typed = locale.duration(window.duration) if isinstance(window, Length) else ""
    return _like(request, request.asked, typed, caller)


def _like(request: Request, terms: Terms, window: str, caller: Caller) -> Draft:
    return Draft(
        id=new_draft_id(),
        channel=caller.channel,
        vm=request.target.resource_id,
        vm_typed=request.target.name,
        ports=tuple(str(port) for port in terms.ports),
        source=terms.source,
        window=window,
        reason=request.justification,
        ticket=request.ticket,
    )
