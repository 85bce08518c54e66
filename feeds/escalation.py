"""Brings alerts up again while nobody takes them: the channel, then a group, then a person.

Times are Redis'. What is due stands in a sorted set; a step is queued under a key of its own before
it is noted as done, so neither a restart nor a second process says it twice.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from delivery.outbox import ChannelId, Line, Outbox
from feeds.cases import Case
from feeds.escalation_steps import Reminder, Step, due, is_taken_care_of, next_at, passed, planned
from feeds.intake import Watched
from feeds.reading import Stored, instant, milliseconds
from feeds.routing import Escalation
from feeds.scripts import text
from feeds.settings import AlertSettings
from feeds.store import AlertStore
from feeds.voice import Voice

log = logging.getLogger(__name__)

#: Alerts of one script call.
WATCH_MAX = 500
#: Alerts looked at in one go; the rest follows a second later.
DUE_AT_ONCE = 100

#: What people have done with an alert, by its key.
CaseOf = Callable[[str], Awaitable[Case]]


@dataclass(frozen=True, slots=True)
class _Watch:
    key: str
    since_ms: str
    route: str
    done_text: str
    reopened_at: datetime | None

    @property
    def since(self) -> datetime:
        return instant(float(self.since_ms))

    @property
    def done(self) -> frozenset[Step]:
        return frozenset(Step(name) for name in self.done_text.split(",") if name)


class Escalations:
    """`watch` what is taken in, `step` once a second by the holder of the main lease."""

    def __init__(
        self,
        store: AlertStore,
        outbox: Outbox,
        settings: Callable[[], AlertSettings],
        *,
        case_of: CaseOf,
        voice: Voice,
    ) -> None:
        self._store = store
        self._scripts = store.scripts
        self._outbox = outbox
        self._settings = settings
        self._case_of = case_of
        self._voice = voice
        #: alerts that could not be looked at; each is tried again.
        self.failures = 0

    async def watch(self, found: Sequence[Watched]) -> None:
        """Count the time from now on; for those that are watched already nothing changes."""
        rows = [row for one in found if (row := _row(one)) is not None]
        for start in range(0, len(rows), WATCH_MAX):
            await self._scripts.run("escalation_watch", rows[start : start + WATCH_MAX])

    async def step(self) -> None:
        """Say whatever is due. One that can't be said now is tried again."""
        now = instant(await self._scripts.now_ms())
        name, limit = self._scripts.key("escalations"), milliseconds(now)
        keys = cast(
            Any,
            await self._scripts.redis.zrangebyscore(name, "-inf", limit, start=0, num=DUE_AT_ONCE),
        )
        for key in keys:
            try:
                await self._one(text(key), now)
            except Exception:  # whatever it is, it must not keep the others from being called
                self.failures += 1
                log.exception("escalation of %s", text(key))

    async def waiting(self) -> int:
        """How many alerts are being watched."""
        return int(await self._scripts.redis.zcard(self._scripts.key("escalations")))

    async def _one(self, key: str, now: datetime) -> None:
        watch, stored = await self._read(key), await self._store.alert(key)
        escalation = None if watch is None else self._rule(watch.route)
        if watch is None:
            await cast(Any, self._scripts.redis.zrem(self._scripts.key("escalations"), key))
        elif stored is None or escalation is None or await self._is_over(watch, stored):
            await self._note(watch, watch.done, None)
        else:
            await self._say(watch, stored, escalation, now)

    async def _say(
        self, watch: _Watch, stored: Stored, escalation: Escalation, now: datetime
    ) -> None:
        for reminder in due(escalation, watch.done, since=watch.since, now=now):
            await self._put(stored, reminder, watch)
            log.info("alert %s: %s", watch.key, reminder.step)
        done = watch.done | passed(escalation, since=watch.since, now=now)
        await self._note(watch, done, next_at(escalation, done, watch.since))

    async def _put(self, stored: Stored, reminder: Reminder, watch: _Watch) -> None:
        """One message; the alerts of a storm share it, or the reminders would be a storm, too."""
        storm_id = storm_of(stored.fate)
        if storm_id:
            reminder = replace(reminder, storm_id=storm_id)
            key = f"escalation:storm:{storm_id}:{reminder.step}"
        else:
            key = f"escalation:{watch.key}:{watch.since_ms}:{reminder.step}"
        is_private = reminder.step is Step.PERSON
        channel = ChannelId(reminder.whom) if is_private else stored.channel
        said = await self._voice.reminder(channel, stored, reminder)
        await self._outbox.put(channel, Line(key=key, text=said.text, blocks=said.blocks))

    async def _is_over(self, watch: _Watch, stored: Stored) -> bool:
        """Taken, closed, or muted so that nobody has seen it."""
        if stored.fate.startswith("muted:"):
            return True
        case = await self._case_of(watch.key)
        return is_taken_care_of(case, stored.alert.state, watch.reopened_at)

    def _rule(self, route_name: str) -> Escalation | None:
        """The route's rule as it is now; a route that is gone calls nobody."""
        route = self._settings().routing.route(route_name)
        return None if route is None else route.escalation

    async def _note(self, watch: _Watch, done: frozenset[Step], following: datetime | None) -> None:
        given = [
            watch.key,
            watch.since_ms,
            watch.done_text,
            ",".join(step for step in Step if step in done),
            None if following is None else milliseconds(following),
        ]
        await self._scripts.run("escalation_step", given)

    async def _read(self, key: str) -> _Watch | None:
        fields = ("since", "route", "done", "reopened")
        name = self._scripts.key("escalation", key)
        row = cast(Any, await cast(Any, self._scripts.redis.hmget(name, fields)))
        if row[0] is None:
            return None
        since, route, done, reopened = (text(field or b"") for field in row)
        reopened_at = instant(float(reopened)) if reopened not in ("", "0") else None
        return _Watch(key, since, route, done, reopened_at)


def storm_of(fate: str) -> str:
    """The storm that an alert is a part of, "" for none."""
    kind, _, rest = fate.partition(":")
    return rest.partition(":")[0] if kind == "storm" else ""


def _row(found: Watched) -> list[Any] | None:
    escalation = found.routed.escalation
    steps = planned(escalation) if escalation is not None else ()
    if not steps:
        return None
    after: timedelta = steps[0][1]
    is_open = found.alert.state in ("active", "inprogress")
    milliseconds_after = int(after.total_seconds() * 1000)
    return [found.alert.key, found.routed.route_name, milliseconds_after, is_open]
