"""What an audit entry makes people read: the card, a line in its thread, private messages.

Pure but for the show consumer at the end, which reads who must be told and puts it into the
outboxes. Every item has a key made of the entry's sequence, so telling twice tells once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from approvals.deeds import Deed
from approvals.entry import Entry
from approvals.events import (
    Approved,
    Closing,
    Denied,
    Ended,
    Event,
    Failed,
    Opened,
    PersonId,
    State,
    StillOpen,
    Submitted,
    Warned,
)
from approvals.ledger import Consumer, LedgerError
from approvals.request import Request
from delivery.network import NETWORK_ERRORS
from delivery.outbox import OUTBOX_ERRORS, Card, ChannelId, Item, Line
from handlers.alert_at_session import cards_at_session
from handlers.cards import object_id
from handlers.end_alarms import end_alarms
from handlers.links import permalink
from handlers.locale import Locale
from handlers.services import Services
from handlers.views.blocks import Message
from handlers.views.direct import dm_ending, dm_open, dm_outcome
from handlers.views.elsewhere import asked_line, outcome_line
from handlers.views.thread import thread_line

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
#: An entry that fails by our own mistake is tried so often.
TELL_TRIES = 5
#: Redis or Slack can't be reached: waited out, however long it takes.
UNREACHABLE = (LedgerError, *OUTBOX_ERRORS, *NETWORK_ERRORS)
#: The line that links to a card waits this long for it; then it names the channel alone.
LINK_TRIES = 20
LINK_TRY_SECONDS = 0.25

Told = tuple[ChannelId, Item]


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads it, in which language."""

    channel: Locale
    requester: Locale
    group_names: dict[str, str]
    now: datetime
    #: kinds of private message the requester does not want.
    dms_off: frozenset[str]
    #: what the rule still allows in all, for the warning.
    left_in_all: timedelta | None
    link: str
    elsewhere: Locale | None = None


def consequences(entry: Entry, request: Request, readers: Readers) -> list[Told]:
    """Everything that `entry` makes Sekisho say."""
    then = as_of(request, entry)
    return [
        _card(entry, request),
        *_thread(entry, then, readers),
        *_direct(entry, then, readers),
        *_elsewhere(entry, then, readers),
    ]


def as_of(request: Request, entry: Entry) -> Request:
    """The request as far as this entry speaks of it, though more may have happened since."""
    event = entry.event
    match event:
        case Approved(approval=approval):
            given = request.approvals
            place = given.index(approval) + 1 if approval in given else len(given)
            return replace(request, approvals=given[:place])
        case Failed():
            return replace(request, failure=event)
        case Denied():
            return replace(request, denial=event)
        case Opened(opening=opening):
            return replace(request, opening=opening)
        case Closing():
            return replace(request, closing=event, closed_by=entry.actor)
        case StillOpen():
            return replace(request, still_open=event)
        case Ended():
            return replace(request, ended=event)
        case _:
            return request


def _card(entry: Entry, request: Request) -> Told:
    channel = ChannelId(request.rule.channel)
    return channel, Card(key=f"card:{request.id}:{entry.sequence}", object_id=object_id(request.id))


def _thread(entry: Entry, request: Request, readers: Readers) -> list[Told]:
    text = thread_line(request, _event(entry), entry.actor, readers.channel)
    if text is None:
        return []
    line = Line(key=f"thread:{entry.sequence}", text=text, thread_of=object_id(request.id))
    return [(ChannelId(request.rule.channel), line)]


def _direct(entry: Entry, request: Request, readers: Readers) -> list[Told]:
    event, locale = _event(entry), readers.requester
    kind = _kind(event)
    message: Message | None
    match event:
        case Opened():
            message = dm_open(request, locale)
        case Warned():
            message = dm_ending(
                request,
                locale,
                now=readers.now,
                group_names=readers.group_names,
                left_in_all=readers.left_in_all,
            )
        case _:
            message = dm_outcome(request, event, locale, now=readers.now)
    if message is None or kind in readers.dms_off:
        return []
    return [(ChannelId(request.requester), _say(f"dm:{entry.sequence}", message))]


def _elsewhere(entry: Entry, request: Request, readers: Readers) -> list[Told]:
    """Asked by mention in another thread: the link there, and later the outcome."""
    if not request.asked_in or readers.elsewhere is None:
        return []
    event = _event(entry)
    if isinstance(event, Submitted):
        text: str | None = asked_line(request, readers.link, readers.elsewhere)
    else:
        text = outcome_line(request, event, entry.actor, readers.elsewhere)
    if text is None:
        return []
    line = Line(key=f"asked:{entry.sequence}", text=text, thread_ts=request.asked_thread or None)
    return [(ChannelId(request.asked_in), line)]


