"""Looks into Azure's activity log for who did what was told, until it is found or an hour is over.

One process does it for all. Whatever goes wrong here, the message stands already.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from msgspec import structs

from approvals.actions.targets import machine_of
from approvals.request import Request
from defender.activity import Activity
from defender.activity_log import ActivityLog
from defender.errors import AzureError, AzureForbidden
from defender.records import Machine
from defender.resources import ResourceId, fold_location
from feeds.callers import GIVE_UP, Wanted, next_answer, pause_after
from handlers.notices import Notice, Notices, Vanished
from handlers.services import Services
from handlers.views.closed_lines import is_rule_gone

log = logging.getLogger(__name__)

#: Notices of one step; the rest comes a few seconds later.
AT_ONCE = 50
#: A session is looked at every 30 s, and a rule that is gone twice: by then it had happened.
_SEEN_WITHIN = timedelta(minutes=3)

Failed = Literal["", "forbidden", "unread"]
Place = tuple[str, str]


class Groups(Protocol):
    """The network gateway's part that is needed; `NetworkGateway` is the real one."""

    async def group_ids(self, machine: Machine) -> tuple[ResourceId, ...]: ...


@dataclass(frozen=True, slots=True)
class _Read:
    """One group's log, or why it was not read."""

    activities: tuple[Activity, ...] = ()
    failed: Failed = ""


class CallerSearch:
    """`own`: the ids by which Azure's log names our own identity."""

    def __init__(
        self, services: Services, log_of_azure: ActivityLog, groups: Groups, *, own: frozenset[str]
    ) -> None:
        self._s = services
        self._log = log_of_azure
        self._groups = groups
        self._own = own
        self._notices = Notices(services)

    async def step(self) -> None:
        """Everything that is due, each group's log read once."""
        waiting = await self._notices.waiting()
        if not waiting:
            return
        now = await self._s.ledger.now()
        due = [notice for notice in waiting if notice.look_at <= now][:AT_ONCE]
        wanted = {notice.key: await self._wanted(notice) for notice in due}
        logs = await self._read([each for each in wanted.values() if each is not None])
        for notice in due:
            await self._settle(notice, wanted[notice.key], logs, now)

    async def _settle(
        self, notice: Notice, wanted: Wanted | None, logs: Mapping[Place, _Read], now: datetime
    ) -> None:
        """One notice after a look."""
        age = now - notice.began_at
        is_last = age >= GIVE_UP
        answer = notice.answer
        read = [logs[place] for place in wanted.places] if wanted is not None else []
        if wanted is not None:
            answer = next_answer(
                answer,
                sorted((a for r in read for a in r.activities), key=lambda a: a.at, reverse=True),
                wanted,
                own=self._own,
                failed=_failed(read),
                is_last=is_last,
            )
        elif is_last:
            answer = structs.replace(answer, state="unread", version=answer.version + 1)
        look_at = now + pause_after(age)
        await self._notices.save(structs.replace(notice, answer=answer, look_at=look_at))
        if is_last or answer.state == "found":
            await self._notices.end(notice.key)

    async def _read(self, wanted: Sequence[Wanted]) -> dict[Place, _Read]:
        asked: dict[Place, list[Wanted]] = defaultdict(list)
        for each in wanted:
            for place in each.places:
                asked[place].append(each)
        return {place: await self._read_one(place, of) for place, of in asked.items()}

    async def _read_one(self, place: Place, wanted: Sequence[Wanted]) -> _Read:
        since = min(each.first for each in wanted)
        until = max(each.last for each in wanted)
        try:
            return _Read(await self._log.of_group(*place, since, until))
        except AzureForbidden as error:
            log.warning("activity log of %s: %s", place[1], error.message)
            return _Read(failed="forbidden")
        except AzureError as error:
            log.warning("activity log of %s: %s: %s", place[1], error.code, error.message)
            return _Read(failed="unread")

    async def _wanted(self, notice: Notice) -> Wanted | None:
        """None where Azure can't be asked what to look for."""
        if notice.wanted is not None or not isinstance(notice.about, Vanished):
            return notice.wanted
        request = await self._s.ledger.read(notice.about.request)
        if request is None:
            return None
        try:
            ids = await self._around(request)
        except AzureError as error:
            log.warning("network of request %s: %s: %s", request.id, error.code, error.message)
            return None
        if not ids:
            return None
        seen_at = notice.about.seen_at
        return Wanted(
            what="rule" if is_rule_gone(request) else "policy",
            resource_ids=ids,
            since=seen_at - _SEEN_WITHIN,
            until=seen_at,
            earliest=request.opening.opened_at if request.opening else None,
        )

    async def _around(self, request: Request) -> tuple[str, ...]:
        """The groups whose rule is gone; else where the VM's policies stand."""
        if is_rule_gone(request):
            return tuple(await self._groups.group_ids(machine_of(request.target)))
        group = request.target.resource_id.partition("/providers/")[0]
        region = fold_location(request.target.location)
        return (f"{group}/providers/Microsoft.Security/locations/{region}",)


def _failed(read: Sequence[_Read]) -> Failed:
    """A right that is missing is the better reason: it can be mended."""
    reasons = {each.failed for each in read}
    return "forbidden" if "forbidden" in reasons else "unread" if "unread" in reasons else ""
