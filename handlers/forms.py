"""What a sent form does: ask, decide with a comment or reason, save settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from approvals.events import Length, RequestId, Terms, Until, Window
from approvals.ledger import LedgerError
from approvals.people import PersonRecord, SavedSource
from approvals.source import NamedNetwork, parse_source
from approvals.verdict import Code, Field, Refusal
from handlers import answering, asking, deciding, drafts
from handlers.ask_form import form_draft
from handlers.asking import Ambiguous, Wrong
from handlers.caller import Caller, Reference, reference
from handlers.command_line import Verb
from handlers.drafts import Draft
from handlers.form_state import chosen, into_draft, text, values_of
from handlers.jit import Jit, extension_draft, narrowed
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import answers
from handlers.views.ask_form import answered_form, ask_form, checking_form, field_errors
from handlers.views.blocks import Message, View
from handlers.views.home import DM_KINDS, FOLLOW_SLACK

log = logging.getLogger(__name__)

#: What is left of Slack's 3 s for reading Azure before the form says "checking".
READ_SECONDS = 1.8
#: Seconds of a length, or an instant of this epoch's first 300 years, have fewer digits.
NUMBER_MAX = 11
#: Saved addresses of one person, as the ledger keeps them.
ADDRESS_MAX = 10


@dataclass(frozen=True, slots=True)
class Errors:
    """The form stays open with these texts at its fields (block id → text)."""

    by_block: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Closed:
    """The form closes; `answer` is then told to the person, in `channel` if that is known."""

    answer: Message | None
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Late:
    """What the form becomes, and the same as an answer for somebody who has closed it."""

    view: View
    answer: Message
    channel: str


@dataclass(frozen=True, slots=True)
class Later:
    """The form shows "checking"; `finish` gives what it becomes."""

    view: View
    finish: Callable[[], Awaitable[Late]]


Outcome = Errors | Closed | Later


class Forms:
    """The table of forms."""

    def __init__(self, services: Services, jit: Jit) -> None:
        self._s = services
        self._jit = jit
        self._table: Mapping[
            str, Callable[[Caller, Mapping[str, Any], Locale], Awaitable[Outcome]]
        ] = {
            "jit_request": self._ask,
            "jit_approve": self._approve,
            "jit_approve_less": self._approve_less,
            "jit_deny": self._deny,
            "jit_revoke": self._revoke,
            "jit_extend": self._extend,
            "home_settings": self._settings,
        }

    async def run(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        handle = self._table.get(str(body["view"].get("callback_id")))
        if handle is None:
            return Closed(None)
        try:
            return await handle(caller, body, locale)
        except LedgerError as error:
            return Closed(answering.ledger_answer(error, locale))

    # --- asking ---

    async def _ask(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        s, values = self._s, values_of(body)
        draft = await self._draft(caller, body)
        machine = s.estate.index.by_short(text(values, "vm"))
        draft = into_draft(draft, values, vm=str(machine.resource_id) if machine else "")
        await drafts.save(s.ledger, caller.person, draft)
        if not draft.vm:
            missing = Refusal(Code.VM_MISSING, Field.VM)
            return Errors(field_errors((missing,), locale))
        fields = _inputs(body)
        work = asyncio.ensure_future(self._sent(caller, draft, locale))
        done, _ = await asyncio.wait({work}, timeout=READ_SECONDS)
        if done:
            return self._outcome(work.result(), draft, fields, locale)
        view = checking_form(draft.id, locale)

        async def finish() -> Late:
            sent = await work
            return Late(await self._late(caller, draft, sent, locale), sent[1], draft.channel)

        return Later(view, finish)

    async def _sent(
        self, caller: Caller, draft: Draft, locale: Locale
    ) -> tuple[asking.Result | None, Message]:
        s = self._s
        try:
            result = await asking.ask(
                s, draft, person=caller.person, op=caller.op, locale=locale, trace=caller.trace
            )
            return result, await self._jit.sent_answer(result, draft, caller.person, locale)
        except LedgerError as error:
            return None, answering.ledger_answer(error, locale)

    def _outcome(
        self,
        sent: tuple[asking.Result | None, Message],
        draft: Draft,
        fields: frozenset[str],
        locale: Locale,
    ) -> Outcome:
        """Errors stand at fields that the form has; others at the VM (C059)."""
        result, answer = sent
        if isinstance(result, Wrong) and result.refusals:
            placed = tuple(
                refusal if refusal.field.value in fields else replace(refusal, field=Field.VM)
                for refusal in result.refusals
            )
            return Errors(field_errors(placed, locale))
        return Closed(answer, draft.channel)

    async def _late(
        self,
        caller: Caller,
        draft: Draft,
        sent: tuple[asking.Result | None, Message],
        locale: Locale,
    ) -> View:
        """After "checking": the form again with its errors, or the answer in its place."""
        result, answer = sent
        refusals = result.refusals if isinstance(result, Wrong) else ()
        if not refusals and not isinstance(result, Ambiguous):
            return answered_form(answer, locale)
        by_field: dict[str, tuple[Refusal, ...]] = {}
        for refusal in refusals:
            found = by_field.get(refusal.field.value, ())
            by_field[refusal.field.value] = (*found, refusal)
        try:
            drawn = await form_draft(
                self._s, caller.person, draft, locale=locale, refusals=by_field
            )
        except LedgerError as error:
            return answered_form(answering.ledger_answer(error, locale), locale)
        return ask_form(drawn, locale)

    async def _draft(self, caller: Caller, body: Mapping[str, Any]) -> Draft:
        draft_id = str(body["view"].get("private_metadata") or "")
        found = await drafts.load(self._s.ledger, caller.person, draft_id)
        return found or drafts.empty("")

    async def chosen_vm(
        self, caller: Caller, body: Mapping[str, Any], key: str, locale: Locale
    ) -> View:
        """The form redrawn for the VM that was just chosen; what was typed stays."""
        s = self._s
        draft = into_draft(await self._draft(caller, body), values_of(body), vm="")
        machine = s.estate.index.by_short(key)
        if machine is not None:
            draft = drafts.with_machine(draft, str(machine.resource_id), machine.name)
        await drafts.save(s.ledger, caller.person, draft)
        return ask_form(await form_draft(s, caller.person, draft, locale=locale), locale)

    # --- deciding ---

    async def _approve(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        comment = text(values_of(body), "comment")

        def make(ref: Reference) -> deciding.Decide:
            return deciding.approve(
                self._s, caller.person, terms_version=ref.terms_version, comment=comment
            )

        return await self._decide(caller, body, make, Verb.APPROVE, locale)

    async def _approve_less(
        self, caller: Caller, body: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        values = values_of(body)
        window = _window(text(values, "window"))
        ports = tuple(int(port) for port in chosen(values, "ports") if port.isdecimal())
        if "ports" in values and not ports:
            missing = Refusal(Code.PORT_MISSING, Field.PORTS, {"allowed": ()})
            return Errors(field_errors((missing,), locale))

        def less(terms: Terms) -> Terms:
            return narrowed(terms, window=window, ports=ports or None)

        def make(ref: Reference) -> deciding.Decide:
            return deciding.approve(
                self._s,
                caller.person,
                terms_version=ref.terms_version,
                comment=text(values, "comment"),
                less=less,
            )

        return await self._decide(caller, body, make, Verb.APPROVE, locale)

    async def _deny(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        reason = text(values_of(body), "reason")
        if not any(sign.isalnum() for sign in reason):
            return Errors({"reason": locale.text("edge.decision_reason")})
        return await self._decide(
            caller, body, lambda _: deciding.deny(self._s, caller.person, reason), Verb.DENY, locale
        )

    async def _revoke(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        reason = text(values_of(body), "reason")
        if not any(sign.isalnum() for sign in reason):
            return Errors({"reason": locale.text("edge.decision_reason")})
        return await self._decide(
            caller,
            body,
            lambda _: deciding.revoke(self._s, caller.person, reason),
            Verb.REVOKE,
            locale,
        )

    async def _decide(
        self,
        caller: Caller,
        body: Mapping[str, Any],
        make: Callable[[Reference], deciding.Decide],
        verb: Verb,
        locale: Locale,
    ) -> Outcome:
        ref = reference(body["view"].get("private_metadata"))
        if ref is None:
            return Closed(answers.no_such_request("", locale))
        answer = await self._jit.decide(caller, ref.request_id, make(ref), verb, locale)
        return Closed(answer, await self._channel(ref.request_id))

    async def _channel(self, request_id: RequestId) -> str:
        """Where the answer is shown. What was decided stands, whether this can be read or not."""
        try:
            request = await self._s.ledger.read(request_id)
        except LedgerError as error:
            log.warning("request %s: its channel can't be read: %s", request_id, error)
            return ""
        return request.rule.channel if request else ""

    async def _extend(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        s, values = self._s, values_of(body)
        ref = reference(body["view"].get("private_metadata"))
        session = await s.ledger.read(ref.request_id) if ref else None
        if session is None:
            return Closed(answers.no_such_request("", locale))
        if not session.is_same_person(caller.person):
            return Closed(answering.not_requester(s, session, locale))
        draft = extension_draft(
            session, text(values, "window") or "1h", text(values, "reason"), caller
        )
        result, answer = await self._sent(caller, draft, locale)
        if isinstance(result, Wrong) and result.refusals:
            fields = field_errors(result.refusals, locale)
            known = {k: v for k, v in fields.items() if k in ("window", "reason")}
            return Errors(known) if known else Closed(answer)
        return Closed(answer)

    # --- settings ---

    async def _settings(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        s, values = self._s, values_of(body)
        zone = text(values, "time_zone").strip()
        if zone and zone not in available_timezones():
            return Errors({"time_zone": locale.text("edge.time_zone_unknown")})
        sources: list[SavedSource] = []
        for row in text(values, "addresses").splitlines()[:ADDRESS_MAX]:
            address, _, label = row.strip().partition(" ")
            if not address:
                continue
            read = parse_source(address, self._all_networks())
            if isinstance(read, Refusal):
                return Errors({"addresses": field_errors((read,), locale)["source"]})
            sources.append(SavedSource(read.prefix, label.strip()[:40]))
        language = text(values, "language")
        record = PersonRecord(
            language="" if language == FOLLOW_SLACK else language,
            time_zone=zone,
            sources=tuple(sources),
            dms_off=frozenset(DM_KINDS) - frozenset(chosen(values, "dms")),
        )
        await s.ledger.save_person(caller.person, record)
        s.languages.chosen[caller.person] = (record.language, record.time_zone)
        return Closed(answers.settings_saved(s.languages.of_person(caller.person)))

    def _all_networks(self) -> tuple[NamedNetwork, ...]:
        return tuple(network for rule in self._s.policy().rules for network in rule.networks)


def _inputs(body: Mapping[str, Any]) -> frozenset[str]:
    """The blocks of the sent form that can show an error."""
    blocks = body["view"].get("blocks") or ()
    return frozenset(str(block.get("block_id")) for block in blocks if block.get("type") == "input")


def _window(value: str) -> Window | None:
    """`PT1800S` a length, an epoch second an instant, `as_asked` what is asked."""
    if value.startswith("PT") and value[2:-1].isdecimal() and len(value) < NUMBER_MAX:
        return Length(int(value[2:-1]))
    if value.isdecimal() and len(value) < NUMBER_MAX:
        return Until(datetime.fromtimestamp(int(value), UTC))
    return None
