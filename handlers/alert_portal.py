"""An alert that was closed and is open again in Defender, where none of us opened it (C117).

It becomes a deed of Sekisho's: the owner is let go, the card stands open, the thread says it aloud.
Seen at once by the change that brings it; a change whose process was killed is found by looking.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from approvals.deeds import Deed, DeedKind, Stale
from approvals.entry import SEKISHO
from approvals.operations import op_id
from defender.alert import Alert
from feeds.cases import Case, after, write_case
from feeds.reading import Stored, instant, milliseconds
from handlers.alert_facts import AlertFacts, subject_of
from handlers.alert_feed import AlertFeed
from handlers.services import Services
from handlers.views.alert_words import title

log = logging.getLogger(__name__)

OPEN = ("active", "inprogress")
CLOSED = ("resolved", "dismissed")
#: The change is told before it is stored: waited for so often.
TRIES_MAX = 50
TRY_SECONDS = 0.1
#: After our own order to open it, what Azure shows a moment later is no news.
OURS = timedelta(minutes=10)
#: What Azure took from us shows in its lists a little later.
SETTLES = timedelta(seconds=60)
#: Open alerts that are looked through at once.
LOOK_MAX = 500
NOTE_DAYS = 100


class PortalChanges:
    """One workspace's."""

    def __init__(self, services: Services, feed: AlertFeed) -> None:
        self._s = services
        self._feed = feed
        self._facts = AlertFacts(services, feed)

    def saw(self, before: Alert, now: Alert) -> None:
        """For the ingest, which can't wait: what follows is done behind it."""
        if before.state in CLOSED and now.state in OPEN:
            work = self._when_stored(now.key)
            self._s.background.start(work, name="alert reopened")

    async def _when_stored(self, key: str) -> None:
        for _ in range(TRIES_MAX):
            stored = await self._feed.store.alert(key)
            if stored is not None and stored.alert.state in OPEN:
                await self.reopened(stored, is_seen=True)
                return
            await asyncio.sleep(TRY_SECONDS)

    async def step(self) -> None:
        """What a killed process did not finish; the holder of the main lease looks now and then."""
        for stored in await self._feed.store.open(limit=LOOK_MAX):
            await self.reopened(stored, is_seen=False)

    async def reopened(self, stored: Stored, *, is_seen: bool) -> None:
        """`is_seen`: it was closed in Defender a moment ago, as we know for sure."""
        version, case = await self._facts.case(stored.alert.key)
        if not (is_seen and not self._is_ours(case)) and not await self._is_undone(stored, case):
            return
        deed = Deed(
            kind=DeedKind.REOPENED,
            subject=subject_of(stored.alert.key),
            name=title(stored.alert),
        )
        then = after(case, deed, actor=SEKISHO, at=await self._s.ledger.now())
        op = op_id("portal", stored.alert.key, str(stored.version))
        done = await self._s.ledger.do(
            deed, actor=SEKISHO, op_id=op, version=version, body=write_case(then)
        )
        if isinstance(done, Stale):
            log.info("alert %s: somebody was faster than the portal", stored.alert.key)

    def _is_ours(self, case: Case) -> bool:
        """A person has just opened it here, or decided since; Azure only follows."""
        if case.is_closed or not case.steps:
            return False
        opened = [step for step in case.steps if step.kind is DeedKind.REOPENED]
        return bool(opened) and opened[-1].at > self._s.ledger.instant - OURS

    async def _is_undone(self, stored: Stored, case: Case) -> bool:
        """Azure took our closing, and has said otherwise since."""
        if not case.is_closed or case.decided_at is None:
            return False
        written = await self._written_ms(stored.alert.key)
        if written < milliseconds(case.decided_at):
            return False
        return stored.changed_at > instant(written) + SETTLES

    # --- what Azure took ---

    async def note_written(self, key: str) -> None:
        """Azure took what people decided, just now."""
        now = milliseconds(await self._s.ledger.now())
        redis = self._feed.store.scripts.redis
        await redis.set(self._name(key), now, ex=NOTE_DAYS * 86_400)

    async def _written_ms(self, key: str) -> int:
        found = await self._feed.store.scripts.redis.get(self._name(key))
        return int(found) if found is not None else 0

    def _name(self, key: str) -> str:
        return self._feed.store.scripts.key("alert-written", key)
