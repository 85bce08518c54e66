"""Slack's side of alerts' cards: buttons and forms. No rules here, and no Redis.

What opens a form answers at once, from memory and Redis, since a trigger lives three seconds; what
acts on many alerts is acknowledged first.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from approvals.events import PersonId
from approvals.ledger import LedgerError
from delivery.outbox import OUTBOX_ERRORS
from handlers import answering
from handlers.alert_clicks import AlertClicks, Outcome
from handlers.alert_forms import AlertForms
from handlers.alert_health import AlertHealth
from handlers.alert_many import ManyAlerts
from handlers.caller import Caller, of_click, of_view
from handlers.forms import Closed, Errors
from handlers.home import HomeTab
from handlers.jit import Jit
from handlers.locale import Locale
from handlers.services import Services
from handlers.telling import Telling
from handlers.views import alert_answers, answers
from handlers.views.blocks import Message

log = logging.getLogger(__name__)

Body = Mapping[str, Any]

#: Buttons of cards; lists have their own (`alert_commands`).
ACTIONS = re.compile(
    r"^(alert_(take(_\d+)?|story|story_text|resolve|dismiss|reopen|mute|more|close_port)"
    r"|storm_(take|high|more)|digest_(show|dismiss)|feeds_health)$"
)
#: What is answered after the ack: it reads or changes many things.
LATER = frozenset({"storm_take", "digest_show", "storm_high", "feeds_health"})
#: Buttons that Slack itself follows.
LINKS = re.compile(r"^(alert_portal|alert_open|feeds_portal)$")
FORMS = re.compile(r"^(alert|storm|digest)\.[a-z]+$")


@dataclass(frozen=True, slots=True)
class _Tables:
    clicks: AlertClicks
    forms: AlertForms
    many: ManyAlerts
    health: AlertHealth


class AlertEdge:
    """The listeners. Where the feed is off, each says so."""

    def __init__(self, services: Services, home: HomeTab) -> None:
        self._s = services
        self._home = home
        self._telling = Telling(services)
        self._jit = Jit(services)

    def register(self, app: AsyncApp) -> None:
        app.action(ACTIONS)(self.click)
        app.action(LINKS)(self.noted)
        app.view(FORMS)(self.form)

    async def noted(self, ack: AsyncAck) -> None:
        await ack()

    async def click(
        self, ack: AsyncAck, body: Body, action: Mapping[str, Any], respond: AsyncRespond
    ) -> None:
        caller = of_click(body, action)
        locale = self._s.languages.of_person(caller.person)
        action_id, tables = str(action.get("action_id")), self._tables()
        if tables is None:
            outcome: Outcome = alert_answers.sentence("off", locale)
        elif action_id in LATER:
            await ack()
            work = self._later(tables, caller, action_id, _value(action), locale, respond)
            self._s.background.start(work, name="alerts")
            return
        else:
            outcome = await self._answered(self._one(tables, caller, action, locale), locale)
        await self._show(caller, action, outcome, locale, ack=ack, respond=respond, body=body)

    async def _one(
        self, tables: _Tables, caller: Caller, action: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        action_id, value = str(action.get("action_id")), _value(action)
        if action_id == "storm_more":
            verb, _, storm_id = value.partition(":")
            many = tables.many
            make = many.machine_form if verb == "machine" else many.mute_form
            return await make(storm_id, locale)
        if action_id == "digest_dismiss":
            return await tables.many.digest_form(value, locale)
        handle = tables.clicks.find(action_id)
        if handle is None:
            return answers.no_such_request(action_id, locale)
        return await handle(caller, action, locale)

    async def _later(
        self,
        tables: _Tables,
        caller: Caller,
        action_id: str,
        value: str,
        locale: Locale,
        respond: AsyncRespond,
    ) -> None:
        """Told when all of it is done."""
        many = tables.many
        match action_id:
            case "feeds_health":
                work = tables.health.affected(caller, locale)
            case "storm_take":
                work = many.take_all(caller, value, locale)
            case "storm_high":
                work = many.high(value, locale)
            case _:
                work = many.digest_shown(value, locale)
        said = await self._answered(work, locale)
        if isinstance(said, Message):
            await self._telling.tell(caller, said, respond)
        await self._home.refresh(caller.person)

    async def _show(
        self,
        caller: Caller,
        action: Mapping[str, Any],
        outcome: Outcome,
        locale: Locale,
        *,
        ack: AsyncAck,
        respond: AsyncRespond,
        body: Body,
    ) -> None:
        if isinstance(outcome, Message):
            await ack()
            self._s.background.start(self._telling.tell(caller, outcome, respond), name="answer")
            self._redraw(caller.person)  # a deed, mostly
            return
        if outcome is not None:
            if (body.get("view") or {}).get("type") == "modal":
                await self._telling.push(caller, outcome)
            else:
                action_id = str(action.get("action_id"))
                late = answers.trigger_expired_again(action_id, _value(action), locale)
                await self._telling.open(caller, outcome, respond, late=late)
        await ack()

    async def form(self, ack: AsyncAck, body: Body) -> None:
        caller = of_view(body)
        locale = self._s.languages.of_person(caller.person)
        tables = self._tables()
        people = [caller.person]
        try:
            if tables is None:
                outcome: Errors | Closed = Closed(alert_answers.sentence("off", locale))
            else:
                people += await tables.forms.concerned(body)
                outcome = await tables.forms.run(caller, body, locale)
        except (LedgerError, *OUTBOX_ERRORS) as error:
            outcome = Closed(_unreachable(error, locale))
        match outcome:
            case Errors(by_block):
                await ack(response_action="errors", errors=dict(by_block))
            case Closed(answer, channel):
                await ack(response_action="clear")
                if answer is not None:
                    work = self._telling.tell_in(caller.person, channel, answer)
                    self._s.background.start(work, name="answer")
                self._redraw(*people)

    def _redraw(self, *people: PersonId) -> None:
        """Home shows what is theirs, to those who have opened it."""
        self._s.background.start(self._home.refresh_all(people), name="home")

    async def _answered(self, work: Awaitable[Outcome], locale: Locale) -> Outcome:
        """A Redis or ledger that does not answer is an answer, too."""
        try:
            return await work
        except (LedgerError, *OUTBOX_ERRORS) as error:
            return _unreachable(error, locale)

    def _tables(self) -> _Tables | None:
        """Made anew each time: they hold nothing, and the feed is wired after the listeners."""
        feed = self._s.alerts
        if feed is None:
            return None
        clicks = AlertClicks(self._s, feed, self._jit)
        many = ManyAlerts(self._s, feed)
        forms = AlertForms(self._s, clicks, many)
        return _Tables(clicks, forms, many, AlertHealth(self._s, feed))


def _unreachable(error: Exception, locale: Locale) -> Message:
    if isinstance(error, LedgerError):
        return answering.ledger_answer(error, locale)
    log.warning("not recorded: %s: %s", type(error).__name__, error)
    return answers.no_ledger(locale, unknown=False)


def _value(action: Mapping[str, Any]) -> str:
    """What the used element carried: a button's value, or that of the chosen option."""
    option = action.get("selected_option")
    found = option.get("value") if isinstance(option, Mapping) else action.get("value")
    return str(found or "")