def failed_for_approvers(
    entry: Entry, request: Request, locales: Mapping[PersonId, Locale]
) -> list[Told]:
    """A failure reaches both people: those who said yes read it, too."""
    if not isinstance(entry.event, Failed):
        return []
    told: list[Told] = []
    for approval in request.approvals:
        text = thread_line(request, entry.event, entry.actor, locales[approval.approver])
        if text is not None:
            key = f"dm:{entry.sequence}:{approval.approver}"
            told.append((ChannelId(approval.approver), Line(key=key, text=text)))
    return told


def _event(entry: Entry) -> Event:
    event = entry.event
    if not isinstance(event, Event):
        raise TypeError("an administrator's entry belongs to no request")
    return event


def _kind(event: Event) -> str:
    """What a person can switch off: `open`, `ending`, `outcome`."""
    match event:
        case Opened():
            return "open"
        case Warned():
            return "ending"
        case _:
            return "outcome"


def _say(key: str, message: Message) -> Line:
    return Line(key=key, text=message.text, blocks=message.blocks)


class ShowConsumer:
    """Puts what is to be shown into the outboxes, entry by entry."""

    def __init__(
        self,
        services: Services,
        consumer: Consumer,
        *,
        deeds: Callable[[Entry], Awaitable[Sequence[Told]]] | None = None,
    ) -> None:
        self._s = services
        self._consumer = consumer
        #: what people did with alerts and file changes, put into words by the feeds' handlers.
        self._deeds = deeds
        self._tries: Counter[int] = Counter()

    async def run(self) -> None:
        """Ends with an exception when an entry can't be put into words; the next run tries again,
        until `TELL_TRIES` are over: one entry must not silence all that come after it."""
        async for entry in self._consumer.entries():
            self._tries[entry.sequence] += 1
            if self._tries[entry.sequence] <= TELL_TRIES:
                await self._until_told(entry)
            else:
                log.critical("entry %s can't be told: only its card is drawn", entry.sequence)
                await self._until_drawn(entry)
            await self._consumer.done(entry)
            del self._tries[entry.sequence]

    async def _until_told(self, entry: Entry) -> None:
        while True:
            try:
                for channel, item in await self._told(entry):
                    await self._s.outbox.put(channel, item)
                return
            except UNREACHABLE as error:
                await self._wait(entry, error)

    async def _until_drawn(self, entry: Entry) -> None:
        while entry.request is not None:
            try:
                request = await self._s.ledger.read(entry.request)
                if request is not None:
                    await self._s.outbox.put(*_card(entry, request))
                return
            except UNREACHABLE as error:
                await self._wait(entry, error)

    async def _wait(self, entry: Entry, error: Exception) -> None:
        log.warning("entry %s: %s: %s; again soon", entry.sequence, type(error).__name__, error)
        await asyncio.sleep(RETRY_SECONDS)

    async def _told(self, entry: Entry) -> Sequence[Told]:
        if entry.request is None:
            if self._deeds is None or not isinstance(entry.event, Deed):
                return []
            return await self._deeds(entry)
        request = await self._s.ledger.read(entry.request)
        if request is None:
            log.error("entry %s: request %s is gone", entry.sequence, entry.request)
            return []
        link = ""
        if isinstance(entry.event, Submitted) and request.asked_in:
            await self._s.outbox.put(*_card(entry, request))
            link = await self._link(request)
        told = consequences(entry, request, await self._readers(request, link))
        told += await end_alarms(entry, as_of(request, entry), self._s)
        told += await cards_at_session(self._s, entry, request)
        locales = {a.approver: await self._s.languages.learn(a.approver) for a in request.approvals}
        return [*told, *failed_for_approvers(entry, as_of(request, entry), locales)]

    async def _readers(self, request: Request, link: str) -> Readers:
        s = self._s
        record = await s.ledger.person(request.requester)
        s.languages.chosen[request.requester] = (record.language, record.time_zone)
        return Readers(
            channel=s.languages.of_channel(request.rule.channel),
            requester=await s.languages.learn(request.requester),
            group_names=dict(s.group_names()),
            now=s.ledger.instant,
            dms_off=record.dms_off,
            left_in_all=left_in_all(request),
            link=link,
            elsewhere=s.languages.of_channel(request.asked_in) if request.asked_in else None,
        )

    async def _link(self, request: Request) -> str:
        """The card's address; it is known once the card is posted, which takes a moment."""
        for _ in range(LINK_TRIES):
            address = await self._s.outbox.address(object_id(request.id))
            if address is not None:
                break
            await asyncio.sleep(LINK_TRY_SECONDS)
        else:
            return ""
        return await permalink(self._s, address)


def left_in_all(request: Request) -> timedelta | None:
    """What the rule's cap on the sum still allows; None where nothing is open."""
    if request.opening is None or request.state is not State.ACTIVE:
        return None
    used = request.opening.ends_at - request.opening.opened_at
    return max(timedelta(0), timedelta(seconds=request.rule.longest_total_seconds) - used)
