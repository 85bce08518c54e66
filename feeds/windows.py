"""Change windows and muted paths: what somebody said beforehand is expected, or not to be told.

Pure. Both are deeds in the audit log; what they catch is stored, counted and listed all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from approvals.events import PersonId
from approvals.membership import Membership
from approvals.policy_types import Policy
from approvals.scope import Globs, Place, compile_globs, fold
from feeds.danger import comparable

#: Longer than any maintenance; a longer one is typed again, by somebody who still means it.
WINDOW_MAX = timedelta(hours=24)
WINDOW_MIN = timedelta(minutes=5)
MUTE_MAX = timedelta(days=90)
PATTERN_MAX = 100


class ChangeWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Changes on these machines in this time are expected."""

    id: str
    pattern: str
    opened_by: PersonId
    opened_at: datetime
    until: datetime
    reason: str
    closed_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        return min(self.until, self.closed_at) if self.closed_at else self.until

    def is_open(self, now: datetime) -> bool:
        return self.opened_at <= now < self.ends_at

    def covers(self, machine: str, at: datetime) -> bool:
        """Whether a change of this machine at this time was announced."""
        if not self.opened_at <= at < self.ends_at:
            return False
        # Windows machines of a domain report their whole name
        wanted = globs(self.pattern)
        return wanted.match(machine) or wanted.match(machine.partition(".")[0])


class PathMute(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of these paths on this one machine are counted and not told."""

    id: str
    place: str
    machine: str
    pattern: str
    muted_by: PersonId
    until: datetime
    reason: str = ""

    def covers(self, place: str, path: str, now: datetime) -> bool:
        return (
            place == self.place
            and now < self.until
            and globs(comparable(self.pattern)).match(comparable(path))
        )


def window_for(machine: str, at: datetime, windows: Iterable[ChangeWindow]) -> ChangeWindow | None:
    """The window that announced it: by the change's own time, not by when its row came."""
    return next((window for window in windows if window.covers(machine, at)), None)


def mute_for(place: str, path: str, now: datetime, mutes: Iterable[PathMute]) -> PathMute | None:
    return next((mute for mute in mutes if mute.covers(place, path, now)), None)


@lru_cache(maxsize=512)
def globs(pattern: str) -> Globs:
    found = compile_globs((pattern,))
    assert found is not None
    return found


@dataclass(frozen=True, slots=True)
class Meant:
    """The machines that a pattern means, and those for which this person has no say."""

    machines: tuple[str, ...]
    not_yours: tuple[str, ...]
    #: a pattern that means no machine we know may still mean one outside Azure.
    is_administrator: bool

    @property
    def is_allowed(self) -> bool:
        return self.is_administrator or (bool(self.machines) and not self.not_yours)


def meant(
    pattern: str,
    machines: Iterable[Place],
    *,
    person: PersonId,
    policy: Policy,
    membership: Membership,
) -> Meant:
    """Who may announce changes: askers and approvers of each machine's rule, administrators."""
    wanted = globs(pattern)
    found, not_yours = [], []
    for machine in machines:
        if not wanted.match(machine.name):
            continue
        found.append(machine.name)
        rule = policy.rule_for(machine)
        sides = (rule.askers, rule.approvers) if rule else ()
        if not any(who.via(person, membership) for who in sides):
            not_yours.append(machine.name)
    is_administrator = person in policy.administrators and person not in membership.inactive
    return Meant(tuple(found), tuple(not_yours), is_administrator)


def is_machine_pattern(word: str) -> bool:
    """A name or glob of machines: no white space, and not everything by mistake of an empty one."""
    return 0 < len(word) <= PATTERN_MAX and not any(sign.isspace() for sign in word)


def same_name(one: str, other: str) -> bool:
    """As people type names (NFKC, without case: C124)."""
    return fold(one) == fold(other)
