"""Anchors in the audit channel: `{sequence, mac}` as the metadata of a message."""

from __future__ import annotations

from handlers.services import Services
from handlers.views.audit import anchor_message

ANCHOR_TYPE = "sekisho_anchor"
HISTORY_LIMIT = 200


class SlackAnchors:
    """Posted directly, not by the outbox: an anchor proves something only where it really stands."""

    def __init__(self, services: Services, channel: str) -> None:
        self._s = services
        self._channel = channel

    async def post(self, sequence: int, mac: str) -> None:
        message = anchor_message(sequence, mac, self._s.languages.of_channel(self._channel))
        await self._s.client.chat_postMessage(
            channel=self._channel,
            text=message.text,
            blocks=message.blocks,
            metadata={
                "event_type": ANCHOR_TYPE,
                "event_payload": {"sequence": sequence, "mac": mac},
            },
            unfurl_links=False,
            unfurl_media=False,
        )

    async def newest(self) -> tuple[int, str] | None:
        """The newest anchor that this bot has posted; others' messages are not believed."""
        answer = await self._s.client.conversations_history(
            channel=self._channel, include_all_metadata=True, limit=HISTORY_LIMIT
        )
        for message in answer["messages"]:
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            is_ours = message.get("user") == self._s.bot_user_id()
            if is_ours and metadata.get("event_type") == ANCHOR_TYPE:
                return int(payload["sequence"]), str(payload["mac"])
        return None
