"""What people decide goes to the alert's other half in Defender XDR, and to its incident.

What could not be written yet is owed: tried again at every poll, from what people want by then.
What Defender XDR refuses, or does not take within two hours, is said in the thread.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from approvals.deeds import Deed, DeedKind
from approvals.entry import Entry
from approvals.events import PersonId
from defender.alert_routes import NoRoute
from defender.errors import (
    AzureBusy,
    AzureError,
    AzureForbidden,
    AzureNotFound,
    AzureRefused,
)
from defender.xdr import COMMENT_MAX
from defender.xdr_decode import XdrAlert
from delivery.outbox import Line
from feeds.reading import Stored
from feeds.xdr_incident import incident_wish
from feeds.xdr_records import Owed, XdrRecords
from handlers.alert_facts import AlertFacts
from handlers.alert_feed import AlertFeed
from handlers.alert_xdr import Wanted, Xdr, is_wanted, wanted
from handlers.alert_xdr_news import XdrNews
from handlers.services import Services
from handlers.views import safe
from handlers.views.alert_thread import small_line

log = logging.getLogger(__name__)

#: An alert gets there minutes after Azure shows it; what has not come by then does not come.
OWED_FOR = timedelta(hours=2)
#: Problems that pass.
PASSING = frozenset({"absent", "busy", "unknown"})
#: Owed deeds of one round.
ROUND_MAX = 50


class XdrWriter:
    """One workspace's."""

    def __init__(
        self, services: Services, feed: AlertFeed, xdr: Xdr, records: XdrRecords, news: XdrNews
    ) -> None:
        self._s = services
        self._feed = feed
        self._xdr = xdr
        self._records = records
        self._news = news
        self._facts = AlertFacts(services, feed)

    async def write(self, entry: Entry, deed: Deed, stored: Stored) -> None:
        """Once, now; owed or told where that fails."""
        problem = await self._try(entry.sequence, deed, entry.actor, stored)
        if problem in PASSING:
            if not _never_comes(stored):
                now = await self._records.now()
                await self._records.owe(entry.sequence, Owed(deed, entry.actor, now))
        elif problem:
            await self._tell_problem(entry.sequence, stored, problem)

    async def step(self) -> None:
        """What is owed; the holder of the main lease tries it again."""
        now = await self._records.now()
        for sequence, owed in list((await self._records.owed()).items())[:ROUND_MAX]:
            key = owed.deed.subject.removeprefix("alert:")
            stored = await self._feed.store.alert(key)
            problem = ""
            if stored is not None:
                problem = await self._try(sequence, owed.deed, owed.actor, stored)
            if problem in PASSING and now - owed.since < OWED_FOR:
                continue
            if problem and stored is not None:
                await self._tell_problem(sequence, stored, problem)
            await self._records.paid(sequence)

    # --- one deed -------------------------------------------------------------------------------

    async def _try(self, sequence: int, deed: Deed, actor: PersonId, stored: Stored) -> str:
        """The word of what was wrong; "" when it stands there, or nobody wants it any more."""
        if wanted(deed, actor, {}) is None:
            return ""
        try:
            found = await self._xdr.find(stored.alert)
            if found is None:
                return "absent"
            # what an analyst did meanwhile is told first, and may have settled it otherwise
            await self._news.saw(found, stored)
            _, case = await self._facts.case(stored.alert.key)
            if not is_wanted(deed, actor, case):
                return ""
            await self._say(sequence, deed, actor, stored, found)
        except AzureBusy:
            return "busy"
        except AzureForbidden as error:
            log.warning("alert %s in Defender XDR: %s", stored.alert.key, error)
            return "forbidden"
        except (AzureNotFound, NoRoute):
            return "gone"
        except AzureRefused as error:
            log.warning("alert %s in Defender XDR: %s", stored.alert.key, error)
            return "refused"
        except AzureError as error:
            log.warning("alert %s in Defender XDR: %s", stored.alert.key, error)
            return "unknown"
        return ""

    async def _say(
        self, sequence: int, deed: Deed, actor: PersonId, stored: Stored, found: XdrAlert
    ) -> None:
        """Doing it twice is doing it once: a comment that stands is not added again."""
        owner = deed.to if deed.kind is DeedKind.ASSIGNED else actor
        want = wanted(deed, actor, {owner: await self._called(owner)})
        assert want is not None  # asked before
        await self._change(stored, found, want)
        name = (await self._facts.names((actor,), ask=True)).get(actor, actor)
        said = f"{name}: {deed.reason}"[:COMMENT_MAX]  # as Graph will give it back
        if deed.reason and said not in [comment.text for comment in found.comments]:
            await self._records.say(found.xdr_id, said)
            await self._xdr.comment(found.xdr_id, said)
        await self._incident(found, want)
        if want.owner and "@" not in want.owner:
            await self._tell_no_address(sequence, stored, want.owner)

    async def _change(self, stored: Stored, found: XdrAlert, want: Wanted) -> None:
        fields = want.fields
        await self._records.begin(found.xdr_id, stored.alert.key, fields, found.owner)
        try:
            now = await self._xdr.change(found.xdr_id, **fields)
        except AzureRefused:
            await self._records.refused(found.xdr_id, fields)
            raise
        await self._records.wrote(found.xdr_id, fields, now.changed_at)

    async def _incident(self, found: XdrAlert, want: Wanted) -> None:
        """The alert holds it already, so a right that is missing here is no news."""
        if not found.incident_id or (want.owner is None and want.classification is None):
            return
        try:
            incident = await self._xdr.incident(found.incident_id)
            had = (await self._records.read(found.xdr_id)).had
            fields = incident_wish(incident, found, want.fields, had=had)
            if fields:
                await self._xdr.change_incident(incident.incident_id, **fields)
        except AzureBusy:
            raise
        except (AzureRefused, NoRoute) as error:
            log.warning("incident %s in Defender XDR: %s", found.incident_id, error)

    async def _called(self, person: PersonId) -> str:
        """The address by which Defender XDR knows people, else the name that Slack shows."""
        profile = await self._s.directory.profile(person) if person else None
        return (profile.email or profile.name) if profile is not None else person

    # --- telling --------------------------------------------------------------------------------

    async def _tell_problem(self, sequence: int, stored: Stored, problem: str) -> None:
        locale = self._s.languages.of_channel(stored.channel)
        why = locale.text(f"xdr.why.{problem}")
        await self._tell(f"deed:{sequence}:xdr", stored, locale.text("xdr.not_written", why=why))

    async def _tell_no_address(self, sequence: int, stored: Stored, name: str) -> None:
        log.warning("Slack tells no e-mail of %s: Defender XDR gets the name", name)
        locale = self._s.languages.of_channel(stored.channel)
        said = locale.text("xdr.no_address", name=safe.code(name, 80))
        await self._tell(f"deed:{sequence}:xdr-owner", stored, said)

    async def _tell(self, key: str, stored: Stored, said: str) -> None:
        """In the thread, without calling anybody."""
        locale = self._s.languages.of_channel(stored.channel)
        line = small_line(said, self._s.ledger.instant, locale)
        item = Line(key, line.text, line.blocks, thread_of=stored.object_id)
        await self._s.outbox.put(stored.channel, item)


def _never_comes(stored: Stored) -> bool:
    """Defender XDR takes no Informational alerts."""
    return stored.alert.severity.casefold() == "informational"
