"""Background tasks end, whatever drops their cancellation on the way."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.background import forever
from delivery.tasks import end


async def test_loop_whose_library_drops_the_cancellation_ends() -> None:
    """As redis-py does when the connection fails in the same moment."""
    started = asyncio.Event()

    async def step() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("the socket is gone") from None

    async def duties() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(forever("step", step, timedelta(0)))

    task = asyncio.create_task(duties())
    await started.wait()
    await asyncio.wait_for(end([task]), 2)
    assert task.cancelled()


async def test_end_goes_on_when_its_caller_is_cancelled() -> None:
    """Nobody is left behind by a stop that is itself stopped; the caller still learns of it."""
    started, cancelled, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            await may_end.wait()
            raise

    task = asyncio.create_task(work())
    await started.wait()
    stopping = asyncio.create_task(end([task]))
    await cancelled.wait()
    cancelled.clear()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert task.done()
