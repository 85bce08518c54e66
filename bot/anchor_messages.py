"""Anchors as they stand in the audit channel: metadata of a message of our own."""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

ANCHOR_TYPE = "sekisho_anchor"
HISTORY_LIMIT = 200


async def newest_anchor(
    client: AsyncWebClient, channel: str, *, user_id: str
) -> tuple[int, str] | None:
    """The newest anchor that `user_id`, the bot, has posted; others' messages are not believed."""
    answer = await client.conversations_history(
        channel=channel, include_all_metadata=True, limit=HISTORY_LIMIT
    )
    for message in answer["messages"]:
        metadata = message.get("metadata") or {}
        payload = metadata.get("event_payload") or {}
        if message.get("user") == user_id and metadata.get("event_type") == ANCHOR_TYPE:
            return int(payload["sequence"]), str(payload["mac"])
    return None
