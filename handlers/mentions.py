"""`@Sekisho …`: in a card's thread the same decisions by word, elsewhere a request by mention.

Slash commands can't be typed in threads (facts/slack.md section 2), so the thread's request is
found by the thread's first message.
"""

from __future__ import annotations

import asyncio
import re

from approvals.events import RequestId
from approvals.ledger import LedgerUnavailable
from delivery.outbox import OUTBOX_ERRORS, ObjectId
from handlers.cards import PREFIX
from handlers.command_line import CommandLine, Verb, parse
from handlers.services import Services

_MENTION = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>")

#: Words that are about one request, which a thread names by itself.
ABOUT_ONE = frozenset(
    {
        Verb.STATUS,
        Verb.SHOW,
        Verb.APPROVE,
        Verb.DENY,
        Verb.CANCEL,
        Verb.DONE,
        Verb.EXTEND,
        Verb.REVOKE,
        Verb.RETRY,
        Verb.UNDO,
    }
)


#: A card is seen in Slack a moment before its address is on record: looked for this often.
THREAD_TRIES = 5
THREAD_TRY_SECONDS = 0.2


def unescaped(text: str) -> str:
    """What was typed: in messages and commands Slack escapes three characters, and no others."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def words_of(text: str, bot_user_id: str) -> str:
    """What was said to the bot: the text behind its first mention, with Slack's escapes undone."""
    mention = f"<@{bot_user_id}"
    at = text.find(mention)
    rest = text[text.find(">", at) + 1 :] if at >= 0 else _MENTION.sub("", text, count=1)
    return unescaped(rest).strip()


def line_of(text: str, bot_user_id: str, thread_request: RequestId | None) -> CommandLine:
    """The typed line; a thread's request is filled in where the word is about one request."""
    line = parse(words_of(text, bot_user_id))
    if line.verb is Verb.FORM:
        return CommandLine(Verb.STATUS if thread_request else Verb.HELP, request_id=thread_request)
    if line.verb in ABOUT_ONE and line.request_id is None:
        return CommandLine(
            line.verb,
            request_id=thread_request,
            ports=line.ports,
            window=line.window,
            reason=line.reason or _comment(text, line, bot_user_id),
            unknown=() if line.verb is Verb.APPROVE else line.unknown,
        )
    return line


def _comment(text: str, line: CommandLine, bot_user_id: str) -> str | None:
    """`@Sekisho approve looks good`: what follows the word is the comment."""
    if line.verb is not Verb.APPROVE or not line.unknown:
        return None
    said = words_of(text, bot_user_id)
    return said.partition(" ")[2].strip() or None


def needs_thread(text: str, bot_user_id: str) -> bool:
    """Whether the words are about a request that they don't name."""
    line = parse(words_of(text, bot_user_id))
    return line.verb is Verb.FORM or (line.verb in ABOUT_ONE and line.request_id is None)


async def request_of_thread(s: Services, channel: str, thread_ts: str) -> RequestId | None:
    """The request whose card starts this thread, if it is one. LedgerUnavailable without Redis."""
    for _ in range(THREAD_TRIES):
        try:
            found = await s.outbox.object_at(channel, thread_ts)
        except OUTBOX_ERRORS as error:
            raise LedgerUnavailable(f"Redis can't be reached: {type(error).__name__}") from error
        if found is not None:
            is_card = found.startswith(PREFIX)
            return RequestId(ObjectId(found).removeprefix(PREFIX)) if is_card else None
        await asyncio.sleep(THREAD_TRY_SECONDS)
    return None
