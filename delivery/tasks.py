"""Ending background tasks for sure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

log = logging.getLogger(__name__)

#: A task that is still there after this long is cancelled again.
ROUND_SECONDS = 5.0


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until each has ended.

    One cancel is not enough: `asyncio.wait_for` of Python 3.11 drops it when what it waits for ends
    in the same moment, and the task would go on for ever. Failures are the tasks' own to tell.
    """
    waiting = {task for task in tasks if not task.done()}
    rounds = 0
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=ROUND_SECONDS)
        rounds += 1
        if waiting and rounds > 1:
            log.info("not ended yet: %s", ", ".join(task.get_name() for task in waiting))
