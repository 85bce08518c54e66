"""The workspace as one person's page reads it."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.slack import shapes
from sandbox.slack.core import Core
from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message, MessageStore
from sandbox.slack.views import View
from sandbox.slack.workspace import (
    APP_ID,
    BOT_NAME,
    BOT_USER_ID,
    TEAM_ID,
    TEAM_NAME,
    Channel,
    Member,
)


def state_shape(core: Core, person: Member, *, online: bool) -> JsonObject:
    """Everything around the messages: people, channels with unread counts, commands, the time."""
    now = core.now()
    workspace = core.workspace
    return {
        "now": now.isoformat(),
        "offset": round((now - datetime.now(UTC)).total_seconds()),
        "team": {"id": TEAM_ID, "name": TEAM_NAME},
        "bot": {"user_id": BOT_USER_ID, "name": BOT_NAME, "app_id": APP_ID, "online": online},
        "people": [_person(m) for m in workspace.people.values() if not m.deleted],
        "usergroups": [{"id": g.id, "handle": g.handle} for g in workspace.groups.values()],
        "channels": [_channel(core, c, person) for c in workspace.channels_of(person.id)],
        "commands": [{"command": c.command, "usage": c.usage} for c in core.commands],
        "shortcuts": [{"callback_id": s.callback_id, "name": s.name} for s in core.shortcuts],
    }


def _person(member: Member) -> JsonObject:
    return {
        "id": member.id,
        "handle": member.handle,
        "name": f"{member.name} ({member.title})",
        "title": member.title,
        "locale": member.locale,
        "tz": member.tz,
        "color": f"#{member.color}",
    }


def _channel(core: Core, channel: Channel, person: Member) -> JsonObject:
    shape: JsonObject = {
        "id": channel.id,
        "name": BOT_NAME if channel.is_im else channel.name,
        "is_im": channel.is_im,
        "is_archived": channel.is_archived,
        "unread": core.messages.unread(person.id, channel.id),
    }
    return shape | ({"with": BOT_USER_ID} if channel.is_im else {})


def message_shape(message: Message, store: MessageStore) -> JsonObject:
    """One message with what the page draws around it."""
    thread = {} if message.is_reply else shapes.thread_fields(message, store)
    return {
        "ts": message.ts,
        "user": message.user,
        "bot": message.bot,
        "text": "" if message.deleted else message.text,
        "blocks": [] if message.deleted else message.blocks,
        "ephemeral": message.ephemeral,
        "edited": message.edited,
        "thread_ts": message.thread_ts,
        "reply_count": thread.get("reply_count", 0),
        "reply_users": thread.get("reply_users", []),
        "latest_reply": thread.get("latest_reply"),
        "reactions": shapes.reactions(message),
        "files": message.files,
        "deleted": message.deleted,
    }


def view_shape(view: View) -> JsonObject:
    """A form or Home tab."""
    return view.to_json()
