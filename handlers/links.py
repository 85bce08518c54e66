"""Where a card stands in Slack, as an address that people can follow."""

from __future__ import annotations

import logging

from slack_sdk.errors import SlackApiError

from delivery.outbox import Address
from delivery.refusals import error_name
from handlers.services import Services

log = logging.getLogger(__name__)


async def permalink(s: Services, address: Address) -> str:
    """The link to a card; "" where Slack gives none. Raises what the network raises."""
    try:
        answer = await s.client.chat_getPermalink(channel=address.channel, message_ts=address.ts)
    except SlackApiError as error:
        log.warning("no link to a card in %s: %s", address.channel, error_name(error))
        return ""
    return str(answer["permalink"])
