"""How many queries Resource Graph lets one user ask."""

from __future__ import annotations

import math

#: Queries of one user in one window of seconds.
QUOTA, WINDOW_SECONDS = 15, 5


class Quota:
    """One user's queries in the window that runs now; time is the caller's, in seconds."""

    def __init__(self) -> None:
        #: Whether one query too many is answered with 429.
        self.is_enforced = False
        self._since = -math.inf
        self._left = QUOTA

    def take(self, at: float) -> tuple[bool, dict[str, str]]:
        """Whether there was one left, and the headers that say how many there are."""
        if at - self._since >= WINDOW_SECONDS:
            self._since, self._left = at, QUOTA
        was_left = self._left > 0
        self._left = max(0, self._left - 1)
        seconds = math.ceil(self._since + WINDOW_SECONDS - at)
        return was_left, {
            "x-ms-user-quota-remaining": str(self._left),
            "x-ms-user-quota-resets-after": f"00:00:{seconds:02}",
        }
