"""Slack's side of `/alerts`: the command and the buttons of its lists.

Lists read Redis many times, so the ack comes first and the answer after it, by the response URL.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from approvals.ledger import LedgerError
from delivery.outbox import OUTBOX_ERRORS
from handlers import answering
from handlers.alert_line import parse
from handlers.alert_verbs import AlertVerb
from handlers.alerts import Alerts
from handlers.caller import Caller, of_click, of_command
from handlers.home import HomeTab
from handlers.locale import Locale
from handlers.mentions import unescaped
from handlers.services import Services
from handlers.telling import Telling
from handlers.views import alert_answers, alert_help, answers
from handlers.views.blocks import Message

log = logging.getLogger(__name__)

Body = Mapping[str, Any]

#: Buttons and the menu of lists; `alert_show` opens a card from a list or a private message. The
#: other buttons of one alert are `handlers.alert_edge`'s.
ACTIONS = re.compile(r"^(alerts_\w+|alert_show(_\d+)?)$")

#: What changes whose an alert is, or whether it is open.
DEEDS = frozenset({AlertVerb.TAKE, AlertVerb.RESOLVE, AlertVerb.DISMISS})


class AlertCommands:
    """The listeners. Where the feed is off, each says so."""

    def __init__(self, services: Services, home: HomeTab) -> None:
        self._s = services
        self._home = home
        self._telling = Telling(services)

    def register(self, app: AsyncApp) -> None:
        app.command("/alerts")(self.command)
        app.action(ACTIONS)(self.click)

    async def command(self, ack: AsyncAck, body: Body, respond: AsyncRespond) -> None:
        caller = of_command(body)
        await ack()
        typed = unescaped(str(body.get("text") or ""))
        self._s.background.start(self._run(caller, typed, respond), name="alerts")

    async def click(
        self, ack: AsyncAck, body: Body, action: Mapping[str, Any], respond: AsyncRespond
    ) -> None:
        caller = of_click(body, action)
        await ack()
        work = self._clicked(caller, str(action.get("action_id")), _value(action), respond)
        self._s.background.start(work, name="alerts")

    async def _run(self, caller: Caller, typed: str, respond: AsyncRespond) -> None:
        locale = await self._s.languages.learn(caller.person)
        alerts = self._alerts(caller, locale)
        if not isinstance(alerts, Message):
            alerts = await _answered(alerts.run(caller, typed, locale), locale)
        await self._telling.tell(caller, alerts, respond)
        await self._redraw(caller, typed)

    async def _clicked(
        self, caller: Caller, action_id: str, value: str, respond: AsyncRespond
    ) -> None:
        locale = await self._s.languages.learn(caller.person)
        alerts = self._alerts(caller, locale)
        if not isinstance(alerts, Message):
            asked = _known(alerts.click(caller, action_id, value, locale), action_id, locale)
            alerts = await _answered(asked, locale)
        await self._telling.tell(caller, alerts, respond)
        if action_id.startswith("alerts_run"):
            await self._redraw(caller, value.removeprefix("/alerts "))

    async def _redraw(self, caller: Caller, typed: str) -> None:
        """Home shows what is mine: after a line that may have changed it."""
        if parse(typed).verb in DEEDS:
            await self._home.refresh(caller.person)

    def _alerts(self, caller: Caller, locale: Locale) -> Alerts | Message:
        """Made anew each time: it holds nothing, and the feed is wired after the listeners.

        A guest sees the alerts of the channels that he was let into, and no others by a list.
        """
        feed = self._s.alerts
        if feed is None:
            return alert_answers.sentence("off", locale)
        if caller.person in self._s.membership().guests:
            return alert_help.guest(locale)
        return Alerts(self._s, feed)


async def _known(work: Awaitable[Message | None], action_id: str, locale: Locale) -> Message:
    return await work or answers.no_such_request(action_id, locale)


async def _answered(work: Awaitable[Message], locale: Locale) -> Message:
    """A Redis or ledger that does not answer is an answer, too."""
    try:
        return await work
    except LedgerError as error:
        return answering.ledger_answer(error, locale)
    except OUTBOX_ERRORS as error:
        log.warning("alerts can't be read: %s", type(error).__name__)
        return alert_help.unread(locale)


def _value(action: Mapping[str, Any]) -> str:
    """What the used element carried: a button's value, or that of the chosen option."""
    option = action.get("selected_option")
    found = option.get("value") if isinstance(option, Mapping) else action.get("value")
    return str(found or "")
