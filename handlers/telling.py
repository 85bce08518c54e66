"""How an answer travels back to a person: as a form, by response URL, ephemeral, or in the DM.

An answer is never lost for want of a way: whatever fails is followed by the next that is left.
"""

from __future__ import annotations

import logging

from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.errors import SlackApiError

from approvals.events import PersonId
from delivery.network import NETWORK_ERRORS
from delivery.outbox import OUTBOX_ERRORS, ChannelId, Line
from delivery.refusals import error_name
from handlers import drafts
from handlers.caller import Caller
from handlers.services import Services
from handlers.views.blocks import Message, View

log = logging.getLogger(__name__)


class Telling:
    """The ways that need the bot's token or its outbox."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def open(
        self, caller: Caller, view: View, respond: AsyncRespond, *, late: Message
    ) -> None:
        """A trigger lives 3 s: what Slack does not take is answered with `late`, whose button
        opens the form afresh (C119)."""
        try:
            await self._s.client.views_open(trigger_id=caller.trigger_id, view=view)
            return
        except SlackApiError as error:
            log.warning("a form was not opened: %s", error_name(error))
        except NETWORK_ERRORS as error:
            log.warning("a form was not opened: %s", type(error).__name__)
        self._s.background.start(self.tell(caller, late, respond), name="answer")

    async def push(self, caller: Caller, view: View) -> None:
        """Over the form that is open; whoever was too slow presses once more."""
        try:
            await self._s.client.views_push(trigger_id=caller.trigger_id, view=view)
        except SlackApiError as error:
            log.warning("a form was not pushed: %s", error_name(error))
        except NETWORK_ERRORS as error:
            log.warning("a form was not pushed: %s", type(error).__name__)

    async def tell(self, caller: Caller, message: Message, respond: AsyncRespond) -> None:
        """By the response URL; where there is none (Home, a form), in the DM."""
        if not (caller.response_url and await by_response_url(respond, message)):
            await self.tell_in(caller.person, caller.channel, message)

    async def tell_in(
        self, person: PersonId, channel: str, message: Message, *, thread: str = ""
    ) -> None:
        """Only for this person: in the channel where the bot may, else by DM."""
        if channel and not channel.startswith("D"):
            try:
                await self._s.client.chat_postEphemeral(
                    channel=channel,
                    user=person,
                    text=message.text,
                    blocks=message.blocks,
                    thread_ts=thread or None,
                )
                return
            except SlackApiError as error:
                log.info("no ephemeral in %s: %s", channel, error_name(error))
            except NETWORK_ERRORS as error:
                log.warning("no ephemeral in %s: %s", channel, type(error).__name__)
        is_dm = channel.startswith("D")
        await self._by_dm(channel if is_dm else person, message, thread if is_dm else "")

    async def _by_dm(self, target: str, message: Message, thread: str) -> None:
        """Through the outbox, which loses nothing; straight to Slack while Redis is away."""
        key = f"answer:{drafts.new_draft_id()}"
        line = Line(key=key, text=message.text, blocks=message.blocks, thread_ts=thread or None)
        try:
            await self._s.outbox.put(ChannelId(target), line)
        except OUTBOX_ERRORS as error:
            log.warning("an answer goes round the outbox: %s", type(error).__name__)
            await self._s.client.chat_postMessage(
                channel=target, text=message.text, blocks=message.blocks, thread_ts=thread or None
            )


async def ack_with(ack: AsyncAck, message: Message) -> None:
    await ack(text=message.text, blocks=message.blocks, response_type="ephemeral")


async def by_response_url(respond: AsyncRespond, message: Message) -> bool:
    """Whether it arrived: a response URL takes five answers, in half an hour."""
    try:
        answer = await respond(
            text=message.text,
            blocks=message.blocks,
            response_type="ephemeral",
            replace_original=False,
        )
    except NETWORK_ERRORS as error:
        log.warning("an answer did not arrive: %s", type(error).__name__)
        return False
    if answer.status_code != 200:
        log.warning("an answer was not taken: %s %s", answer.status_code, answer.body[:100])
    return bool(answer.status_code == 200)
