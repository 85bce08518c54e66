"""Which step follows while nobody takes an alert. Pure.

Steps are known by name, not by number: a rule that is changed meanwhile never repeats one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from feeds.cases import Case
from feeds.routing import Escalation


class Step(StrEnum):
    """Each happens once for an alert, in this order."""

    REMIND = "remind"
    GROUP = "group"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Reminder:
    """One step that is due."""

    step: Step
    #: since when nobody has taken it.
    since: datetime
    #: who is called: a group, a person, or "" where the channel alone is reminded.
    whom: str = ""
    #: what follows if nobody takes it now.
    next_step: Step | None = None
    next_at: datetime | None = None
    next_whom: str = ""
    #: whether the channel was reminded before.
    is_repeated: bool = False
    #: the storm that it is a part of: one reminder for all of its alerts.
    storm_id: str = ""


def planned(escalation: Escalation) -> tuple[tuple[Step, timedelta, str], ...]:
    """The steps of a rule in time: step, after how long, whom."""
    steps = (
        (Step.REMIND, escalation.remind_after, ""),
        (Step.GROUP, escalation.group_after, escalation.group),
        (Step.PERSON, escalation.person_after, escalation.person),
    )
    found = ((step, after, whom) for step, after, whom in steps if after is not None)
    return tuple(sorted(found, key=lambda item: item[1]))


def due(
    escalation: Escalation, done: Iterable[Step], *, since: datetime, now: datetime
) -> tuple[Reminder, ...]:
    """What is to be said now. After a long stop the group's call is the channel's reminder, too."""
    said = set(done)
    open_steps = [item for item in planned(escalation) if item[0] not in said]
    ripe = [item for item in open_steps if since + item[1] <= now]
    if any(step is Step.GROUP for step, _, _ in ripe):
        ripe = [item for item in ripe if item[0] is not Step.REMIND]
    later = next((item for item in open_steps if since + item[1] > now), None)
    reminders = []
    for place, (step, _, whom) in enumerate(ripe):
        following = ripe[place + 1] if place + 1 < len(ripe) else later
        found = _reminder(step, whom, since, following, now)
        reminders.append(replace(found, is_repeated=step is Step.GROUP and Step.REMIND in said))
    return tuple(reminders)


def next_at(escalation: Escalation, done: Iterable[Step], since: datetime) -> datetime | None:
    """When there is something to say again; None: everything has been said."""
    said = set(done)
    return next((since + after for step, after, _ in planned(escalation) if step not in said), None)


def passed(escalation: Escalation, *, since: datetime, now: datetime) -> frozenset[Step]:
    """Steps whose time is over, said or skipped."""
    return frozenset(step for step, after, _ in planned(escalation) if since + after <= now)


def is_taken_care_of(case: Case, state: str, reopened_at: datetime | None = None) -> bool:
    """Owned, decided, or begun in the portal: nobody needs to be called any more.

    What was done before it was opened again belongs to its earlier life.
    """
    return (
        state != "active"
        or (bool(case.owner) and _is_later(case.owned_at, reopened_at))
        or (case.state != "active" and _is_later(case.decided_at, reopened_at))
    )


def _is_later(at: datetime | None, reopened_at: datetime | None) -> bool:
    return reopened_at is None or (at is not None and at >= reopened_at)


def _reminder(
    step: Step,
    whom: str,
    since: datetime,
    following: tuple[Step, timedelta, str] | None,
    now: datetime,
) -> Reminder:
    if following is None:
        return Reminder(step, since, whom)
    return Reminder(
        step,
        since,
        whom,
        next_step=following[0],
        next_at=max(now, since + following[1]),
        next_whom=following[2],
    )
