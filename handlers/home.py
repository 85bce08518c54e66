"""The Home tab: what waits for me, what I have open, what I asked for, my settings."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from slack_sdk.errors import SlackApiError

from approvals.events import PersonId
from approvals.ledger import LedgerError
from approvals.policy import decider_rights
from approvals.request import Request
from approvals.verdict import Granted
from delivery.outbox import OUTBOX_ERRORS
from delivery.refusals import error_name
from handlers import answering
from handlers.alert_listing import AlertListing
from handlers.locale import Locale
from handlers.services import Services
from handlers.views.alert_view import AlertView
from handlers.views.blocks import View
from handlers.views.home import HomeFacts, home, settings_form

log = logging.getLogger(__name__)

#: Alerts of one person that are read for the tab; it shows ten and counts the others.
ALERTS_MAX = 100


class HomeTab:
    """Published when it is opened, and again for people who have opened it."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._opened: set[PersonId] = set()

    async def publish(self, person: PersonId) -> None:
        s = self._s
        view = await self._drawn(person)
        try:
            await s.client.views_publish(user_id=person, view=view)
        except SlackApiError as error:
            log.warning("home of %s: %s", person, error_name(error))
        self._opened.add(person)

    async def _drawn(self, person: PersonId) -> View:
        """Without the ledger the tab says so; what it showed before may not be true any more."""
        s = self._s
        locale = await s.languages.learn(person)
        try:
            record = await s.ledger.person(person)
            s.languages.chosen[person] = (record.language, record.time_zone)
            locale = s.languages.of_person(person)
            return home(await self._facts(person), locale)
        except LedgerError as error:
            return {"type": "home", "blocks": answering.ledger_answer(error, locale).blocks}

    async def refresh(self, person: PersonId) -> None:
        """Only for somebody who has looked at it since the start."""
        if person in self._opened:
            await self.publish(person)

    async def refresh_all(self, people: Iterable[PersonId]) -> None:
        """Those for whom something has changed."""
        for person in dict.fromkeys(people):
            await self.refresh(person)

    async def settings(self, person: PersonId, locale: Locale) -> View:
        return settings_form(await self._s.ledger.person(person), locale)

    async def _facts(self, person: PersonId) -> HomeFacts:
        s = self._s
        pending = await s.ledger.pending()
        active = await s.ledger.active()
        mine = s.policy().same_person(person)
        owned, unowned = await self._alerts(mine)
        return HomeFacts(
            waiting=tuple(request for request in pending if self._waits_for(request, person)),
            open=tuple(request for request in active if request.requester in mine),
            pending=tuple(request for request in pending if request.requester in mine),
            open_count=sum(len(request.terms.ports) for request in active),
            person=await s.ledger.person(person),
            now=s.ledger.instant,
            alerts=owned,
            unowned=unowned,
        )

    async def _alerts(self, mine: frozenset[PersonId]) -> tuple[tuple[AlertView, ...], int | None]:
        """Mine, and how many nobody has. Without the feed, or Redis, the rest is shown alone."""
        feed = self._s.alerts
        if feed is None:
            return (), None
        lists = AlertListing(self._s, feed)
        try:
            found = await lists.open()
            owned = [one for one in found if one.case.owner in mine]
            views = await lists.views(owned[:ALERTS_MAX])
        except OUTBOX_ERRORS as error:
            log.warning("alerts for the home tab: %s", type(error).__name__)
            return (), None
        return tuple(views), sum(1 for one in found if not one.case.owner)

    def _waits_for(self, request: Request, person: PersonId) -> bool:
        s = self._s
        if any(person in (a.approver, *a.same_person) for a in request.approvals):
            return False
        rights = decider_rights(s.policy(), request, person, s.membership(), s.ledger.instant)
        return isinstance(rights, Granted)
