"""Who is in which Slack group, as one read found it. Held in memory only, never in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.events import PersonId

#: A click is refused on anything older (DESIGN, Slack edge). Groups are read every 30 s.
MEMBERSHIP_MAX_AGE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Membership:
    """Groups by id. A group that is disabled, empty or unreadable proves nobody's right."""

    groups: Mapping[str, frozenset[PersonId]]
    read_at: datetime
    #: people whom Slack calls deactivated or does not know.
    inactive: frozenset[PersonId] = frozenset()
    #: the Slack scope without which groups can't be read, else None.
    missing_scope: str | None = None
    #: people whom Slack calls guests (of one channel or of several).
    guests: frozenset[PersonId] = frozenset()

    def is_fresh(self, now: datetime) -> bool:
        """Whether rights may rest on it. A read from the future is a broken clock, not a fact."""
        return abs(now - self.read_at) <= MEMBERSHIP_MAX_AGE

    def members(self, group: str) -> frozenset[PersonId]:
        """The active people in a group; nobody where the group is not known."""
        return self.groups.get(group, frozenset()) - self.inactive
