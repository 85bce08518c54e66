"""conversations.* and reactions.*: channels, their history, and emoji below messages."""

from __future__ import annotations

from sandbox.slack import shapes
from sandbox.slack.core import Core
from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message
from sandbox.slack.web_api.arguments import ApiError, Arguments, page
from sandbox.slack.web_api.chat import known
from sandbox.slack.workspace import BOT_USER_ID, Channel


async def info(core: Core, args: Arguments) -> JsonObject:
    """One channel."""
    return {"ok": True, "channel": shapes.channel(known(core, args))}


async def list_channels(core: Core, args: Arguments) -> JsonObject:
    """The channels of the asked types."""
    types = set((args.text("types") or "public_channel").split(","))
    everything = core.workspace.channels.values()
    asked = [c for c in everything if _type(c) in types]
    if args.flag("exclude_archived"):
        asked = [c for c in asked if not c.is_archived]
    channels, cursor = page([shapes.channel(c) for c in asked], args)
    return {"ok": True, "channels": channels, "response_metadata": {"next_cursor": cursor}}


def _type(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


async def members(core: Core, args: Arguments) -> JsonObject:
    """Who is in a channel."""
    people, cursor = page(sorted(known(core, args).members), args)
    return {"ok": True, "members": people, "response_metadata": {"next_cursor": cursor}}


async def open_dm(core: Core, args: Arguments) -> JsonObject:
    """The direct message with somebody."""
    users = args.text("users") or ""
    member = core.workspace.known(users)
    if member is None:
        raise ApiError("user_not_found")
    if member.deleted:
        raise ApiError("user_disabled")
    channel = core.workspace.find_channel(users)
    if channel is None:
        raise ApiError("channel_not_found")
    full = shapes.channel(channel) if args.flag("return_im") else {"id": channel.id}
    return {"ok": True, "channel": full}


async def history(core: Core, args: Arguments) -> JsonObject:
    """What the channel shows, newest first, threads folded."""
    channel = _readable(core, args)
    found = [m for m in core.messages.top_level(channel.id) if not m.deleted and not m.ephemeral]
    return _listed(core, args, list(reversed(_between(found, args))))


async def replies(core: Core, args: Arguments) -> JsonObject:
    """A thread, oldest first, its parent always with it."""
    channel = _readable(core, args)
    ts = args.required("ts", "thread_not_found")
    if core.messages.find(channel.id, ts) is None:
        raise ApiError("thread_not_found")
    thread = [m for m in core.messages.thread(channel.id, ts) if not m.ephemeral]
    inside = _between(thread[1:], args)
    return _listed(core, args, [thread[0], *inside])


def _readable(core: Core, args: Arguments) -> Channel:
    channel = known(core, args)
    if BOT_USER_ID not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def _between(found: list[Message], args: Arguments) -> list[Message]:
    oldest, latest = args.text("oldest") or "0", args.text("latest") or "9" * 12
    inclusive = args.flag("inclusive")

    def inside(message: Message) -> bool:
        at, low, high = float(message.ts), float(oldest), float(latest)
        return low < at < high or (inclusive and at in (low, high))

    return [message for message in found if inside(message)]


def _listed(core: Core, args: Arguments, found: list[Message]) -> JsonObject:
    shown, cursor = page(found, args)
    with_metadata = args.flag("include_all_metadata")
    return {
        "ok": True,
        "messages": [shapes.message(m, core.messages, with_metadata=with_metadata) for m in shown],
        "has_more": bool(cursor),
        "pin_count": 0,
        "response_metadata": {"next_cursor": cursor},
    }


async def react(core: Core, args: Arguments) -> JsonObject:
    """Put an emoji below a message."""
    message, name = _reacted(core, args)
    people = message.reactions.setdefault(name, [])
    if BOT_USER_ID in people:
        raise ApiError("already_reacted")
    people.append(BOT_USER_ID)
    core.messages.touched(message)
    return {"ok": True}


async def unreact(core: Core, args: Arguments) -> JsonObject:
    """Take an emoji away."""
    message, name = _reacted(core, args)
    people = message.reactions.get(name, [])
    if BOT_USER_ID not in people:
        raise ApiError("no_reaction")
    people.remove(BOT_USER_ID)
    if not people:
        del message.reactions[name]
    core.messages.touched(message)
    return {"ok": True}


async def get_reactions(core: Core, args: Arguments) -> JsonObject:
    """The emoji below a message."""
    message = _message(core, args)
    shape = shapes.message(message, core.messages) | {"reactions": shapes.reactions(message)}
    return {"ok": True, "type": "message", "channel": message.channel, "message": shape}


def _reacted(core: Core, args: Arguments) -> tuple[Message, str]:
    return _message(core, args), args.required("name", "invalid_name").strip(":")


def _message(core: Core, args: Arguments) -> Message:
    channel = known(core, args)
    message = core.messages.find(channel.id, args.required("timestamp", "no_item_specified"))
    if message is None:
        raise ApiError("message_not_found")
    return message
