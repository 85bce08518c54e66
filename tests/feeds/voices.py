"""A voice that says plainly what it was asked to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from delivery.outbox import ChannelId
from feeds.escalation_steps import Reminder
from feeds.reading import Stored
from feeds.voice import Said, SetAside, Stall


class PlainVoice:
    """See `feeds.voice.Voice`."""

    def stalled(self, channel: ChannelId, stall: Stall) -> Said:
        return Said(f"stalled in {channel}: {stall.source} {stall.code}", [])

    def recovered(self, channel: ChannelId, stall: Stall, at: datetime) -> Said:
        return Said(f"over in {channel}", [])

    def set_aside(self, channel: ChannelId, found: SetAside) -> Said:
        return Said(f"set aside: {'; '.join(found.sentences)}", [])

    def missed(self, channel: ChannelId, source: str, found: Sequence[Stored]) -> Said:
        return Said(f"{source} missed {', '.join(one.alert.key for one in found)}", [])

    async def reminder(self, channel: ChannelId, stored: Stored, reminder: Reminder) -> Said:
        about = reminder.storm_id or stored.alert.key
        following = reminder.next_step or "nothing"
        return Said(f"{reminder.step} {reminder.whom} {about}, then {following}", [])
