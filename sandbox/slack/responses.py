"""Acts upon what the bot answers to a command or click, in the ack or at the response URL."""

from __future__ import annotations

from sandbox.slack import block_text
from sandbox.slack.core import Core
from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message
from sandbox.slack.triggers import Origin
from sandbox.slack.validation import message_refusal
from sandbox.slack.workspace import BOT_USER_ID

_KNOWN = frozenset(
    {
        "text", "blocks", "attachments", "response_type", "replace_original", "delete_original",
        "thread_ts", "metadata", "mrkdwn", "unfurl_links", "unfurl_media",
    }
)  # fmt: skip


class ResponseRefused(Exception):
    """Slack does not accept this answer."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def apply(core: Core, origin: Origin, body: JsonObject) -> Message | None:
    """Post, replace or delete as the answer says."""
    if not _KNOWN & body.keys():
        return None
    original = _original(core, origin)
    if body.get("delete_original"):
        if original is not None:
            core.messages.delete(original)
        return None
    text, blocks = str(body.get("text") or ""), body.get("blocks") or []
    refusal = message_refusal(text, blocks)
    if refusal is not None:
        raise ResponseRefused(refusal.error)
    if body.get("replace_original") and original is not None:
        kept = block_text.with_ids(blocks, prefix="r")
        core.messages.revise(original, text=text, blocks=kept, metadata=body.get("metadata"))
        return original
    return _post(core, origin, body, text=text, blocks=blocks)


def _original(core: Core, origin: Origin) -> Message | None:
    if origin.kind != "message" or origin.message_ts is None:
        return None
    return core.messages.find(origin.channel, origin.message_ts, viewer=origin.user)


def _post(
    core: Core, origin: Origin, body: JsonObject, *, text: str, blocks: list[JsonObject]
) -> Message:
    in_channel = body.get("response_type") == "in_channel"
    return core.messages.post(
        Message(
            channel=origin.channel,
            ts=core.messages.next_ts(),
            user=BOT_USER_ID,
            text=text,
            blocks=block_text.with_ids(blocks, prefix="r"),
            thread_ts=body.get("thread_ts"),
            metadata=body.get("metadata"),
            ephemeral_to=None if in_channel else origin.user,
        )
    )
