"""How fast Slack wants to be called."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """One call per interval on average; `burst` more at once make up for what came late.

    Seconds on the monotonic clock.
    """

    interval: float
    burst: int = 0
    next_at: float = 0.0

    def reserve(self) -> float:
        """Take the next place; seconds until it comes."""
        now = time.monotonic()
        start = max(now, self.next_at)
        self.next_at = max(self.next_at, now - self.burst * self.interval) + self.interval
        return start - now

    def pause(self, seconds: float) -> None:
        self.next_at = max(self.next_at, time.monotonic() + seconds)
