"""What was done past Sekisho, as messages that are edited once it is known by whom (C7).

Posted at once; Azure's activity log names the caller minutes later, and `handlers.callers` looks
for it. What a notice says is kept beside the ledger, so that it is drawn anew by any process.
"""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from approvals.events import RequestId
from approvals.watching import Replacement, WatchStore
from delivery.deliverer import Rendered
from delivery.outbox import Card, ChannelId, ObjectId
from feeds.callers import Answer, Wanted
from feeds.openings import ForeignOpening, PolicyChange
from handlers.cards import portal_link
from handlers.places import target_of
from handlers.services import Services
from handlers.views.blocks import Message
from handlers.views.end_alarm import vanished_alarm
from handlers.views.openings import Seen, foreign_opening, policy_changed

log = logging.getLogger(__name__)

PREFIX = "notice:"
#: The notices themselves, and the hash of those whose caller is looked for.
WHAT = "notice"
WAITING = ("callers", "waiting")
_WAITS = b"1"


class PolicyEdited(msgspec.Struct, frozen=True, tag="policy"):
    change: PolicyChange
    seen_at: datetime
    before_at: datetime | None


class Opened(msgspec.Struct, frozen=True, tag="opening"):
    opening: ForeignOpening
    seen_at: datetime


class Vanished(msgspec.Struct, frozen=True, tag="vanished"):
    """A session that Azure no longer shows. What to look for is found when it is looked for."""

    request: RequestId
    seen_at: datetime


class Notice(msgspec.Struct, frozen=True):
    """`key`: that of the first queued item; `wanted` is None where Azure has to be asked first."""

    key: str
    channel: ChannelId
    about: PolicyEdited | Opened | Vanished
    wanted: Wanted | None
    began_at: datetime
    look_at: datetime
    answer: Answer = Answer()

    @property
    def is_searched(self) -> bool:
        """Whether the log has to name the caller; Azure's record of an opening may do so."""
        return not (isinstance(self.about, Opened) and self.about.opening.requestor.strip())

    @property
    def card(self) -> Card:
        """The item that shows it as it is now."""
        version = self.answer.version
        key = self.key if version == 1 else f"{self.key}:{version}"
        return Card(key=key, object_id=ObjectId(f"{PREFIX}{self.key}"))


_DECODER = msgspec.json.Decoder(Notice)


class Notices:
    """Keeps, queues and draws them."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._store = WatchStore(services.ledger.store)

    async def file(self, notice: Notice) -> Card:
        """Keep it and begin the search; what was filed before stays as it is."""
        await self._store.keep_new(WHAT, notice.key, msgspec.json.encode(notice))
        if notice.is_searched:
            await self._store.remember(*WAITING, notice.key, _WAITS)
        return notice.card

    async def save(self, notice: Notice) -> None:
        """What is known by now; whoever reads the message sees it once it is drawn."""
        await self._store.keep(WHAT, notice.key, msgspec.json.encode(notice))
        if notice.answer.version > 1:  # again where a crash came between: the key tells it once
            await self._s.outbox.put(notice.channel, notice.card)

    async def waiting(self) -> list[Notice]:
        """Those whose caller is looked for."""
        found: list[Notice] = []
        for key in sorted(await self._store.seen(*WAITING)):
            notice = await self.read(key)
            if notice is None:
                await self.end(key)
            else:
                found.append(notice)
        return found

    async def end(self, key: str) -> None:
        """The search is over."""
        await self._store.replace(*WAITING, [Replacement(key, _WAITS, b"")])

    async def read(self, key: str) -> Notice | None:
        raw = await self._store.kept(WHAT, key)
        if raw is None:
            return None
        try:
            return _DECODER.decode(raw)
        except msgspec.MsgspecError as error:
            log.error("notice %s of another version can't be read: %s", key, error)
            return None

    async def render(self, name: ObjectId) -> Rendered | None:
        """The message as it is now; None for one that is not kept any more."""
        notice = await self.read(name.removeprefix(PREFIX))
        message = await self._message(notice) if notice is not None else None
        if notice is None or message is None:
            log.error("%s can't be drawn: it is gone", name)
            return None
        return Rendered(notice.channel, notice.answer.version, message.text, message.blocks)

    async def _message(self, notice: Notice) -> Message | None:
        s, answer = self._s, notice.answer
        locale = s.languages.of_channel(notice.channel)
        match notice.about:
            case PolicyEdited(change=change) as about:
                target = target_of(s, change.before.resource_id)
                places = (change.after or change.before).policies
                group = places[0][0].partition("/providers/")[0] if places else target.resource_id
                link = f"{s.portal_url}/#resource{group}/eventlogs"
                seen = Seen(about.seen_at, about.before_at)
                return policy_changed(change, target, seen, link, locale, answer)
            case Opened(opening=opening, seen_at=seen_at):
                target = target_of(s, opening.resource_id)
                link = f"{s.portal_url}/#resource{opening.resource_id}/networking"
                return foreign_opening(opening, target, seen_at, link, locale, answer)
            case Vanished(request=number):
                request = await s.ledger.read(number)
                if request is None:
                    return None
                return vanished_alarm(request, portal_link(s.portal_url, request), locale, answer)
