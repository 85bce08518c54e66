"""chat.*: posting, changing, deleting and addressing messages."""

from __future__ import annotations

import json
from typing import Any

from sandbox.slack import block_text, shapes
from sandbox.slack.core import Core
from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message
from sandbox.slack.validation import METADATA_BYTES_MAX, message_refusal
from sandbox.slack.web_api.arguments import ApiError, Arguments
from sandbox.slack.workspace import BOT_USER_ID, Channel

#: Longer text is posted as several messages, each with the blocks.
SPLIT_AT = 4_000
#: What is longer still is cut off.
TEXT_MAX = 40_000


async def post_message(core: Core, args: Arguments) -> JsonObject:
    """Post to a channel, a thread or somebody's direct message."""
    channel = writable(core, args)
    text, blocks = contents(args)
    thread_ts = _thread(core, channel, args)
    metadata = _metadata(args)
    posted = [
        core.messages.post(
            Message(
                channel=channel.id,
                ts=core.messages.next_ts(),
                user=BOT_USER_ID,
                text=part,
                blocks=block_text.with_ids(blocks, prefix="b"),
                thread_ts=thread_ts,
                metadata=metadata,
                broadcast=args.flag("reply_broadcast"),
            )
        )
        for part in split(text)
    ]
    last = posted[-1]
    shape = shapes.message(last, core.messages, with_metadata=True)
    return {"ok": True, "channel": channel.id, "ts": last.ts, "message": shape}


async def post_ephemeral(core: Core, args: Arguments) -> JsonObject:
    """Show something to one person alone."""
    channel = writable(core, args)
    user = args.required("user")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    text, blocks = contents(args)
    message = core.messages.post(
        Message(
            channel=channel.id,
            ts=core.messages.next_ts(),
            user=BOT_USER_ID,
            text=text[:TEXT_MAX],
            blocks=block_text.with_ids(blocks, prefix="e"),
            thread_ts=args.text("thread_ts"),
            ephemeral_to=user,
        )
    )
    return {"ok": True, "message_ts": message.ts}


async def update(core: Core, args: Arguments) -> JsonObject:
    """Change a message of the bot; text without blocks takes the blocks away."""
    channel = known(core, args)
    if channel.is_archived:
        raise ApiError("is_inactive")
    message = _own(core, channel, args, refusal="cant_update_message")
    text, blocks = contents(args)
    if len(text) > SPLIT_AT:
        raise ApiError("msg_too_long")
    kept = block_text.with_ids(blocks, prefix="b")
    core.messages.revise(message, text=text, blocks=kept, metadata=_metadata(args))
    shape = shapes.message(message, core.messages, with_metadata=True)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "text": text, "message": shape}


async def delete(core: Core, args: Arguments) -> JsonObject:
    """Delete a message of the bot."""
    channel = known(core, args)
    message = _own(core, channel, args, refusal="cant_delete_message")
    core.messages.delete(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


async def get_permalink(core: Core, args: Arguments) -> JsonObject:
    """The address of a message; it opens in the sandbox's page."""
    channel = known(core, args)
    message = core.messages.find(channel.id, args.required("message_ts"))
    if message is None:
        raise ApiError("message_not_found")
    link = f"{core.base_url}archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def known(core: Core, args: Arguments) -> Channel:
    """The channel that the call names."""
    channel = core.workspace.find_channel(args.required("channel", "channel_not_found"))
    if channel is None:
        raise ApiError("channel_not_found")
    return channel


def writable(core: Core, args: Arguments) -> Channel:
    """The channel that the call names, if the bot may write there."""
    channel = known(core, args)
    if channel.is_archived:
        raise ApiError("is_archived")
    if channel.is_im and (member := core.workspace.known(channel.person)) and member.deleted:
        raise ApiError("cannot_dm_bot" if member.id == BOT_USER_ID else "channel_not_found")
    if BOT_USER_ID in channel.members:
        return channel
    if channel.is_private:
        raise ApiError("channel_not_found")
    if "chat:write.public" not in core.scopes or not core.public_writing:
        raise ApiError("not_in_channel")
    return channel


def contents(args: Arguments) -> tuple[str, list[JsonObject]]:
    """Text and blocks, if Slack accepts them."""
    text, blocks = args.text("text") or "", args.json("blocks") or []
    refusal = message_refusal(text, blocks)
    if refusal is not None:
        raise ApiError(refusal.error, messages=refusal.messages)
    return text, blocks


def split(text: str) -> list[str]:
    """The texts of the messages that Slack makes of one long text."""
    text = text[:TEXT_MAX]
    return [text[at : at + SPLIT_AT] for at in range(0, len(text), SPLIT_AT)] or [""]


def _thread(core: Core, channel: Channel, args: Arguments) -> str | None:
    thread_ts = args.text("thread_ts")
    if thread_ts is None:
        return None
    parent = core.messages.find(channel.id, thread_ts)
    # Slack takes a reply to a message that is gone and shows it under nothing; it refuses only
    # what is no time stamp.
    if parent is None and not thread_ts.replace(".", "", 1).isdigit():
        raise ApiError("invalid_thread_ts")
    return parent.thread_ts if parent is not None and parent.is_reply else thread_ts


def _own(core: Core, channel: Channel, args: Arguments, *, refusal: str) -> Message:
    message = core.messages.find(channel.id, args.required("ts", "message_not_found"))
    if message is None:
        raise ApiError("message_not_found")
    if not message.bot:
        raise ApiError(refusal)
    return message


def _metadata(args: Arguments) -> JsonObject | None:
    metadata: Any = args.json("metadata")
    if not metadata:
        return {} if metadata == {} else None
    shaped = isinstance(metadata, dict) and isinstance(metadata.get("event_payload"), dict)
    if not shaped or not isinstance(metadata.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES_MAX:
        raise ApiError("metadata_too_large")
    return dict(metadata)
