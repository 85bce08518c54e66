"""Messages, people, channels and groups as Slack's answers and payloads show them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message, MessageStore
from sandbox.slack.workspace import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    BOT_USER_ID,
    TEAM_ID,
    Channel,
    Member,
    Usergroup,
)


def message(item: Message, store: MessageStore, *, with_metadata: bool = False) -> JsonObject:
    """A message as chat.*, conversations.* and payloads carry it."""
    shape: JsonObject = {
        "type": "message",
        "user": item.user,
        "ts": item.ts,
        "text": item.text,
        "team": TEAM_ID,
        "blocks": item.blocks,
    }
    if item.bot:
        shape |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": bot_profile()}
    if item.files:
        shape["files"] = item.files
    if item.edited:
        shape["edited"] = {"user": item.user, "ts": item.ts}
    if item.metadata and with_metadata:
        shape["metadata"] = item.metadata
    if item.reactions:
        shape["reactions"] = reactions(item)
    return shape | thread_fields(item, store)


def thread_fields(item: Message, store: MessageStore) -> JsonObject:
    """What Slack adds to a reply and to a message that has replies."""
    if item.is_reply:
        parent = store.find(item.channel, item.thread_ts or "")
        return {"thread_ts": item.thread_ts, "parent_user_id": parent.user if parent else None}
    replies = store.replies(item)
    if not replies:
        return {}
    people = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": item.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "latest_reply": replies[-1].ts,
        "reply_users": people,
        "is_locked": False,
        "subscribed": True,
    }


def reactions(item: Message) -> list[JsonObject]:
    """The emoji below a message."""
    return [{"name": n, "users": u, "count": len(u)} for n, u in item.reactions.items()]


def bot_profile() -> JsonObject:
    """The bot as a message's author."""
    return {
        "id": BOT_ID,
        "app_id": APP_ID,
        "name": BOT_NAME,
        "user_id": BOT_USER_ID,
        "deleted": False,
        "team_id": TEAM_ID,
    }


def user(
    member: Member, *, now: datetime, with_locale: bool, with_email: bool = False
) -> JsonObject:
    """A person as users.info shows them; the e-mail only under a scope of its own."""
    offset = now.astimezone(ZoneInfo(member.tz)).utcoffset()
    shape: JsonObject = {
        "id": member.id,
        "team_id": member.team_id,
        "name": member.handle,
        "deleted": member.deleted,
        "color": member.color,
        "real_name": member.name,
        "tz": member.tz,
        "tz_label": member.tz,
        "tz_offset": int(offset.total_seconds()) if offset is not None else 0,
        "profile": {
            "real_name": member.name,
            "display_name": member.handle,
            "title": member.title,
            "team": member.team_id,
        },
        "is_admin": False,
        "is_owner": False,
        "is_restricted": member.guest,
        "is_ultra_restricted": False,
        "is_bot": False,
        "is_app_user": False,
        "updated": 1764000000,
    }
    if with_email:
        shape["profile"]["email"] = member.email
    if member.team_id != TEAM_ID:
        shape["is_stranger"] = True
    return shape | ({"locale": member.locale} if with_locale else {})


def bot_user(*, with_locale: bool) -> JsonObject:
    """The bot's own user."""
    shape: JsonObject = {
        "id": BOT_USER_ID,
        "team_id": TEAM_ID,
        "name": BOT_NAME.lower(),
        "deleted": False,
        "real_name": BOT_NAME,
        "tz": "Etc/UTC",
        "tz_label": "Coordinated Universal Time",
        "tz_offset": 0,
        "profile": {"real_name": BOT_NAME, "api_app_id": APP_ID, "bot_id": BOT_ID},
        "is_bot": True,
        "updated": 1764000000,
    }
    return shape | ({"locale": "en-US"} if with_locale else {})


def channel(item: Channel) -> JsonObject:
    """A channel or direct message as conversations.info shows it."""
    if item.is_im:
        return {
            "id": item.id,
            "created": 1764000000,
            "is_im": True,
            "is_org_shared": False,
            "user": item.person,
            "is_user_deleted": False,
            "is_archived": False,
            "context_team_id": TEAM_ID,
        }
    return {
        "id": item.id,
        "name": item.name,
        "name_normalized": item.name,
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": item.is_private,
        "created": 1764000000,
        "is_archived": item.is_archived,
        "is_general": item.id == "C0GENERAL",
        "is_shared": item.is_shared,
        "is_ext_shared": item.is_shared,
        "is_org_shared": False,
        "is_member": BOT_USER_ID in item.members,
        "num_members": len(item.members),
        "context_team_id": TEAM_ID,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def usergroup(group: Usergroup, *, with_users: bool) -> JsonObject:
    """A user group as usergroups.list shows it."""
    shape: JsonObject = {
        "id": group.id,
        "team_id": TEAM_ID,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_create": 1764000000,
        "date_update": 1764000000,
        "date_delete": 1764000000 if group.is_disabled else 0,
        "auto_provision": False,
        "user_count": len(group.users),
    }
    return shape | ({"users": list(group.users)} if with_users else {})
