"""Builders of what Slack sends to an app, field by field as its documentation shows them."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.slack.json_types import JsonObject
from sandbox.slack.workspace import (
    APP_ID,
    BOT_USER_ID,
    TEAM_DOMAIN,
    TEAM_DOMAINS,
    TEAM_ID,
    Channel,
    Member,
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every payload carries besides its own matter."""

    verification_token: str
    trigger_id: str = ""
    response_url: str = ""


def slash_command(
    person: Member, channel: Channel, *, command: str, text: str, envelope: Envelope
) -> JsonObject:
    """A slash command; all values are text, since HTTP sends it as a form."""
    return {
        "token": envelope.verification_token,
        "team_id": person.team_id,
        "team_domain": TEAM_DOMAINS.get(person.team_id, TEAM_DOMAIN),
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": person.id,
        "user_name": person.handle,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": envelope.response_url,
        "trigger_id": envelope.trigger_id,
    }


def _interaction(kind: str, person: Member, envelope: Envelope) -> JsonObject:
    payload: JsonObject = {
        "type": kind,
        "user": {
            "id": person.id,
            "username": person.handle,
            "name": person.handle,
            "team_id": person.team_id,
        },
        "api_app_id": APP_ID,
        "token": envelope.verification_token,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if envelope.trigger_id:
        payload["trigger_id"] = envelope.trigger_id
    return payload


def message_container(
    *, channel: str, ts: str, ephemeral: bool, thread_ts: str | None
) -> JsonObject:
    """Where a used element lies when it lies in a message."""
    container: JsonObject = {
        "type": "message",
        "message_ts": ts,
        "channel_id": channel,
        "is_ephemeral": ephemeral,
    }
    return container | ({"thread_ts": thread_ts} if thread_ts else {})


def view_container(view_id: str) -> JsonObject:
    """Where a used element lies when it lies in a form or Home tab."""
    return {"type": "view", "view_id": view_id}


def block_actions_in_message(
    person: Member,
    channel: Channel,
    *,
    container: JsonObject,
    message: JsonObject | None,
    values: JsonObject,
    action: JsonObject,
    envelope: Envelope,
) -> JsonObject:
    """An element of a message was used; an ephemeral message itself is not sent along."""
    payload = _interaction("block_actions", person, envelope) | {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": values},
        "response_url": envelope.response_url,
        "actions": [action],
    }
    return payload | ({"message": message} if message is not None else {})


def block_actions_in_view(
    person: Member, *, view: JsonObject, action: JsonObject, envelope: Envelope
) -> JsonObject:
    """An element of a form or Home tab was used."""
    return _interaction("block_actions", person, envelope) | {
        "container": view_container(view["id"]),
        "view": view,
        "actions": [action],
    }


def view_submission(person: Member, *, view: JsonObject, envelope: Envelope) -> JsonObject:
    """A form was sent."""
    return _interaction("view_submission", person, envelope) | {"view": view, "response_urls": []}


def view_closed(
    person: Member, *, view: JsonObject, is_cleared: bool, envelope: Envelope
) -> JsonObject:
    """A form was closed without sending it."""
    return _interaction("view_closed", person, envelope) | {"view": view, "is_cleared": is_cleared}


def block_suggestion(
    person: Member,
    *,
    container: JsonObject,
    place: JsonObject,
    block_id: str,
    action_id: str,
    query: str,
    envelope: Envelope,
) -> JsonObject:
    """Somebody types into a menu whose options the app supplies."""
    payload = _interaction("block_suggestion", person, envelope)
    return payload | {
        "container": container,
        "action_id": action_id,
        "block_id": block_id,
        "value": query,
        **place,
    }


def message_action(
    person: Member,
    channel: Channel,
    *,
    message: JsonObject,
    callback_id: str,
    action_ts: str,
    envelope: Envelope,
) -> JsonObject:
    """A message shortcut was chosen."""
    return _interaction("message_action", person, envelope) | {
        "action_ts": action_ts,
        "callback_id": callback_id,
        "response_url": envelope.response_url,
        "message_ts": message["ts"],
        "channel": {"id": channel.id, "name": channel.name},
        "message": message,
    }


def event(
    inner: JsonObject,
    *,
    event_id: str,
    event_time: int,
    verification_token: str,
    is_shared_channel: bool = False,
) -> JsonObject:
    """The outside of every event."""
    return {
        "token": verification_token,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": inner,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": event_time,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": is_shared_channel,
        "event_context": f"4-{event_id}",
    }


def message_event(
    person: Member,
    channel: Channel,
    *,
    ts: str,
    text: str,
    blocks: list[JsonObject],
    thread_ts: str | None,
    client_msg_id: str,
) -> JsonObject:
    """What a person wrote: `message` in a direct message, `app_mention` in a channel."""
    inner: JsonObject = {
        "user": person.id,
        "type": "message" if channel.is_im else "app_mention",
        "ts": ts,
        "client_msg_id": client_msg_id,
        "text": text,
        "team": person.team_id,
        "blocks": blocks,
        "channel": channel.id,
        "event_ts": ts,
    }
    if channel.is_im:
        inner["channel_type"] = "im"
    if thread_ts:
        inner["thread_ts"] = thread_ts
    if person.team_id != TEAM_ID:
        inner |= {"user_team": person.team_id, "source_team": person.team_id}
    return inner


def app_home_opened(
    person: Member, *, channel: str, event_ts: str, view: JsonObject | None
) -> JsonObject:
    """Somebody looks at the bot's Home tab."""
    inner: JsonObject = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": channel,
        "tab": "home",
        "event_ts": event_ts,
    }
    return inner | ({"view": view} if view is not None else {})


def subteam_updated(group: JsonObject, *, event_ts: str) -> JsonObject:
    """The membership of a user group changed."""
    return {"type": "subteam_updated", "subteam": group, "event_ts": event_ts}


def user_change(user: JsonObject, *, event_ts: str) -> JsonObject:
    """Something about a person changed, for instance that they left."""
    return {
        "type": "user_change",
        "user": user,
        "cache_ts": int(float(event_ts)),
        "event_ts": event_ts,
    }
