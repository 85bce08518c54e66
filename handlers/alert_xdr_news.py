"""What analysts do in Defender XDR becomes deeds of Sekisho's: card and thread follow from them.

A poll in the holder of the main lease. What it tells is noted beside the audit log's entry and
bears an op-id of the change itself, so that a restart tells nothing twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from approvals.deeds import Stale, foreign
from approvals.entry import SEKISHO
from approvals.events import PersonId
from approvals.ledger import LedgerBusy
from approvals.operations import op_id
from defender.xdr_decode import XdrAlert
from defender.xdr_match import best_of_ours
from feeds.cases import NOBODY, after, write_case
from feeds.reading import Stored
from feeds.xdr_news import About, changed, is_older, is_touched, news
from feeds.xdr_records import Record, XdrRecords
from handlers.alert_facts import AlertFacts, subject_of
from handlers.alert_feed import AlertFeed
from handlers.alert_xdr import Xdr
from handlers.services import Services
from handlers.views.alert_words import title

#: A change shows in Graph's lists a little after the time that it bears.
OVERLAP = timedelta(minutes=10)
#: The first look of a process reads this far back: what waited for its alert is not kept in Redis.
FIRST_OVERLAP = timedelta(hours=2)
#: Graph's time of an alert's creation is its own, minutes from Defender for Cloud's.
AROUND = timedelta(minutes=90)
#: Changes of alerts that Defender for Cloud has not told yet; an alert may be an hour late.
WAITING_MAX = 500
TRIES_MAX = 8


class XdrNews:
    """One workspace's."""

    def __init__(self, services: Services, feed: AlertFeed, xdr: Xdr, records: XdrRecords) -> None:
        self._s = services
        self._feed = feed
        self._xdr = xdr
        self._records = records
        self._facts = AlertFacts(services, feed)
        self._is_first = True
        self._waiting: dict[str, XdrAlert] = {}

    async def step(self) -> None:
        """Everything that changed since the last look."""
        now = await self._records.now()
        cursor = await self._records.cursor()
        overlap = FIRST_OVERLAP if self._is_first else OVERLAP
        found = await self._xdr.changed_since((cursor or now) - overlap)
        # kept until it is taken: a step that fails is made again from here
        self._waiting |= {one.xdr_id: one for one in found}
        for one in list(self._waiting.values()):
            if await self._is_taken(one, now):
                del self._waiting[one.xdr_id]
        for xdr_id in list(self._waiting)[WAITING_MAX:]:
            del self._waiting[xdr_id]
        newest = max((one.changed_at for one in found if one.changed_at), default=None)
        if newest is not None and (cursor is None or newest > cursor):
            await self._records.advance(newest)
        self._is_first = False

    async def _is_taken(self, found: XdrAlert, now: datetime) -> bool:
        """False while it waits for its alert, which may come up to two hours later."""
        record = await self._records.read(found.xdr_id)
        if not record.key and not is_touched(found):
            return True
        stored = await self._ours(record.key, found)
        if stored is not None:
            await self.saw(found, stored)
            return True
        return (found.changed_at or now) <= now - FIRST_OVERLAP

    async def _ours(self, key: str, found: XdrAlert) -> Stored | None:
        """Which of our alerts it is; None: none, or not yet."""
        store = self._feed.store
        keys = [key] if key else [found.provider_alert_id.lower(), found.xdr_id.lower()]
        named = await store.many([one for one in keys if one])
        if named or found.created_at is None:
            return named[0] if named else None
        near = await store.between(found.created_at - AROUND, found.created_at + AROUND)
        alert = best_of_ours(found, [one.alert for one in near])
        return next((one for one in near if alert is not None and one.alert is alert), None)

    async def saw(self, found: XdrAlert, stored: Stored) -> None:
        """Tell what is new in it. Raises LedgerError; then nothing is taken as told."""
        record = await self._records.read(found.xdr_id)
        if is_older(found, record):
            return
        key = stored.alert.key
        fields = changed(record, found)
        if fields or not all(map(record.has_heard, found.comments)):
            await self._tell(record, found, stored)
        await self._records.saw(found.xdr_id, key, fields, found.comments, found.changed_at)

    async def _tell(self, record: Record, found: XdrAlert, stored: Stored) -> None:
        """One after the other, each decided on what the one before has left."""
        key = stored.alert.key
        about = About(subject_of(key), title(stored.alert), await self._owner(found.owner))
        told: set[str] = set()
        for _ in range(TRIES_MAX + len(found.comments)):
            version, case = await self._facts.case(key)
            left = [one for one in news(record, found, case, about) if one.once not in told]
            if not left:
                return
            one = left[0]
            then = after(case, one.deed, actor=one.deed.by, at=await self._s.ledger.now())
            done = await self._s.ledger.do(
                one.deed,
                actor=SEKISHO,
                op_id=op_id("xdr", found.xdr_id, one.once),
                version=version,
                body=write_case(then),
            )
            if not isinstance(done, Stale):
                told.add(one.once)
        raise LedgerBusy(f"alert {key} changes too often to take in what Defender XDR says")

    async def _owner(self, owner: str) -> PersonId:
        """Who that is in Slack, else the name as it stands there."""
        if not owner:
            return NOBODY
        profile = await self._s.directory.by_email(owner) if "@" in owner else None
        return PersonId(profile.user_id) if profile is not None else foreign(owner)
