"""`/audit` for administrators: by VM, person, request, kind and period; and `verify`."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from approvals.audit.search import Query, search
from approvals.audit.verify import verify
from approvals.entry import AuditBroken
from approvals.events import PersonId, RequestId
from approvals.ledger import LedgerError
from approvals.policy import admin_rights
from approvals.verdict import Refused
from handlers import answering
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import answers
from handlers.views.audit import audit_page
from handlers.views.blocks import Message
from handlers.views.edge import verify_answer

log = logging.getLogger(__name__)

_PERIOD = re.compile(r"(\d{1,4})\s*(h|d|w|時間|日|週間?)")
_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|@([\w.-]+)")
_REQUEST = re.compile(r"#?(\d{1,12})")
_UNITS = {"h": 1, "時間": 1, "d": 24, "日": 24, "w": 168, "週": 168, "週間": 168}

#: More digits than any entry's number will have.
SEQUENCE_DIGITS = 16

KINDS = frozenset(
    {"submitted", "approved", "denied", "cancelled", "lapsed", "opened", "failed", "closing"}
    | {"ended", "refused", "still_open", "resumed", "archived", "found_opening"}
)


class Audit:
    """Searches are answered privately, page by page."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def command(self, person: PersonId, typed: str, locale: Locale) -> Message:
        if typed.strip().casefold() in ("verify", "検証"):
            return await self._answer(person, lambda: self._verify(locale), locale)
        return await self._answer(person, lambda: self._search(typed, None, locale), locale)

    async def page(self, person: PersonId, value: str, locale: Locale) -> Message:
        """The next page: `before|query`."""
        before, _, typed = value.partition("|")
        start = int(before) if before.isdecimal() and len(before) < SEQUENCE_DIGITS else None
        return await self._answer(person, lambda: self._search(typed, start, locale), locale)

    async def _answer(
        self, person: PersonId, ask: Callable[[], Awaitable[Message]], locale: Locale
    ) -> Message:
        """For administrators; what can't be read, or is not what was written, is said."""
        s = self._s
        rights = admin_rights(s.policy(), person, s.membership(), s.ledger.instant)
        if isinstance(rights, Refused):
            return answers.refused(rights.refusals, locale, group_names=s.group_names())
        try:
            return await ask()
        except LedgerError as error:
            return answering.ledger_answer(error, locale)
        except AuditBroken as broken:
            log.critical("/audit: %s", broken)
            return answers.frozen(locale)

    async def _verify(self, locale: Locale) -> Message:
        return verify_answer(await verify(self._s.ledger.store, self._s.ledger.keys), locale)

    async def _search(self, typed: str, before: int | None, locale: Locale) -> Message:
        s = self._s
        found = await search(s.ledger.store, s.ledger.keys, self._query(typed), before=before)
        following = f"{found.next_before}|{typed[:200]}" if found.next_before is not None else ""
        return audit_page(found.entries, locale, query=typed.strip(), next_value=following)

    def _query(self, typed: str) -> Query:
        """`web-01 30d`, `@sato approved`, `1042`: each word narrows."""
        query = Query()
        for word in typed.split():
            person, period = _PERSON.fullmatch(word), _PERIOD.fullmatch(word)
            request = _REQUEST.fullmatch(word)
            if person:
                name = person[1] or self._s.directory.id_of(person[2]) or person[2]
                query = replace(query, person=PersonId(name))
            elif period:
                hours = int(period[1]) * _UNITS[period[2]]
                query = replace(query, since=self._s.ledger.instant - timedelta(hours=hours))
            elif request:
                query = replace(query, request=RequestId(request[1]))
            elif word.casefold() in KINDS:
                query = replace(query, kind=word.casefold())
            else:
                query = replace(query, vm=word)
        return query
