"""What people decide about alerts is done in Defender, too: one deed after the other.

A consumer of its own, so that a slow Azure delays no card. Setting a state twice is setting it
once. What can't be done is said in the thread in plain words; the state here stays.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from approvals.deeds import Deed, DeedKind
from approvals.entry import SEKISHO, Entry
from approvals.ledger import Consumer, LedgerError
from defender.alert_routes import NoRoute
from defender.errors import (
    AzureBusy,
    AzureError,
    AzureForbidden,
    AzureNotFound,
    AzureRefused,
)
from delivery.outbox import OUTBOX_ERRORS, Line
from feeds.own_writes import OwnWrites
from feeds.reading import Stored
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed, States, Verb
from handlers.alert_portal import PortalChanges
from handlers.alert_xdr_write import XdrWriter
from handlers.services import Services
from handlers.views.alert_thread import small_line

log = logging.getLogger(__name__)

VERBS: dict[DeedKind, Verb] = {
    DeedKind.TAKEN: "inProgress",
    DeedKind.ASSIGNED: "inProgress",
    DeedKind.IN_PROGRESS: "inProgress",
    DeedKind.RESOLVED: "resolve",
    DeedKind.DISMISSED: "dismiss",
    DeedKind.REOPENED: "activate",
}
#: What people want it to be, as the case says; an older deed that says otherwise is skipped.
STATES: dict[Verb, str] = {"resolve": "resolved", "dismiss": "dismissed", "activate": "active"}

TRIES_MAX = 6
#: The wait after a try that Azure was too busy for, unless it names one.
WAIT = timedelta(seconds=2)
WAIT_MAX = timedelta(seconds=60)
RETRY_SECONDS = 1.0


class WriteBack:
    """`run` as a background task of every process; entries are shared by consumer group."""

    def __init__(
        self,
        services: Services,
        feed: AlertFeed,
        consumer: Consumer,
        *,
        xdr: XdrWriter | None = None,
        wait: timedelta = WAIT,
    ) -> None:
        self._s = services
        self._feed = feed
        self._consumer = consumer
        self._facts = AlertFacts(services, feed)
        self._portal = PortalChanges(services, feed)
        self._writes = OwnWrites(feed.store)
        self._xdr = xdr
        self._wait = wait

    async def run(self) -> None:
        async for entry in self._consumer.entries():
            await self._until_done(entry)
            await self._consumer.done(entry)

    async def _until_done(self, entry: Entry) -> None:
        """A ledger or outbox that can't be reached is waited out; everything else is told."""
        while True:
            try:
                await self.write(entry)
                return
            except (LedgerError, *OUTBOX_ERRORS) as error:
                log.warning("entry %s: %s; again soon", entry.sequence, type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("entry %s can't be written back", entry.sequence)
                return

    async def write(self, entry: Entry) -> None:
        """Tell Defender of this deed, if it is still what people want."""
        deed = entry.event
        if not isinstance(deed, Deed) or entry.actor == SEKISHO:
            return
        if deed.kind not in VERBS or not deed.subject.startswith("alert:"):
            return
        stored = await self._feed.store.alert(deed.subject.removeprefix("alert:"))
        if stored is None or not await self._is_wanted(stored, VERBS[deed.kind]):
            return
        is_release = deed.kind is DeedKind.ASSIGNED and not deed.to
        if self._feed.states is not None and not is_release:
            await self._in_azure(self._feed.states, entry, stored, VERBS[deed.kind])
        if self._xdr is not None:
            await self._xdr.write(entry, deed, stored)

    async def _in_azure(self, states: States, entry: Entry, stored: Stored, verb: Verb) -> None:
        problem = await self._set(states, stored, verb)
        if not problem and (verb != "inProgress" or stored.alert.state == "active"):
            await self._note(stored, verb)
        if problem and verb != "inProgress":
            await self._tell(entry, stored, problem)

    async def _note(self, stored: Stored, verb: Verb) -> None:
        """Sources that lag must not undo it, and the portal may, later."""
        key, now = stored.alert.key, await self._s.ledger.now()
        after = STATES.get(verb, "inprogress")
        await self._writes.note(key, stored.alert.state, after, now=now)
        if verb in ("resolve", "dismiss"):
            await self._portal.note_written(key)

    async def _is_wanted(self, stored: Stored, verb: Verb) -> bool:
        """Somebody may have decided otherwise since, and Defender may say so already."""
        _, case = await self._facts.case(stored.alert.key)
        wanted = STATES.get(verb)
        if wanted is None:
            return not case.is_closed
        return case.state == wanted or (wanted == "active" and not case.is_closed)

    async def _set(self, states: States, stored: Stored, verb: Verb) -> str:
        """The word of what was wrong, "" when it is done."""
        if verb == "inProgress" and stored.alert.state != "active":
            return ""
        wait = self._wait
        why = "unknown"
        for _ in range(TRIES_MAX):
            try:
                await states.set_state(stored.alert, verb)
                return ""
            except AzureBusy as busy:
                why, wait = "busy", min(busy.retry_after or wait * 2, WAIT_MAX)
            except AzureForbidden as error:
                # Azure lists no right for inProgress, so most roles lack it: no news
                level = logging.DEBUG if verb == "inProgress" else logging.WARNING
                log.log(level, "alert %s: %s: %s", stored.alert.key, verb, error)
                return "forbidden"
            except (AzureNotFound, NoRoute):
                return "gone"
            except AzureRefused as error:
                log.warning("alert %s: %s: %s", stored.alert.key, verb, error)
                return "refused"
            except AzureError as error:
                log.warning("alert %s: %s: %s", stored.alert.key, verb, error)
                why, wait = "unknown", min(wait * 2, WAIT_MAX)
            if verb == "inProgress":
                return why  # best effort: the next deed is not held up for it
            await asyncio.sleep(wait.total_seconds())
        return why

    async def _tell(self, entry: Entry, stored: Stored, problem: str) -> None:
        """In the thread, without calling anybody."""
        locale = self._s.languages.of_channel(stored.channel)
        why = locale.text(f"alert.write_why.{problem}")
        said = locale.text("alert.thread.not_written", why=why)
        line = small_line(said, self._s.ledger.instant, locale)
        item = Line(
            f"deed:{entry.sequence}:written",
            line.text,
            line.blocks,
            thread_of=stored.object_id,
        )
        await self._s.outbox.put(stored.channel, item)
