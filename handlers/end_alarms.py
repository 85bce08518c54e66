"""What is more than a line in a request's thread: a port left open, a session that vanished."""

from __future__ import annotations

from approvals.closing import AFTER_END
from approvals.entry import Entry
from approvals.events import EndCause, Ended, StillOpen
from approvals.request import Request
from delivery.outbox import ChannelId, Item, Line
from handlers.cards import portal_link
from handlers.notices import Notice, Notices, Vanished
from handlers.services import Services
from handlers.views.blocks import Message
from handlers.views.end_alarm import closed_after_all, left_open_alarm


async def end_alarms(entry: Entry, request: Request, s: Services) -> list[tuple[ChannelId, Item]]:
    """To the audit channel what Azure should have closed, to the rule's channel what it should
    not have. `request` is as of this entry."""
    event, audit = entry.event, ChannelId(s.audit_channel)
    in_audit = s.languages.of_channel(s.audit_channel)
    match event:
        case StillOpen(code=code) if code in AFTER_END:
            link = portal_link(s.portal_url, request)
            return [(audit, _line(entry, left_open_alarm(request, link, in_audit)))]
        case Ended() if request.still_open is not None and request.still_open.code in AFTER_END:
            return [(audit, _line(entry, closed_after_all(request, in_audit)))]
        case Ended(cause=EndCause.VANISHED):
            channel = ChannelId(request.rule.channel)
            notice = Notice(
                key=_key(entry),
                channel=channel,
                about=Vanished(request.id, entry.at),
                wanted=None,
                began_at=entry.at,
                look_at=entry.at,
            )
            return [(channel, await Notices(s).file(notice))]
        case _:
            return []


def _line(entry: Entry, message: Message) -> Line:
    return Line(key=_key(entry), text=message.text, blocks=message.blocks)


def _key(entry: Entry) -> str:
    return f"end:{entry.sequence}"
