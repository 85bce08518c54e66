"""The manifest that makes the Slack app. Limits: facts of Slack's manifest schema, version 1."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.manifest import BOT_SCOPES, manifest, manifest_json


def found(**options: Any) -> Any:
    return manifest(**options)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.proves("M2", "N1")
def test_it_keeps_slacks_limits(language: str) -> None:
    it = found(language=language)
    display = it["display_information"]
    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert 175 <= len(display["long_description"]) <= 4000
    features = it["features"]
    assert len(features["bot_user"]["display_name"]) <= 80
    for command in features["slash_commands"]:
        assert command["command"].startswith("/")
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
        assert command["should_escape"]
    for shortcut in features["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
    assert len(it["settings"]["event_subscriptions"]["bot_events"]) <= 100


@pytest.mark.proves("M2")
def test_socket_mode_needs_no_address() -> None:
    it = found()
    assert it["settings"]["socket_mode_enabled"]
    assert "http" not in json.dumps(it)


@pytest.mark.proves("M2")
def test_http_mode_names_one_address_everywhere() -> None:
    it = found(mode="http", url="https://sekisho.example.com/")
    url = "https://sekisho.example.com/slack/events"
    assert not it["settings"]["socket_mode_enabled"]
    assert it["settings"]["event_subscriptions"]["request_url"] == url
    assert it["settings"]["interactivity"]["request_url"] == url
    assert it["settings"]["interactivity"]["message_menu_options_url"] == url
    assert {command["url"] for command in it["features"]["slash_commands"]} == {url}
    with pytest.raises(ValueError, match="public address"):
        manifest("http")


def test_it_asks_for_no_more_than_is_used() -> None:
    assert list(BOT_SCOPES) == sorted(BOT_SCOPES)
    assert not {"chat:write.public", "users:write", "admin"} & set(BOT_SCOPES)
    assert json.loads(manifest_json(language="ja")) == manifest(language="ja")
