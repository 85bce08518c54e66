"""Every message of the workspace: channels, threads, ephemerals, edits, and who has read what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sandbox.slack import block_text
from sandbox.slack.changes import Changes, Hint
from sandbox.slack.json_types import JsonObject
from sandbox.slack.workspace import BOT_USER_ID, Workspace


class Clock(Protocol):
    """The clock of the sandbox's world; the director may move it forward."""

    def now(self) -> datetime:
        """The present instant, aware of its zone."""


@dataclass(slots=True, eq=False)
class Message:
    """One message; the same object stays true while the message is edited."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[JsonObject]
    thread_ts: str | None = None
    metadata: JsonObject | None = None
    ephemeral_to: str | None = None
    edited: bool = False
    deleted: bool = False
    #: How often it was changed by chat.update or a response URL.
    revision: int = 0
    broadcast: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[JsonObject] = field(default_factory=list)
    #: What each person has chosen in this message's menus: user -> block -> action -> state.
    chosen: dict[str, dict[str, dict[str, JsonObject]]] = field(default_factory=dict)

    @property
    def bot(self) -> bool:
        """Whether the bot wrote it."""
        return self.user == BOT_USER_ID

    @property
    def ephemeral(self) -> bool:
        """Whether one person alone sees it."""
        return self.ephemeral_to is not None

    @property
    def is_reply(self) -> bool:
        """Whether it lies in a thread below another message."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def all_text(self) -> str:
        """Every visible string: those of the blocks, or the text when there are none."""
        return block_text.visible(self.blocks) if self.blocks else self.text

    def buttons(self) -> list[tuple[str, str, str]]:
        """(text, action_id, value) of every button."""
        return block_text.buttons(self.blocks)

    def says(self, words: str) -> bool:
        """Whether these words are in what is shown or in the notification's text."""
        return words in self.all_text() or words in self.text


class MessageStore:
    """All messages by channel, in the order of their time stamps."""

    def __init__(self, clock: Clock, workspace: Workspace, changes: Changes) -> None:
        self._clock = clock
        self._workspace = workspace
        self._changes = changes
        self._messages: dict[str, dict[str, Message]] = {}
        #: Replies by the channel and time stamp of their parent.
        self._replies: dict[tuple[str, str], list[Message]] = {}
        self._last_microsecond = 0
        self._read: dict[tuple[str, str], str] = {}

    def next_ts(self) -> str:
        """A time stamp that no other message has, never earlier than the last."""
        now = round(self._clock.now().timestamp() * 1_000_000)
        self._last_microsecond = max(now, self._last_microsecond + 1)
        return f"{self._last_microsecond // 1_000_000}.{self._last_microsecond % 1_000_000:06d}"

    def post(self, message: Message) -> Message:
        """Keep a new message and tell the pages that show it."""
        self._messages.setdefault(message.channel, {})[message.ts] = message
        if message.is_reply and message.thread_ts is not None and not message.ephemeral:
            self._replies.setdefault((message.channel, message.thread_ts), []).append(message)
        if not message.bot:
            self._read[message.user, message.channel] = message.ts
        self.touched(message)
        return message

    def revise(
        self, message: Message, *, text: str, blocks: list[JsonObject], metadata: JsonObject | None
    ) -> None:
        """Give a message new contents."""
        message.text, message.blocks = text, blocks
        # Slack shows "(edited)" only when the new contents are plain text.
        message.edited = message.edited or not blocks
        message.metadata = metadata if metadata is not None else message.metadata
        message.revision += 1
        self.touched(message)

    def delete(self, message: Message) -> None:
        """Take a message away; a thread below it stays."""
        message.deleted = True
        self.touched(message)

    def touched(self, message: Message) -> None:
        """Tell those who can see this message that it changed."""
        people: frozenset[str] | None = frozenset(self._workspace.channels[message.channel].members)
        if message.ephemeral_to is not None:
            people = frozenset({message.ephemeral_to})
        thread = message.thread_ts if message.is_reply else None
        self._changes.notify(Hint("messages", message.channel, thread, people))

    def find(self, channel: str, ts: str, *, viewer: str | None = None) -> Message | None:
        """A living message; an ephemeral one only for the person who sees it."""
        message = self._messages.get(channel, {}).get(ts)
        if message is None or message.deleted:
            return None
        return message if message.ephemeral_to in (None, viewer) else None

    def everything(self, channel: str) -> list[Message]:
        """All that is or was in this channel, deleted and ephemeral ones too."""
        return list(self._messages.get(channel, {}).values())

    def public(self, channel: str) -> list[Message]:
        """Living messages of the channel, replies too, that everybody in it can see."""
        return [m for m in self.everything(channel) if not m.deleted and not m.ephemeral]

    def top_level(self, channel: str, *, viewer: str | None = None) -> list[Message]:
        """What the channel itself shows this person (None: what everybody sees)."""
        seen = self._seen(channel, viewer)
        return [m for m in seen if not m.is_reply or m.broadcast]

    def thread(self, channel: str, ts: str, *, viewer: str | None = None) -> list[Message]:
        """A parent and its replies, as this person sees them."""
        return [m for m in self._seen(channel, viewer) if ts in (m.ts, m.thread_ts)]

    def _seen(self, channel: str, viewer: str | None) -> Iterator[Message]:
        for message in self.everything(channel):
            tombstone = message.deleted and not message.ephemeral and self.replies(message)
            living = not message.deleted and message.ephemeral_to in (None, viewer)
            if living or tombstone:
                yield message

    def replies(self, message: Message) -> list[Message]:
        """The replies below this message that everybody sees."""
        replies = self._replies.get((message.channel, message.ts), ())
        return [reply for reply in replies if not reply.deleted]

    def read(self, user: str, channel: str) -> None:
        """This person has seen everything that is in the channel now."""
        messages = self._messages.get(channel)
        if messages:
            self._read[user, channel] = next(reversed(messages))
            self._changes.notify(Hint("state", people=frozenset({user})))

    def unread(self, user: str, channel: str) -> int:
        """How many messages of others came since this person last looked."""
        last = self._read.get((user, channel), "")
        is_im = self._workspace.channels[channel].is_im
        seen = self._seen(channel, user)
        new = (m for m in seen if m.ts > last and m.user != user and not m.deleted)
        return sum(1 for m in new if is_im or not m.is_reply)
