"""A channel through the eyes of those who are in it."""

from __future__ import annotations

from sandbox.slack.core import Core
from sandbox.slack.messages import Message
from sandbox.slack.workspace import Channel


class ChannelSight:
    """A channel as everybody in it sees it."""

    def __init__(self, core: Core, channel: Channel) -> None:
        self._core = core
        self.channel = channel

    @property
    def id(self) -> str:
        """The channel id."""
        return self.channel.id

    @property
    def members(self) -> set[str]:
        """Who is in it; may be changed."""
        return self.channel.members

    @property
    def messages(self) -> list[Message]:
        """What everybody sees, replies in threads too, oldest first."""
        return self._core.messages.public(self.channel.id)

    @property
    def top_level(self) -> list[Message]:
        """What everybody sees without opening a thread."""
        return [m for m in self._core.messages.top_level(self.channel.id) if not m.ephemeral]

    def thread(self, ts: str) -> list[Message]:
        """A message and the replies below it."""
        return [m for m in self._core.messages.thread(self.channel.id, ts) if not m.ephemeral]
