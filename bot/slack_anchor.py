"""Anchors in the audit channel: `{sequence, mac}` as the metadata of a message."""

from __future__ import annotations

from bot.anchor_messages import anchor_metadata, newest_anchor
from handlers.services import Services
from handlers.views.audit import anchor_message


class SlackAnchors:
    """Posted directly, not by the outbox: an anchor proves something only where it stands."""

    def __init__(self, services: Services, channel: str) -> None:
        self._s = services
        self._channel = channel

    async def post(self, sequence: int, mac: str) -> None:
        message = anchor_message(sequence, mac, self._s.languages.of_channel(self._channel))
        await self._s.client.chat_postMessage(
            channel=self._channel,
            text=message.text,
            blocks=message.blocks,
            metadata=anchor_metadata(sequence, mac, instance=self._s.instance),
            unfurl_links=False,
            unfurl_media=False,
        )

    async def newest(self) -> tuple[int, str] | None:
        """The newest anchor that this bot has posted; others' messages are not believed."""
        return await newest_anchor(
            self._s.client,
            self._channel,
            user_id=self._s.bot_user_id(),
            instance=self._s.instance,
        )
