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
    """Cancel until each has ended, also when the caller is cancelled meanwhile.

    One cancel is not enough: `asyncio.wait_for` of Python 3.11 drops it when what it waits for ends
    in the same moment, and the task would go on for ever. Failures are the tasks' own to tell.
    """
    waiting = {task for task in tasks if not task.done()}
    interrupted: asyncio.CancelledError | None = None
    rounds = 0
    while waiting:
        for task in waiting:
            task.cancel()
        try:
            await asyncio.wait(waiting, timeout=ROUND_SECONDS)
        except asyncio.CancelledError as cancelled:
            interrupted = cancelled
        waiting = {task for task in waiting if not task.done()}
        rounds += 1
        if waiting and rounds > 1:
            log.info("not ended yet: %s", ", ".join(task.get_name() for task in waiting))
    if interrupted is not None:
        raise interrupted


def stop_if_cancelled() -> None:
    """For a loop that goes on after failures: a library below may have dropped its cancellation.

    Raises:
        asyncio.CancelledError: this task was asked to end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
