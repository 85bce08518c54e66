"""What a test sees of a deliverer: objects that it draws, and waiting until all is said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from delivery.deliverer import Deliverer, Rendered
from delivery.outbox import Card, ChannelId, Line, ObjectId, Outbox
from delivery.uploads import FileContent
from delivery.web_client import web_client
from sandbox.slack import SandboxSlack
from sandbox.slack.messages import Message

OPS = ChannelId("C0OPS")
AUDIT = ChannelId("C0AUDIT")
GENERAL = ChannelId("C0GENERAL")
ARCHIVE = ChannelId("C0ARCHIVE")
ALICE = ChannelId("U0ALICE")


class Desk:
    """A deliverer with short pauses; `cards` holds the version and blocks of each object."""

    def __init__(self, slack: SandboxSlack, outbox: Outbox, *, lease_ms: int = 2_000) -> None:
        self.slack = slack
        self.outbox = outbox
        self.client = web_client(slack.bot_token, slack.url)
        self.cards: dict[str, Rendered] = {}
        self.files: dict[str, FileContent] = {}
        self.draw_error: Exception | None = None
        self.draws = 0
        self.deliverer = Deliverer(
            outbox,
            self.client,
            self.render,
            fallback_channel=AUDIT,
            gone_note=lambda _channel: "The earlier message is gone.",
            draw_file=self.draw_file,
            post_interval=0.0,
            update_interval=0.0,
            lease=timedelta(milliseconds=lease_ms),
            retry=timedelta(milliseconds=20),
            hold=timedelta(milliseconds=50),
        )

    async def render(self, object_id: ObjectId) -> Rendered | None:
        self.draws += 1
        if self.draw_error is not None:
            raise self.draw_error
        return self.cards.get(object_id)

    async def draw_file(self, object_id: ObjectId) -> FileContent | None:
        return self.files.get(object_id)

    def card(self, name: str, version: int, text: str = "", *, channel: ChannelId = OPS) -> None:
        """What the card of this object shows from now on."""
        said = text or f"{name} v{version}"
        self.cards[name] = Rendered(channel, version, said, [section(said)])

    async def show(self, name: str, key: str, channel: ChannelId = OPS) -> None:
        await self.outbox.put(channel, Card(key=key, object_id=ObjectId(name)))

    async def say(self, key: str, text: str, channel: ChannelId = OPS, **more: Any) -> None:
        await self.outbox.put(channel, Line(key=key, text=text, **more))

    async def deliver(self) -> None:
        """Until nothing waits any more."""
        await self.deliver_until(lambda: False, or_empty=True)

    async def deliver_until(
        self, condition: Callable[[], bool], *, or_empty: bool = False, seconds: float = 15.0
    ) -> None:
        until = time.monotonic() + seconds
        while not condition():
            await self.deliverer.sweep()
            if or_empty and not await self._waiting():
                return
            if time.monotonic() > until:
                raise AssertionError(f"not delivered: {self.deliverer.health}")
            await asyncio.sleep(0.005)

    async def _waiting(self) -> int:
        """Items in all outboxes; counted again when one has moved to another meanwhile."""
        while True:
            channels = await self.outbox.channels()
            found = sum([await self.outbox.size(channel) for channel in channels])
            if await self.outbox.channels() == channels:
                return found

    def said(self, channel: str = OPS) -> list[str]:
        """The texts of the bot's messages in a channel, oldest first, replies too."""
        return [m.text for m in self.messages(channel)]

    def messages(self, channel: str = OPS) -> list[Message]:
        return [m for m in self.slack.channel(channel).messages if m.bot]

    async def close(self) -> None:
        await self.deliverer.stop()
        assert self.client.session is not None
        await self.client.session.close()


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text}}
