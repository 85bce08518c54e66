"""What a failed call of Slack's Web API means for what was to be said. Pure.

Names are those of facts/slack.md section 2 and of Slack's reference of `chat.postMessage`,
`chat.update`, `conversations.open`, `conversations.history` and `conversations.replies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from slack_sdk.errors import SlackApiError

#: Slack names 1 to 60 s; anything beyond this is a mistake, not a plan.
RETRY_AFTER_MAX = timedelta(minutes=10)


class Why(Enum):
    """What can be done about it."""

    LIMITED = "limited"  # wait as long as Slack says, then the same again
    UNKNOWN = "unknown"  # it may have been taken: look before doing it again
    TOKEN = "token"  # noqa: S105 - nothing can be said anywhere until an administrator mends it
    RIGHTS = "rights"  # the same, a scope is missing
    CHANNEL = "channel"  # this channel can't be written to: another one can
    MESSAGE = "message"  # the message to change is gone: a new one takes its place
    THREAD = "thread"  # there is no such thread (any more): say it in the channel
    SIZE = "size"  # too much in one message: split it
    CONTENT = "content"  # Slack does not take these blocks: the bare text
    ITEM = "item"  # Slack will never take this: set it aside


@dataclass(frozen=True, slots=True)
class Refusal:
    """One failed call. `name` is Slack's error name; nothing in it is secret."""

    why: Why
    name: str
    retry_after: timedelta = timedelta(0)


_NAMES: dict[Why, frozenset[str]] = {
    Why.LIMITED: frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"}),
    Why.UNKNOWN: frozenset(
        {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
    ),
    Why.TOKEN: frozenset(
        {
            "account_inactive", "enterprise_is_restricted", "invalid_auth", "not_authed",
            "org_login_required", "team_added_to_org", "token_expired", "token_revoked",
            "two_factor_setup_required",
        }
    ),
    Why.RIGHTS: frozenset(
        {"access_denied", "missing_scope", "no_permission", "not_allowed_token_type",
         "team_access_not_granted", "ekm_access_denied"}
    ),
    Why.CHANNEL: frozenset(
        {
            "cannot_dm_bot", "channel_not_found", "is_archived", "is_inactive",
            "messages_tab_disabled", "method_not_supported_for_channel_type", "not_in_channel",
            "posting_to_general_channel_denied", "restricted_action",
            "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
            "user_disabled", "user_not_found", "user_not_visible", "users_not_found",
        }
    ),
    Why.MESSAGE: frozenset({"cant_update_message", "edit_window_closed", "message_not_found"}),
    Why.THREAD: frozenset(
        {
            "cannot_reply_to_message", "invalid_thread_ts", "restricted_action_thread_locked",
            "restricted_action_non_threadable_channel", "thread_not_found",
        }
    ),
    Why.SIZE: frozenset({"msg_blocks_too_long", "msg_too_long"}),
    Why.CONTENT: frozenset({"invalid_blocks", "invalid_blocks_format", "markdown_text_conflict"}),
}  # fmt: skip
_WHY = {name: why for why, names in _NAMES.items() for name in names}


def refusal_of(error: SlackApiError) -> Refusal:
    """What Slack said. A status of 500 and above says nothing about what was done."""
    name, status = error_name(error), _status(error)
    if status == 429:
        return Refusal(Why.LIMITED, name, _retry_after(error))
    why = _WHY.get(name)
    if why is None:
        why = Why.UNKNOWN if status >= 500 or name.startswith("http_") else Why.ITEM
    after = _retry_after(error) if why is Why.LIMITED else timedelta(0)
    return Refusal(why, name, after)


def error_name(error: SlackApiError) -> str:
    """Slack's name of the error, `http_503` where the answer was no JSON.

    `error.response.get` itself raises where the body is text, as a gateway's mostly is.
    """
    data = getattr(error.response, "data", None)
    name = data.get("error") if isinstance(data, dict) else None
    return str(name) if name else f"http_{_status(error)}"


def _status(error: SlackApiError) -> int:
    """The SDK hands over its own response, or aiohttp's when the body was not JSON."""
    response: Any = error.response
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)


def _retry_after(error: SlackApiError) -> timedelta:
    """At least a second, and never for ever."""
    text = str(getattr(error.response, "headers", {}).get("Retry-After", ""))
    seconds = int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 1
    return min(RETRY_AFTER_MAX, timedelta(seconds=max(1, seconds)))
