"""The Slack app manifest: what `sekisho manifest` prints, to be pasted into Slack once."""

from __future__ import annotations

import json
from typing import Literal

from bot.locales import load

#: Path of the HTTP mode for commands, clicks and events alike.
EVENTS_PATH = "/slack/events"

#: Each with the reason for it; `sekisho check` compares them with the token's.
BOT_SCOPES: tuple[str, ...] = (
    "app_mentions:read",  # decide and ask in a thread
    "channels:history",  # find our own message again after a lost answer; read anchors
    "channels:read",  # whether we are in a rule's channel
    "chat:write",
    "commands",
    "files:write",  # the list of a storm, pictures of figures
    "groups:history",  # the same in private channels
    "groups:read",
    "im:history",
    "im:write",  # open the DM with the requester
    "usergroups:read",  # who may ask and approve
    "users:read",  # language, time zone, deactivated people
    "users:read.email",  # the owner of an alert in Defender XDR
)
APP_SCOPES: tuple[str, ...] = ("connections:write",)
BOT_EVENTS: tuple[str, ...] = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.im",
    "subteam_members_changed",
    "subteam_updated",
    "tokens_revoked",
    "user_change",
)
SHORTCUT = "jit_from_message"
COMMANDS = ("jit", "alerts", "fim", "defender", "audit")


def manifest(
    mode: Literal["socket", "http"] = "socket", *, url: str | None = None, language: str = "en"
) -> dict[str, object]:
    """The manifest. `url` is the public https address of the HTTP mode, without a path."""
    if mode == "http" and not url:
        raise ValueError("The HTTP mode needs the public address that Slack sends to.")
    target = {"url": f"{(url or '').rstrip('/')}{EVENTS_PATH}"} if mode == "http" else {}
    request = {"request_url": target["url"]} if target else {}
    options = {"message_menu_options_url": target["url"]} if target else {}
    texts = load(language)

    def command(name: str) -> dict[str, object]:
        return {
            "command": f"/{name}",
            "description": texts[f"manifest.{name}_description"],
            "usage_hint": texts[f"manifest.{name}_usage"],
            "should_escape": True,
            **target,
        }

    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": "Sekisho",
            "description": texts["manifest.description"],
            "long_description": texts["manifest.long_description"],
            "background_color": "#1d3c47",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Sekisho", "always_online": True},
            "shortcuts": [
                {
                    "name": texts["manifest.shortcut"],
                    "type": "message",
                    "callback_id": SHORTCUT,
                    "description": texts["manifest.shortcut_description"],
                }
            ],
            "slash_commands": [command(name) for name in COMMANDS],
        },
        "oauth_config": {"scopes": {"bot": list(BOT_SCOPES)}},
        "settings": {
            "event_subscriptions": {**request, "bot_events": list(BOT_EVENTS)},
            "interactivity": {"is_enabled": True, **request, **options},
            "org_deploy_enabled": False,
            "socket_mode_enabled": mode == "socket",
            "token_rotation_enabled": False,
        },
    }


def manifest_json(
    mode: Literal["socket", "http"] = "socket", *, url: str | None = None, language: str = "en"
) -> str:
    """The same as text to paste."""
    return json.dumps(manifest(mode, url=url, language=language), indent=2, ensure_ascii=False)
