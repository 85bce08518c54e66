"""Who did what was seen in Azure: what is looked for in its activity log, what answers. Pure.

An entry can be read 3 to 20 minutes after it happened. So the search goes on for an hour, and until
then "nobody" is no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from defender.activity import Activity, Caller
from defender.resources import InvalidResourceId, ResourceName, fold

#: The search ends so long after something was seen.
GIVE_UP = timedelta(hours=1)
#: The pause between two looks: a quarter of what has gone by, within these.
PAUSE_MIN, PAUSE_MAX = timedelta(seconds=20), timedelta(minutes=5)
#: Azure's clock and Redis' may differ, and a change shows a while after it was asked for.
SLACK = timedelta(minutes=1)
#: Several people may have edited one policy between two looks at it.
ACTS_MAX = 3

What = Literal["policy", "rule", "opening"]
AnswerState = Literal["looking", "found", "earlier", "forbidden", "absent", "unread"]
Deed = Literal[
    "policy_write", "policy_delete", "group_delete", "rule_write", "rule_delete", "nsg_write",
    "nsg_delete", "initiate",
]  # fmt: skip

_JIT = "microsoft.security/locations/jitnetworkaccesspolicies"
_NSG = "microsoft.network/networksecuritygroups"
_GROUP_DELETE = "microsoft.resources/subscriptions/resourcegroups/delete"
_DEEDS: Mapping[What, Mapping[str, Deed]] = {
    "policy": {
        f"{_JIT}/write": "policy_write",
        f"{_JIT}/delete": "policy_delete",
        _GROUP_DELETE: "group_delete",
    },
    "rule": {
        f"{_NSG}/securityrules/write": "rule_write",
        f"{_NSG}/securityrules/delete": "rule_delete",
        f"{_NSG}/write": "nsg_write",
        f"{_NSG}/delete": "nsg_delete",
        _GROUP_DELETE: "group_delete",
    },
    "opening": {f"{_JIT}/initiate/action": "initiate"},
}


class Wanted(msgspec.Struct, frozen=True):
    """What happened to one of these resources (or below them) between two instants.

    `earliest`: where nothing is found between them, the newest act since then is worth telling.
    """

    what: What
    resource_ids: tuple[str, ...]
    since: datetime
    until: datetime
    earliest: datetime | None = None

    @property
    def places(self) -> frozenset[tuple[str, str]]:
        """Subscriptions and groups whose log is to be read."""
        found = (_place(resource_id) for resource_id in self.resource_ids)
        return frozenset(place for place in found if place is not None)

    @property
    def first(self) -> datetime:
        return (self.earliest or self.since) - SLACK

    @property
    def last(self) -> datetime:
        return self.until + SLACK


class Act(msgspec.Struct, frozen=True):
    """One entry of the log that answers. `thing`: the name of what it was done to."""

    caller: Caller
    at: datetime
    deed: Deed
    thing: str


class Answer(msgspec.Struct, frozen=True):
    """What is known so far; `version` grows with each change, so that the newest is shown.

    `earlier`: nothing was found at the time, `acts` holds the last act before it.
    """

    state: AnswerState = "looking"
    acts: tuple[Act, ...] = ()
    version: int = 1


LOOKING = Answer()


def next_answer(
    before: Answer,
    activities: Iterable[Activity],
    wanted: Wanted,
    *,
    own: frozenset[str],
    failed: Literal["", "forbidden", "unread"],
    is_last: bool,
) -> Answer:
    """What is known after this look. `own`: our identity's ids; `failed`: a log was not read."""
    fitting = [act for act in (_act(a, wanted, own) for a in activities) if act is not None]
    acts = _at_the_time(fitting, wanted)
    if acts:
        return _moved(before, "found", acts)
    if failed == "forbidden":
        return _moved(before, "forbidden")
    if not is_last:
        return before if failed else _moved(before, "looking")
    if failed:
        return _moved(before, "unread")
    return _moved(before, "earlier", fitting[:1]) if fitting else _moved(before, "absent")


def pause_after(age: timedelta) -> timedelta:
    """How long to wait before looking again."""
    return min(max(age / 4, PAUSE_MIN), PAUSE_MAX)


def _moved(
    before: Answer,
    state: AnswerState,
    acts: Iterable[Act] = (),
) -> Answer:
    after = Answer(state, tuple(acts), before.version)
    if after == before:
        return before
    return msgspec.structs.replace(after, version=before.version + 1)


def _at_the_time(fitting: Iterable[Act], wanted: Wanted) -> list[Act]:
    """Everybody's newest act then, the newest first."""
    found: dict[Caller, Act] = {}
    for act in fitting:
        if act.at >= wanted.since - SLACK:
            found.setdefault(act.caller, act)
    return list(found.values())[:ACTS_MAX]


def _act(activity: Activity, wanted: Wanted, own: frozenset[str]) -> Act | None:
    """None for what is no answer: refused, another thing, Azure itself, or long before or after."""
    deed = _DEEDS[wanted.what].get(activity.operation)
    caller = activity.caller
    if deed is None or activity.has_failed or caller.kind in ("nobody", "defender"):
        return None
    if not wanted.first <= activity.at <= wanted.last:
        return None
    if not any(_is_at(fold(activity.resource_id), fold(each)) for each in wanted.resource_ids):
        return None
    if caller.name.lower() in own:
        if wanted.what != "policy":
            return None  # what we open and close ourselves is told elsewhere
        caller = Caller("sekisho", caller.name)
    return Act(caller, activity.at, deed, activity.resource_id.rstrip("/").rpartition("/")[2])


def _is_at(done_to: str, wanted: str) -> bool:
    """The thing itself, something below it, or the group that it was in."""
    return done_to == wanted or f"{done_to}/".startswith(f"{wanted}/") or (
        done_to != "" and wanted.startswith(f"{done_to}/")
    )  # fmt: skip


def _place(resource_id: str) -> tuple[str, str] | None:
    try:
        name = ResourceName.parse(resource_id)
    except InvalidResourceId:
        return None
    return name.subscription_id.lower(), name.group.lower()
