"""What the feeds have to say besides cards; `handlers` puts it into words of the channel.

The feeds know when something must be said and to whom, never how: each method gives the text and
blocks of one message. `delivery` says each once, by its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from delivery.outbox import ChannelId
from feeds.escalation_steps import Reminder
from feeds.reading import Stored

Block = dict[str, Any]


class Said(NamedTuple):
    """One message."""

    text: str
    blocks: list[Block]


class Stall(msgspec.Struct, frozen=True):
    """Alerts may be late: no source could be read since then. Kept in Redis while it lasts."""

    since: datetime
    #: the usual source.
    source: str
    #: what Azure said last, for people: its code and sentence ("" where nothing was said).
    code: str = ""
    message: str = ""
    #: when it is tried again.
    next_try_at: datetime | None = None
    #: whether the channels have been told.
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class SetAside:
    """Items of a source that could not be read; each sentence is told once."""

    source: str
    sentences: tuple[str, ...]


class Voice(Protocol):
    """Draws what the feeds say."""

    def stalled(self, channel: ChannelId, stall: Stall) -> Said:
        """Alerts are late; see ux/feeds/feeds-stalled."""

    def recovered(self, channel: ChannelId, stall: Stall, at: datetime) -> Said:
        """Azure answers again; what was missed has been told."""

    def set_aside(self, channel: ChannelId, found: SetAside) -> Said:
        """For the audit channel."""

    def missed(self, channel: ChannelId, source: str, found: Sequence[Stored]) -> Said:
        """For the audit channel: alerts that only the cross-check has found."""

    async def reminder(self, channel: ChannelId, stored: Stored, reminder: Reminder) -> Said:
        """Nobody has taken it; see ux/feeds/alert-reminder. `channel` may be a person's id (DM)."""
