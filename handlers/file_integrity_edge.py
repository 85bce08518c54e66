"""Slack's side of file changes: the listeners of `/fim`, its buttons and its forms.

As `handlers.edge` does it: the ack leaves when a listener returns, so what is slow is started in
the background and answered later.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackApiError

from approvals.ledger import LedgerError
from delivery.network import NETWORK_ERRORS
from delivery.outbox import OUTBOX_ERRORS
from delivery.refusals import error_name
from feeds.file_change_store import FileChangeStore
from feeds.file_changes import FileChangeFeed
from feeds.settings import FileChangeSettings
from handlers import answering, forms
from handlers.caller import Caller, of_click, of_command, of_view
from handlers.change_clicks import ChangeClicks, Turn, value_of
from handlers.change_deeds import ChangeDeeds
from handlers.change_show import ChangeShow
from handlers.change_submits import ChangeSubmits
from handlers.file_integrity import FileIntegrity
from handlers.locale import Locale
from handlers.mentions import unescaped
from handlers.services import Services
from handlers.telling import Telling
from handlers.views import answers
from handlers.views.blocks import Message, View

log = logging.getLogger(__name__)

Body = Mapping[str, Any]


class FileIntegrityEdge:
    """Everything about file changes that Slack can send us."""

    def __init__(
        self,
        services: Services,
        store: FileChangeStore,
        feed: FileChangeFeed,
        settings: Callable[[], FileChangeSettings],
    ) -> None:
        self._s = services
        self.show = ChangeShow(
            services, store, default_channel=lambda: settings().routing.default_channel
        )
        deeds = ChangeDeeds(services, self.show)
        self._clicks = ChangeClicks(services, store, self.show, deeds, feed.silence)
        self._submits = ChangeSubmits(services, store, self.show, deeds)
        self._fim = FileIntegrity(services, store, self.show, settings, feed.states, feed.silence)
        self._telling = Telling(services)

    def register(self, app: AsyncApp) -> None:
        app.command("/fim")(self.command)
        app.action(re.compile(r"^fim_"))(self.click)
        app.view(re.compile(r"^fim_"))(self.form)

    async def command(self, ack: AsyncAck, body: Body, respond: AsyncRespond) -> None:
        """Lists read Redis many times: answered after the ack."""
        caller = of_command(body)
        locale = self._locale(caller)
        await ack()

        async def answer() -> None:
            typed = unescaped(str(body.get("text") or ""))
            said = await self._answered(self._fim.run(caller, typed, locale), locale)
            await self._telling.tell(caller, said, respond)

        self._s.background.start(answer(), name="fim")

    async def click(
        self, ack: AsyncAck, body: Body, action: Mapping[str, Any], respond: AsyncRespond
    ) -> None:
        caller = of_click(body, action)
        locale = self._locale(caller)
        action_id = str(action.get("action_id"))
        if not self._clicks.knows(action_id):
            await ack()
            work = self._listed(caller, action_id, value_of(action), locale, respond)
            self._s.background.start(work, name="fim")
            return
        try:
            outcome = await self._clicks.run(caller, action, locale)
        except LedgerError as error:
            outcome = answering.ledger_answer(error, locale)
        except OUTBOX_ERRORS as error:
            outcome = _unread(error, locale)
        match outcome:
            case Message():
                await ack()
                work = self._telling.tell(caller, outcome, respond)
                self._s.background.start(work, name="answer")
            case Turn(view):
                await ack()
                self._s.background.start(self._turn(body, view), name="form")
            case _ if (body.get("view") or {}).get("type") == "modal":
                await self._telling.push(caller, outcome)
                await ack()
            case _:
                late = answers.trigger_expired_again(action_id, value_of(action), locale)
                await self._telling.open(caller, outcome, respond, late=late)
                await ack()

    async def _listed(
        self, caller: Caller, action_id: str, value: str, locale: Locale, respond: AsyncRespond
    ) -> None:
        async def ask() -> Message:
            said = await self._fim.click(caller, action_id, value, locale)
            return said or answers.no_such_request(action_id, locale)

        await self._telling.tell(caller, await self._answered(ask(), locale), respond)

    async def _turn(self, body: Body, view: View) -> None:
        """The next page in the place of this one."""
        shown = body.get("view") or {}
        try:
            await self._s.client.views_update(
                view_id=shown.get("id"), hash=shown.get("hash"), view=view
            )
        except SlackApiError as error:
            log.info("a page was not turned: %s", error_name(error))
        except NETWORK_ERRORS as error:
            log.warning("a page was not turned: %s", type(error).__name__)

    async def form(self, ack: AsyncAck, body: Body) -> None:
        caller = of_view(body)
        locale = self._locale(caller)
        try:
            outcome = await self._submits.run(caller, body, locale)
        except LedgerError as error:
            outcome = forms.Closed(answering.ledger_answer(error, locale))
        except OUTBOX_ERRORS as error:
            outcome = forms.Closed(_unread(error, locale))
        match outcome:
            case forms.Errors(by_block):
                await ack(response_action="errors", errors=dict(by_block))
            case forms.Closed(answer, channel):
                await ack(response_action="clear")
                if answer is not None:
                    work = self._telling.tell_in(caller.person, channel, answer)
                    self._s.background.start(work, name="answer")
            case forms.Later(view, _):
                await ack(response_action="update", view=view)

    async def _answered(self, work: Awaitable[Message], locale: Locale) -> Message:
        try:
            return await work
        except LedgerError as error:
            return answering.ledger_answer(error, locale)
        except OUTBOX_ERRORS as error:
            return _unread(error, locale)

    def _locale(self, caller: Caller) -> Locale:
        return self._s.languages.of_person(caller.person)


def _unread(error: Exception, locale: Locale) -> Message:
    """Redis can't be read: nothing was done."""
    log.warning("file changes can't be read: %s", type(error).__name__)
    return answering.ledger_answer(LedgerError(str(error)), locale)
