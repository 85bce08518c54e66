"""Muting a kind of alert in a channel for a time: a deed whose body is what the feed needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import structs

from approvals.deeds import REASON_MAX, Deed, DeedKind, Stale, Subject
from approvals.events import OpId, PersonId
from feeds.mutes import Mute, read_mute, write_mute
from feeds.reading import Stored
from feeds.store import kind_of
from handlers.alert_feed import AlertFeed
from handlers.services import Services
from handlers.views.alert_words import title

#: The local time until which `tomorrow` mutes.
MORNING = 9
LONGEST = timedelta(days=7)


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
) -> Mute:
    """Record it; the feed is told as a consequence. Raises LedgerError."""
    alert = stored.alert
    machine = (alert.resource_id or alert.machine).casefold() if this_machine else ""
    made = Mute(
        id=str(op)[:16],
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
        subject=Subject(f"mute:{made.id}"),
        name=made.name,
        reason=made.reason,
        until=until,
        pattern=alert.machine if this_machine else "*",
    )
    await s.ledger.do(deed, actor=actor, op_id=op, version=0, body=write_mute(made))
    return made


async def unmute(s: Services, mute_id: str, *, actor: PersonId, op: OpId) -> Mute | None:
    """End it before its time. None: it is over, or was never."""
    subject = Subject(f"mute:{mute_id}")
    version, raw = await s.ledger.subject(subject)
    if raw is None:
        return None
    found = read_mute(raw)
    if found.is_over or found.until <= s.ledger.instant:
        return None
    over = structs.replace(found, is_over=True)
    deed = Deed(kind=DeedKind.UNMUTED, subject=subject, name=found.name)
    done = await s.ledger.do(deed, actor=actor, op_id=op, version=version, body=write_mute(over))
    return None if isinstance(done, Stale) else over


async def put_in_force(feed: AlertFeed, mute: Mute) -> None:
    """The consequence: twice is once."""
    if mute.is_over:
        await feed.mutes.unmute(mute.id)
    else:
        await feed.mutes.mute(mute)
