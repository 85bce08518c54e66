"""Gathers what an alert's card and story are drawn from. A fact not read is left unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from approvals.deeds import FOREIGN, Subject
from approvals.entry import SEKISHO
from approvals.events import State
from approvals.request import Request
from approvals.scope import fold
from defender.alert import Alert
from feeds.cases import Case, read_case
from feeds.correlation import Session, last_before, sessions_at
from feeds.reading import Stored
from feeds.routing import Mentions
from handlers.alert_feed import AlertFeed
from handlers.services import Services
from handlers.views.alert_view import AlertView, Place
from handlers.views.alert_words import short_id
from handlers.views.words import reference

#: Requests for one VM that are looked through for its sessions.
REQUESTS_MAX = 50
#: How far back a short name is looked for: 90 days of a thousand alerts a day.
KEYS_MAX = 100_000
#: Keys that are compared with a short name between two looks at other work.
BREATH = 1_000
VM = "/providers/microsoft.compute/virtualmachines/"


@dataclass(frozen=True, slots=True)
class Known:
    """An alert with everything about it, and the version that its card then shows."""

    stored: Stored
    view: AlertView
    #: of the case, for the next deed
    case_version: int
    shown_version: int


def subject_of(key: str) -> Subject:
    return Subject(f"alert:{key}")


class AlertFacts:
    """Reads the store, the ledger, the estate and the directory."""

    def __init__(self, services: Services, feed: AlertFeed) -> None:
        self._s = services
        self._feed = feed

    async def find(self, typed: str) -> Stored | None:
        """By its key, or by the short name that people see."""
        stored = await self._feed.store.alert(typed.strip().casefold())
        if stored is not None:
            return stored
        exact = await self._feed.store.alert(typed.strip())
        return exact or await self._by_short(typed.strip().upper())

    async def _by_short(self, short: str) -> Stored | None:
        """The newest of that name: no index is kept for it, so keys alone are looked through."""
        if not short.startswith("A-"):
            return None
        scripts = self._feed.store.scripts
        for start in range(0, KEYS_MAX, BREATH):
            end = start + BREATH - 1
            keys = await cast(Any, scripts.redis.zrevrange(scripts.key("alerts"), start, end))
            for raw in keys:
                key = raw.decode() if isinstance(raw, bytes) else str(raw)
                if short_id(key) == short:
                    return await self._feed.store.alert(key)
            if len(keys) < BREATH:
                return None
            await asyncio.sleep(0)
        return None

    async def case(self, key: str) -> tuple[int, Case]:
        version, body = await self._s.ledger.subject(subject_of(key))
        return version, read_case(body)

    async def known(self, stored: Stored, *, with_names: bool = True) -> Known:
        """Everything. `with_names=False` where Slack can't be asked first: names from memory."""
        case_version, case = await self.case(stored.alert.key)
        requests = await self._requests(stored.alert)
        view = self._view(stored, case, requests)
        names = await self.names(_people(view), ask=with_names)
        shown = max(
            [_micros(stored.changed_at), *(_micros(step.at) for step in case.steps[-1:])]
            + [_micros(request.changed_at) for request in requests or ()]
        )
        return Known(stored, replace(view, names=names), case_version, shown)

    async def listed(self, stored: Stored) -> AlertView:
        """What a list's row needs: the alert and what people did."""
        _, case = await self.case(stored.alert.key)
        names = await self.names([case.owner, case.decided_by], ask=False)
        return AlertView(
            alert=stored.alert,
            case=case,
            names=names,
            first_at=stored.first_at,
            changed_at=stored.changed_at,
        )

    async def names(self, people: Iterable[str], *, ask: bool) -> dict[str, str]:
        """What people are called in Slack; who can't be read keeps the id."""
        found: dict[str, str] = {}
        for person in dict.fromkeys(people):
            if not person or person == SEKISHO or person.startswith(FOREIGN):
                continue
            directory = self._s.directory
            profile = directory.known(person)
            if profile is None and ask:
                profile = await directory.profile(person)
            if profile is not None:
                found[person] = profile.name
        return found

    async def _requests(self, alert: Alert) -> list[Request] | None:
        """Those for its VM; None where it names no VM of Azure, which JIT could open."""
        if VM not in fold(alert.resource_id):
            return None
        return list(await self._s.ledger.by_vm(alert.resource_id, REQUESTS_MAX))

    def _view(self, stored: Stored, case: Case, requests: list[Request] | None) -> AlertView:
        alert = stored.alert
        at = alert.started_at or alert.generated_at or stored.first_at
        sessions: tuple[Session, ...] | None = None
        if requests is not None:
            sessions = sessions_at(requests, alert.resource_id, at, alert.ended_at)
        return AlertView(
            alert=alert,
            case=case,
            place=self._place(alert),
            sessions=sessions,
            reasons={str(request.id): request.justification for request in requests or ()},
            last_session=last_before(requests or (), alert.resource_id, at),
            closable=self._closable(alert, requests or []),
            mentions=self._mentions(alert),
            first_at=stored.first_at,
            changed_at=stored.changed_at,
            is_written_back=self._feed.states is not None,
        )

    def _closable(self, alert: Alert, requests: list[Request]) -> tuple[Session, str] | None:
        """The newest session whose port is open now."""
        now = self._s.ledger.instant
        active = {str(r.id): r for r in requests if r.state is State.ACTIVE}
        for session in sessions_at(active.values(), alert.resource_id, now):
            return session, reference(active[str(session.request_id)])
        return None

    def _mentions(self, alert: Alert) -> Mentions:
        """Samples call nobody; what the rules say now is what counts."""
        return Mentions() if alert.is_sample else self._feed.route(alert).mentions

    def _place(self, alert: Alert) -> Place:
        machine = self._s.estate.index.by_id(alert.resource_id) if alert.resource_id else None
        return Place(
            machine=alert.machine,
            resource_group=(machine.resource_group if machine else "") or alert.resource_group,
            subscription=(machine.subscription_name if machine else "") or alert.subscription_id,
            os=alert.os or (str(machine.os) if machine and machine.os else ""),
            cloud=alert.cloud or ("azure" if machine else ""),
        )


def _people(view: AlertView) -> list[str]:
    found: list[str] = [view.case.owner, view.case.decided_by, view.case.answered_by]
    for step in view.case.steps:
        found += [step.by, step.to]
    closable = [view.closable[0]] if view.closable else []
    last = [view.last_session] if view.last_session else []
    for session in (*(view.sessions or ()), *closable, *last):
        found += [session.person, *session.approvers]
    return found


def _micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)
