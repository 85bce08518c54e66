"""What can be asked for, at the bottom of everything: ids, kinds, targets, windows, terms.

`approvals.events` gives these names on; it stands above `approvals.changes`, whose records are made
of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

import msgspec

RequestId = NewType("RequestId", str)
PersonId = NewType("PersonId", str)
OpId = NewType("OpId", str)

#: Under this there is nothing left to open (DESIGN, Requests).
SHORTEST_WINDOW = timedelta(minutes=5)


class Kind(StrEnum):
    """What is asked for. One file of `approvals.actions` each."""

    JIT_ACCESS = "jit_access"
    JIT_POLICY = "jit_policy"
    PLAN = "plan"


class Length(msgspec.Struct, frozen=True, tag="length"):
    """A window that starts when the port opens. `seconds` > 0."""

    seconds: int

    @property
    def duration(self) -> timedelta:
        return timedelta(seconds=self.seconds)


class Until(msgspec.Struct, frozen=True, tag="until"):
    """A window that ends at an instant, whenever the port opens."""

    at: datetime


Window = Length | Until


class Target(msgspec.Struct, frozen=True):
    """The VM as it was when asked for: what the approver saw. `resource_id` in Azure's spelling.

    A change may be about something larger: a subscription has neither name nor group, so that no
    rule for named VMs is taken for it.
    """

    resource_id: str
    name: str
    resource_group: str
    subscription_id: str
    subscription_name: str
    location: str
    os: str = ""
    tags: dict[str, str] = {}


#: The window of terms that are a change: nothing is opened, so nothing ends.
NO_WINDOW = Length(0)


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What would be done: ports opened, or one `change`. Terms only shrink: see `contains`.

    `change` is the digest of the change that the request was filed with (`approvals.changes`); such
    terms have no ports, no source and `NO_WINDOW`. For JIT access it is "" and not even written, so
    that entries and digests are those of ever.
    """

    ports: tuple[int, ...]
    source: str
    window: Window
    change: str = ""

    def contains(self, other: Terms) -> bool:
        """Whether an approval of these terms covers `other`, which must be equal or narrower.

        A change is approved as it is or not at all.
        """
        if self.change or other.change:
            return self == other
        if self.source != other.source or not other.ports:
            return False
        if not set(other.ports) <= set(self.ports):
            return False
        match (self.window, other.window):
            case (Length() as mine, Length() as theirs):
                return 0 < theirs.seconds <= mine.seconds
            case (Until() as mine, Until() as theirs):
                return theirs.at <= mine.at
            case _:
                return False
