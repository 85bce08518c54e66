"""Slack's side: what Bolt calls, how an answer travels back. No rules, no Redis, no Azure.

One listener for each kind of payload with a table behind it: Bolt scans its listeners one by one.
With `process_before_response` the ack leaves when a listener returns, so everything slow is started
in the background and answered later.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackApiError

from approvals.events import PersonId
from approvals.ledger import LedgerError
from defender.records import Machine
from delivery.network import NETWORK_ERRORS
from delivery.refusals import error_name
from handlers import answering, drafts, forms
from handlers.ask_form import as_typed, chosen_machine, suggest_sources, suggest_vms
from handlers.audit import Audit
from handlers.caller import Caller, of_click, of_command, of_event, of_shortcut, of_view
from handlers.clicks import Clicks
from handlers.command_line import CommandLine, parse
from handlers.form_state import text, values_of
from handlers.forms import Forms
from handlers.guard import Guard, Home, Stranger
from handlers.home import HomeTab
from handlers.jit import Jit
from handlers.locale import Locale
from handlers.mentions import line_of, needs_thread, request_of_thread, unescaped
from handlers.replies import CheckFirst, Checking, OpenForm, Reply
from handlers.services import Services
from handlers.telling import Telling, ack_with, by_response_url
from handlers.views import answers, blocks
from handlers.views.blocks import Message, Option, View
from handlers.views.edge import form_needed

log = logging.getLogger(__name__)

Body = Mapping[str, Any]

_CLICKS = re.compile(r"^(jit|home|audit)_")
_NOTED = re.compile(r"^(source|ports|open_portal)$")
_FORMS = re.compile(r"^(jit|home)_")


def register(
    app: AsyncApp,
    services: Services,
    *,
    teams: frozenset[str],
    app_id: str | None,
    enterprise: str | None,
) -> HomeTab:
    """Hang everything but the feeds on the Bolt app; the Home tab is theirs, too."""
    home = HomeTab(services)
    edge = Edge(services, home)
    guard = Guard(services, Home(teams, app_id, enterprise), edge.turn_away)
    app.use(guard)
    app.action(_CLICKS)(edge.click)
    app.command("/jit")(edge.jit_command)
    app.view(_FORMS)(edge.form)
    app.options(re.compile(r"^(vm|source)$"))(edge.suggest)
    app.action("vm")(edge.vm_chosen)
    app.action(_NOTED)(edge.noted)
    app.command("/audit")(edge.audit_command)
    app.event("app_mention")(edge.mention)
    app.event("message")(edge.direct_message)
    app.event("app_home_opened")(edge.home_opened)
    app.event(re.compile(r"^(user_change|subteam_.*)$"))(edge.people_changed)
    app.shortcut("jit_from_message")(edge.shortcut)
    return home


def is_known(body: Body) -> bool:
    """Whether a payload is for what is registered here; anything else is about the feeds."""
    if "command" in body:
        return body["command"] in ("/jit", "/audit")
    if body.get("type") == "view_submission":
        return _FORMS.match(_callback(body)) is not None
    if body.get("type") == "block_actions":
        ids = [str(action.get("action_id")) for action in body.get("actions") or ()]
        return all(each == "vm" or _CLICKS.match(each) or _NOTED.match(each) for each in ids)
    return True


def _callback(body: Body) -> str:
    return str((body.get("view") or {}).get("callback_id") or "")


class Edge:
    """The listeners. Each reads the caller, asks the table, sends the answer."""

    def __init__(self, services: Services, home: HomeTab) -> None:
        self._s = services
        self._jit = Jit(services)
        self._clicks = Clicks(services, self._jit)
        self._forms = Forms(services, self._jit)
        self._home = home
        self._audit = Audit(services)
        self._telling = Telling(services)

    # --- commands ---

    async def jit_command(self, ack: AsyncAck, body: Body, respond: AsyncRespond) -> None:
        caller = of_command(body)
        locale = self._locale(caller.person)
        reply = await self._jit.run(caller, parse(unescaped(str(body.get("text") or ""))), locale)
        await self._reply(caller, reply, locale, ack=ack, respond=respond)

    async def audit_command(self, ack: AsyncAck, body: Body, respond: AsyncRespond) -> None:
        caller = of_command(body)
        locale = self._locale(caller.person)
        await ack()

        async def answer() -> None:
            typed = unescaped(str(body.get("text") or ""))
            said = await self._audit.command(caller.person, typed, locale)
            await by_response_url(respond, said)

        self._s.background.start(answer(), name="audit")

    # --- buttons ---

    async def click(
        self, ack: AsyncAck, body: Body, action: Mapping[str, Any], respond: AsyncRespond
    ) -> None:
        caller = of_click(body, action)
        locale = self._locale(caller.person)
        action_id = str(action.get("action_id"))
        try:
            if action_id.startswith("audit_"):
                await ack()
                self._s.background.start(
                    self._next_audit_page(caller, action, locale, respond), name="audit"
                )
                return
            if action_id == "home_settings":
                view = await self._home.settings(caller.person, locale)
                late = answers.trigger_expired_again(action_id, _value(action), locale)
                await self._telling.open(caller, view, respond, late=late)
                await ack()
                return
            outcome = await self._clicks.run(caller, action, locale)
        except LedgerError as error:
            outcome = answering.ledger_answer(error, locale)
        if isinstance(outcome, dict):
            late = answers.trigger_expired_again(action_id, _value(action), locale)
            await self._telling.open(caller, outcome, respond, late=late)
            await ack()
        elif outcome is None:
            await ack()
        else:
            await self._reply(caller, outcome, locale, ack=ack, respond=respond, is_click=True)
        if _is_home(body):
            self._s.background.start(self._home.publish(caller.person), name="home")

    async def _next_audit_page(
        self, caller: Caller, action: Mapping[str, Any], locale: Locale, respond: AsyncRespond
    ) -> None:
        said = await self._audit.page(caller.person, str(action.get("value") or ""), locale)
        await by_response_url(respond, said)

    async def noted(self, ack: AsyncAck) -> None:
        """A field that changes nothing else."""
        await ack()

    async def vm_chosen(self, ack: AsyncAck, body: Body, action: Mapping[str, Any]) -> None:
        """The form is redrawn with the VM's ports, caps and rule."""
        caller = of_click(body, action)
        locale = self._locale(caller.person)
        key = str((action.get("selected_option") or {}).get("value") or "")
        try:
            view = await self._forms.chosen_vm(caller, body, key, locale)
        except LedgerError as error:
            said = answering.ledger_answer(error, locale)
            work = self._telling.tell_in(caller.person, caller.channel, said)
        else:
            work = self._redraw(body, view)
        await ack()
        self._s.background.start(work, name="form")

    async def _redraw(self, body: Body, view: View) -> None:
        shown = body["view"]
        try:
            await self._s.client.views_update(view_id=shown["id"], hash=shown["hash"], view=view)
        except SlackApiError as error:
            if error_name(error) not in ("hash_conflict", "not_found"):
                raise
            log.info("the form has moved on: %s", error_name(error))

    # --- forms ---

    async def suggest(self, ack: AsyncAck, body: Body) -> None:
        person = PersonId(str(body["user"]["id"]))
        query = str(body.get("value") or "")
        if body.get("action_id") == "vm":
            found = suggest_vms(self._s, person, query)
        else:
            found = await self._sources(body, person, query)
        await ack(options=blocks.options(found))

    async def _sources(self, body: Body, person: PersonId, query: str) -> list[Option]:
        """Without the ledger there are no saved addresses, but what is typed can be chosen."""
        key = text(values_of(body), "vm")
        try:
            machine = self._s.estate.index.by_short(key) or await self._draft_machine(body)
            return await suggest_sources(self._s, person, query, machine)
        except LedgerError as error:
            log.warning("saved addresses can't be read: %s", error)
            return as_typed(query)

    async def _draft_machine(self, body: Body) -> Machine | None:
        person = PersonId(str(body["user"]["id"]))
        draft_id = str((body.get("view") or {}).get("private_metadata") or "")
        draft = await drafts.load(self._s.ledger, person, draft_id)
        return chosen_machine(self._s, person, draft) if draft else None

    async def form(self, ack: AsyncAck, body: Body) -> None:
        caller = of_view(body)
        locale = self._locale(caller.person)
        outcome = await self._forms.run(caller, body, locale)
        match outcome:
            case forms.Errors(by_block):
                await ack(response_action="errors", errors=dict(by_block))
            case forms.Later(view, finish):
                await ack(response_action="update", view=view)
                self._s.background.start(self._finish(caller, body, finish), name="form")
            case forms.Closed(answer, channel):
                await ack(response_action="clear")
                if answer is not None:
                    self._s.background.start(
                        self._telling.tell_in(caller.person, channel, answer), name="answer"
                    )
                self._s.background.start(self._home.refresh(caller.person), name="home")

    async def _finish(
        self, caller: Caller, body: Body, finish: Callable[[], Awaitable[forms.Late]]
    ) -> None:
        """Azure has answered: the form again with its errors, or the answer in its place."""
        late = await finish()
        try:
            await self._s.client.views_update(view_id=body["view"]["id"], view=late.view)
        except SlackApiError as error:
            log.info("the form is not there any more: %s", error_name(error))
        except NETWORK_ERRORS as error:
            log.warning("the form could not be updated: %s", type(error).__name__)
        else:
            return
        await self._telling.tell_in(caller.person, late.channel, late.answer)

    # --- mentions, messages, shortcuts, home ---

    async def mention(self, ack: AsyncAck, body: Body) -> None:
        """Acknowledged at once: an event is retried until it is."""
        await ack()
        self._s.background.start(self._mentioned(body), name="mention")

    async def direct_message(self, ack: AsyncAck, body: Body) -> None:
        """What is typed to the bot in a DM is a line like any other."""
        await ack()
        event = body["event"]
        if event.get("channel_type") == "im" and not event.get("subtype") and event.get("user"):
            self._s.background.start(self._mentioned(body), name="message")

    async def _mentioned(self, body: Body) -> None:
        event = body["event"]
        caller = of_event(body)
        locale = await self._s.languages.learn(caller.person)
        try:
            line = await self._line(event, caller)
        except LedgerError as error:
            reply: Reply = answering.ledger_answer(error, locale)
        else:
            reply = await self._jit.run(caller, line, locale)
        if isinstance(reply, CheckFirst):
            reply = await self._jit.send(caller, reply.draft, locale)
        if isinstance(reply, Checking):
            reply = await reply.finish()
        if isinstance(reply, OpenForm):
            reply = form_needed(reply.draft.id, locale)
        await self._telling.tell_in(caller.person, caller.channel, reply, thread=caller.thread)

    async def _line(self, event: Body, caller: Caller) -> CommandLine:
        """What was said, about the request whose thread it was said in."""
        in_thread = str(event.get("thread_ts") or "")
        said, me = str(event.get("text") or ""), self._s.bot_user_id()
        request = None
        if in_thread and needs_thread(said, me):
            request = await request_of_thread(self._s, caller.channel, in_thread)
        return line_of(said, me, request)

    async def shortcut(self, ack: AsyncAck, body: Body, respond: AsyncRespond) -> None:
        """That message becomes the reason."""
        caller = of_shortcut(body)
        locale = self._locale(caller.person)
        said = unescaped(str((body.get("message") or {}).get("text") or ""))
        draft = drafts.with_reason(drafts.empty(caller.channel), said)
        reply: Reply = OpenForm(draft)
        try:
            await drafts.save(self._s.ledger, caller.person, draft)
        except LedgerError as error:
            reply = answering.ledger_answer(error, locale)
        await self._reply(caller, reply, locale, ack=ack, respond=respond, is_click=True)

    async def home_opened(self, ack: AsyncAck, body: Body) -> None:
        await ack()
        event = body["event"]
        if event.get("tab", "home") == "home":
            person = PersonId(str(event["user"]))
            self._s.background.start(self._home.publish(person), name="home")

    async def people_changed(self, ack: AsyncAck, body: Body) -> None:
        """Rights may have changed: the next reading is due now, not in half a minute."""
        await ack()
        user = body["event"].get("user")
        person = user.get("id") if isinstance(user, Mapping) else user
        if person and self._s.directory.known(str(person)) is not None:
            self._s.directory.forget(str(person))
            self._s.background.start(self._learn(PersonId(str(person))), name="profile")
        self._s.directory.ask_again()

    async def turn_away(self, body: Body, person: PersonId, why: Stranger) -> BoltResponse:
        """A stranger reads one sentence, by the only way that needs no right of ours."""
        if why is Stranger.UNSEEN and "event" in body:
            return BoltResponse(status=503, body="")  # Slack sends an event again
        locale = self._locale(person)
        said = answers.unseen(locale) if why is Stranger.UNSEEN else answers.stranger(locale)
        if "command" in body:
            return BoltResponse(
                status=200,
                body={"response_type": "ephemeral", "text": said.text, "blocks": said.blocks},
            )
        url = str(body.get("response_url") or "")
        if url:
            client = self._s.client
            respond = AsyncRespond(response_url=url, proxy=client.proxy, ssl=client.ssl)
            self._s.background.start(_only_there(respond, said), name="answer")
        return BoltResponse(status=200, body="")

    # --- how answers travel ---

    async def _reply(
        self,
        caller: Caller,
        reply: Reply,
        locale: Locale,
        *,
        ack: AsyncAck,
        respond: AsyncRespond,
        is_click: bool = False,
    ) -> None:
        match reply:
            case Message() if is_click:
                await ack()
                self._s.background.start(self._telling.tell(caller, reply, respond), name="answer")
            case Message():
                await ack_with(ack, reply)
            case OpenForm(draft):
                try:
                    view = await self._clicks.form(caller, draft, locale)
                except LedgerError as error:
                    said = answering.ledger_answer(error, locale)
                    await self._reply(
                        caller, said, locale, ack=ack, respond=respond, is_click=is_click
                    )
                    return
                late = answers.trigger_expired(draft.id, locale)
                await self._telling.open(caller, view, respond, late=late)
                await ack()
            case CheckFirst(draft, first):
                if is_click:
                    await ack()
                else:
                    await ack_with(ack, first)
                self._s.background.start(
                    self._send_later(caller, draft, locale, respond), name="ask"
                )

            case Checking(first, finish):
                if is_click:
                    await ack()
                else:
                    await ack_with(ack, first)
                self._s.background.start(self._finish_later(caller, finish, respond), name="ask")

    async def _finish_later(
        self, caller: Caller, finish: Callable[[], Awaitable[Message]], respond: AsyncRespond
    ) -> None:
        await self._telling.tell(caller, await finish(), respond)

    async def _send_later(
        self, caller: Caller, draft: drafts.Draft, locale: Locale, respond: AsyncRespond
    ) -> None:
        await self._telling.tell(caller, await self._jit.send(caller, draft, locale), respond)

    def _locale(self, person: PersonId) -> Locale:
        """From memory; somebody new is read in the background for the next time."""
        if self._s.directory.known(person) is None:
            self._s.background.start(self._learn(person), name="profile")
        return self._s.languages.of_person(person)

    async def _learn(self, person: PersonId) -> None:
        record = await self._s.ledger.person(person)
        self._s.languages.chosen[person] = (record.language, record.time_zone)
        await self._s.languages.learn(person)


async def _only_there(respond: AsyncRespond, message: Message) -> None:
    """By this response URL or not at all."""
    await by_response_url(respond, message)


def _value(action: Mapping[str, Any]) -> str:
    """What the used element carried: a button's value, or that of the chosen option."""
    option = action.get("selected_option")
    found = option.get("value") if isinstance(option, Mapping) else action.get("value")
    return str(found or "")


def _is_home(body: Body) -> bool:
    return bool((body.get("view") or {}).get("type") == "home")
