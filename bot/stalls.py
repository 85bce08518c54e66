"""How long the loop was held up: a slow call anywhere delays every acknowledgement (C110)."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import timedelta

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(seconds=0.25)
#: Shown as the worst of this time.
SHOWN_FOR = timedelta(minutes=1)
#: Slack waits 3 s for an ack; a tenth of a second is what a person does not feel.
WORTH_A_LINE = timedelta(milliseconds=100)


class Stalls:
    """Sleeps and looks how late it wakes; `worst` is what the metric shows."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_EVERY.total_seconds()
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            self.saw(loop.time() - due, at=loop.time())

    def saw(self, late: float, *, at: float) -> None:
        """One wake-up, `late` by so many seconds."""
        if late > WORTH_A_LINE.total_seconds():
            log.warning("the loop was held up for %.0f ms", late * 1000)
        self._seen.append((at, late))
        while self._seen[0][0] < at - SHOWN_FOR.total_seconds():
            self._seen.popleft()

    def worst(self) -> float:
        """Seconds."""
        return max((late for _, late in self._seen), default=0.0)
