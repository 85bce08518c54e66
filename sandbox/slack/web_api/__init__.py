"""The Web API: which method exists, what it needs, and who answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox.slack.core import Core
from sandbox.slack.json_types import JsonObject
from sandbox.slack.web_api import chat, conversations, file_methods, people_methods, view_methods
from sandbox.slack.web_api.arguments import Arguments

Handler = Callable[[Core, Arguments], Awaitable[JsonObject]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method: who answers, Slack's rate tier, and the scopes of which one is needed."""

    handler: Handler
    tier: int
    scopes: tuple[str, ...] = ()


_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")

#: Tier 0 is "special": its own rule or none.
METHODS: dict[str, Method] = {
    "auth.test": Method(people_methods.auth_test, 0),
    "bots.info": Method(people_methods.bots_info, 3, ("users:read",)),
    "chat.delete": Method(chat.delete, 3, ("chat:write",)),
    "chat.getPermalink": Method(chat.get_permalink, 0),
    "chat.postEphemeral": Method(chat.post_ephemeral, 4, ("chat:write",)),
    "chat.postMessage": Method(chat.post_message, 0, ("chat:write",)),
    "chat.update": Method(chat.update, 3, ("chat:write",)),
    "conversations.history": Method(conversations.history, 3, _HISTORY),
    "conversations.info": Method(conversations.info, 3, _READ),
    "conversations.list": Method(conversations.list_channels, 2, _READ),
    "conversations.members": Method(conversations.members, 4, _READ),
    "conversations.open": Method(conversations.open_dm, 3, ("im:write", "mpim:write")),
    "conversations.replies": Method(conversations.replies, 3, _HISTORY),
    "files.completeUploadExternal": Method(file_methods.complete_upload, 4, ("files:write",)),
    "files.getUploadURLExternal": Method(file_methods.get_upload_url, 4, ("files:write",)),
    "reactions.add": Method(conversations.react, 3, ("reactions:write",)),
    "reactions.get": Method(conversations.get_reactions, 3, ("reactions:read",)),
    "reactions.remove": Method(conversations.unreact, 2, ("reactions:write",)),
    "team.info": Method(people_methods.team_info, 3, ("team:read",)),
    "usergroups.list": Method(people_methods.usergroups_list, 2, ("usergroups:read",)),
    "usergroups.users.list": Method(people_methods.usergroups_users_list, 2, ("usergroups:read",)),
    "users.info": Method(people_methods.users_info, 4, ("users:read",)),
    "users.list": Method(people_methods.users_list, 2, ("users:read",)),
    "users.lookupByEmail": Method(people_methods.users_lookup_by_email, 3, ("users:read.email",)),
    "views.open": Method(view_methods.open_view, 4),
    "views.publish": Method(view_methods.publish, 4),
    "views.push": Method(view_methods.push, 4),
    "views.update": Method(view_methods.update, 4),
}
