"""How fast Azure is asked: one pacer per subscription and kind of call, and waits that end.

Resource Manager gives each principal a bucket per subscription: 250 reads refilled at 25 a
second, 200 writes and 200 deletes refilled at 10. We take a fraction, so that people's own tools
and a second replica still fit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from defender.errors import AzureBusy


class Call(StrEnum):
    """The kinds of call that Azure counts apart."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"


#: (calls at once, calls a second).
_SHARES = {Call.READ: (80, 10.0), Call.WRITE: (40, 4.0), Call.DELETE: (20, 4.0)}
#: Services that count apart: Resource Graph lets 15 queries through in 5 s, Log Analytics 200 in
#: 30 s, Microsoft Graph's security writes 50 a minute.
_SERVICES = {"resourcegraph": (13, 2.5), "monitor": (20, 4.0), "graph": (20, 2.0)}
#: First wait after a failed read that names none; doubled each time.
_BACKOFF = timedelta(seconds=0.5)
_BACKOFF_MAX = timedelta(seconds=15)


@dataclass(slots=True)
class Bucket:
    """A token bucket over a monotonic clock in seconds."""

    size: int
    per_second: float
    level: float = 0.0
    at: float = 0.0
    not_before: float = 0.0  # Azure asked us to stay away until then

    def reserve(self, now: float) -> float:
        """Take one call and say in how many seconds it may go out."""
        self.level = min(self.size, self.level + (now - self.at) * self.per_second)
        self.at = now
        self.level -= 1
        return max(0.0, -self.level / self.per_second, self.not_before - now)

    def give_back(self) -> None:
        """The reserved call was not made."""
        self.level += 1


@dataclass(slots=True)
class Pacer:
    """Every bucket in use; `clock` is monotonic, `sleep` waits on the same clock."""

    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _buckets: dict[tuple[str, Call], Bucket] = field(default_factory=dict)

    async def take(self, subscription_id: str, call: Call, *, ends_at: float) -> None:
        """Wait for a turn; AzureBusy at once when the turn would come after `ends_at`."""
        bucket = self._bucket(subscription_id, call)
        wait = bucket.reserve(self.clock())
        if wait and self.clock() + wait >= ends_at:
            bucket.give_back()
            raise AzureBusy(
                "Paced",
                f"Azure may be asked again in {wait:.0f} seconds.",
                retry_after=timedelta(seconds=wait),
            )
        if wait:
            await self.sleep(wait)

    def hold(self, subscription_id: str, call: Call, wait: timedelta | None) -> None:
        """Azure asked to wait: nothing of this kind goes out before."""
        if wait is not None:
            bucket = self._bucket(subscription_id, call)
            bucket.not_before = max(bucket.not_before, self.clock() + wait.total_seconds())

    def _bucket(self, subscription_id: str, call: Call) -> Bucket:
        key = (subscription_id.lower(), call)
        if key not in self._buckets:
            size, per_second = _SERVICES.get(key[0], _SHARES[call])
            self._buckets[key] = Bucket(size, per_second, level=size, at=self.clock())
        return self._buckets[key]


def next_wait(attempt: int, retry_after: timedelta | None) -> timedelta:
    """The wait before try `attempt + 1` of a read (the first try is 1)."""
    if retry_after is not None:
        return retry_after
    doubled: timedelta = _BACKOFF * (1 << min(attempt - 1, 10))
    return min(doubled, _BACKOFF_MAX)


def ends_after(deadline: timedelta) -> float:
    """The monotonic instant at which a wait of this length ends."""
    return time.monotonic() + deadline.total_seconds()
