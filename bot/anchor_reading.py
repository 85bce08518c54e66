"""The newest anchor as a command reads it: from the second sink, else from the audit channel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from approvals.audit.anchor import FileSink
from approvals.entry import Head

if TYPE_CHECKING:
    from bot.settings import Settings


class Where(StrEnum):
    """Where the anchor stood."""

    FILE = "file"
    CHANNEL = "channel"
    #: looked for, and there is none yet.
    NOWHERE = "nowhere"
    #: neither a file nor an answer from Slack.
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Anchor:
    """`head` is None where nothing was found; `problem` says why Slack could not be asked."""

    where: Where
    head: Head | None = None
    problem: str = ""


async def newest(settings: Settings) -> Anchor:
    """AuditBroken when the second sink's last line is no entry of ours."""
    sink = settings.audit.second_sink
    if isinstance(sink, Path):
        found = await FileSink(sink, settings.audit.keys).newest()
        if found is not None:
            return Anchor(Where.FILE, found)
    return await _in_channel(settings)


async def _in_channel(settings: Settings) -> Anchor:
    # An auditor's machine that has the file needs no Slack client.
    import aiohttp
    from slack_sdk.errors import SlackApiError

    from bot.anchor_messages import newest_anchor
    from delivery.refusals import error_name
    from delivery.web_client import web_client

    slack = settings.slack
    client = web_client(slack.bot_token, slack.api_url, proxy=settings.proxy.for_url(slack.api_url))
    try:
        me = str((await client.auth_test())["user_id"])
        posted = await newest_anchor(
            client, settings.audit.channel, user_id=me, instance=settings.instance
        )
    except SlackApiError as error:
        return Anchor(Where.UNREADABLE, problem=error_name(error))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Anchor(Where.UNREADABLE, problem=type(error).__name__)
    finally:
        if client.session is not None:
            await client.session.close()
    if posted is None:
        return Anchor(Where.NOWHERE)
    return Anchor(Where.CHANNEL, Head(posted[0], posted[1], 0))
