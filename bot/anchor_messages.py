"""Anchors as they stand in the audit channel: metadata of a message of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

ANCHOR_TYPE = "sekisho_anchor"
PAGE_LIMIT = 200
#: An anchor follows ten minutes after something new, so talk rarely stands before it; a channel
#: with more talk than this is no place for anchors.
PAGES_MAX = 50


def anchor_metadata(sequence: int, mac: str, *, instance: str) -> dict[str, Any]:
    """`instance` tells apart two bots of one app that share a channel."""
    payload = {"sequence": sequence, "mac": mac, "instance": instance}
    return {"event_type": ANCHOR_TYPE, "event_payload": payload}


async def newest_anchor(
    client: AsyncWebClient, channel: str, *, user_id: str, instance: str
) -> tuple[int, str] | None:
    """The newest anchor of this instance that `user_id`, the bot, has posted.

    Others' messages are not believed.
    """
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        answer = await client.conversations_history(
            channel=channel, include_all_metadata=True, limit=PAGE_LIMIT, cursor=cursor
        )
        for message in answer["messages"]:
            payload = _payload(message)
            is_ours = message.get("user") == user_id and payload.get("instance") == instance
            if is_ours:
                return int(payload["sequence"]), str(payload["mac"])
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return None
    return None


def _payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != ANCHOR_TYPE:
        return {}
    return metadata.get("event_payload") or {}
