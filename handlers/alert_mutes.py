"""Muting a kind of alert in a channel for a time: a deed whose body says what the feed needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from approvals.deeds import REASON_MAX, Deed, DeedKind, Stale, Subject
from approvals.events import OpId, PersonId
from delivery.outbox import ChannelId
from feeds.mutes import Mute
from feeds.reading import Stored
from feeds.store import kind_of
from handlers.alert_feed import AlertFeed
from handlers.services import Services
from handlers.views.alert_words import title

#: The local time until which `tomorrow` mutes.
MORNING = 9
LONGEST = timedelta(days=7)


class MuteBody(msgspec.Struct, frozen=True):
    """What is muted where, until when, and the alert from which it was done."""

    channel: str
    kind: str
    until: datetime
    machine: str = ""
    by: str = ""
    reason: str = ""
    name: str = ""
    alert_key: str = ""
    is_over: bool = False


_decoder = msgspec.json.Decoder(MuteBody)


def read_mute(body: bytes) -> MuteBody:
    return _decoder.decode(body)


def until_of(word: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """`2h`, `7d`, `tomorrow`; None for what is no time, or too long."""
    if word == "tomorrow":
        there = now.astimezone(zone) + timedelta(days=1)
        return there.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    unit = {"h": "hours", "d": "days"}.get(word[-1:], "")
    if not unit or not word[:-1].isdecimal() or len(word) > 4:
        return None
    length = timedelta(**{unit: int(word[:-1])})
    return now + length if timedelta() < length <= LONGEST else None


async def mute(
    s: Services,
    stored: Stored,
    *,
    actor: PersonId,
    op: OpId,
    until: datetime,
    this_machine: bool = True,
    reason: str = "",
) -> MuteBody:
    """Record it; the feed is told as a consequence. Raises LedgerError."""
    alert = stored.alert
    machine = (alert.resource_id or alert.machine).casefold() if this_machine else ""
    body = MuteBody(
        channel=stored.channel,
        kind=kind_of(alert),
        until=until,
        machine=machine,
        by=actor,
        reason=reason[:REASON_MAX],
        name=title(alert),
        alert_key=alert.key,
    )
    deed = Deed(
        kind=DeedKind.MUTED,
        subject=Subject(f"mute:{str(op)[:16]}"),
        name=body.name,
        reason=body.reason,
        until=until,
        pattern=alert.machine if this_machine else "*",
    )
    await s.ledger.do(deed, actor=actor, op_id=op, version=0, body=msgspec.json.encode(body))
    return body


async def unmute(s: Services, mute_id: str, *, actor: PersonId, op: OpId) -> MuteBody | None:
    """End it before its time. None: it is over, or was never."""
    subject = Subject(f"mute:{mute_id}")
    version, raw = await s.ledger.subject(subject)
    if raw is None:
        return None
    body = read_mute(raw)
    if body.is_over or body.until <= s.ledger.instant:
        return None
    over = msgspec.structs.replace(body, is_over=True)
    deed = Deed(kind=DeedKind.UNMUTED, subject=subject, name=body.name)
    done = await s.ledger.do(
        deed, actor=actor, op_id=op, version=version, body=msgspec.json.encode(over)
    )
    return None if isinstance(done, Stale) else over


async def put_in_force(feed: AlertFeed, mute_id: str, body: MuteBody) -> None:
    """The consequence: twice is once."""
    if body.is_over:
        await feed.mutes.unmute(mute_id)
        return
    await feed.mutes.mute(
        Mute(
            id=mute_id,
            channel=ChannelId(body.channel),
            kind=body.kind,
            until=body.until,
            machine=body.machine,
            by=body.by,
            reason=body.reason,
            name=body.name,
        )
    )
