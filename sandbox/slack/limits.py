"""Slack's rate limits: one message a second a channel, and calls a minute by tier."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: chat.postMessage: "1 per second per channel, short bursts tolerated".
MESSAGES_PER_SECOND = 1.0
#: How many messages above the rate are tolerated; Slack names no number.
MESSAGE_BURST = 3

#: Slack's tiers: calls a minute for one method of one app in one workspace.
TIER_CALLS = {1: 1, 2: 20, 3: 50, 4: 100}


@dataclass(slots=True)
class _Bucket:
    """A token bucket: `capacity` at once, refilled at `per_second`."""

    tokens: float
    filled_at: float

    def take(self, *, per_second: float, capacity: float, now: float) -> float:
        """0 when a token was there, else the seconds until one will be."""
        self.tokens = min(capacity, self.tokens + (now - self.filled_at) * per_second)
        self.filled_at = now
        if self.tokens < 1:
            return (1 - self.tokens) / per_second
        self.tokens -= 1
        return 0.0


@dataclass(slots=True)
class RateLimits:
    """How much is allowed; tests may set the numbers while the sandbox runs."""

    messages_per_second: float = MESSAGES_PER_SECOND
    message_burst: int = MESSAGE_BURST
    #: Whether the per-minute tiers apply too. Slack promises the tier as the least it allows
    #: ("50+ per minute"), so a run that is not about them leaves them off.
    tiers: bool = False
    monotonic: Callable[[], float] = time.monotonic
    _messages: dict[str, _Bucket] = field(default_factory=dict)
    _methods: dict[str, _Bucket] = field(default_factory=dict)

    def message(self, channel: str) -> int:
        """0, or whole seconds to wait before another message to this channel."""
        return self._take(
            self._messages,
            channel,
            per_second=self.messages_per_second,
            capacity=self.message_burst,
        )

    def call(self, method: str, tier: int) -> int:
        """0, or whole seconds to wait before another call of this method."""
        if not self.tiers or tier not in TIER_CALLS:
            return 0
        calls = TIER_CALLS[tier]
        return self._take(self._methods, method, per_second=calls / 60, capacity=calls)

    def _take(
        self, buckets: dict[str, _Bucket], key: str, *, per_second: float, capacity: float
    ) -> int:
        now = self.monotonic()
        bucket = buckets.setdefault(key, _Bucket(capacity, now))
        wait = bucket.take(per_second=per_second, capacity=capacity, now=now)
        return math.ceil(wait)
