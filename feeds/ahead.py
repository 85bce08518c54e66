"""Reads one page while the last one is taken in: Redis and the decoder work at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from delivery.tasks import end

T = TypeVar("T")


async def ahead(items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The same items; the next one is under way while the caller works. Two are in memory.

    What the reading raises is raised in its place, after all items before it.
    """
    reading = asyncio.create_task(_next(items), name="read ahead")
    try:
        while found := await reading:
            reading = asyncio.create_task(_next(items), name="read ahead")
            yield found[0]
    finally:
        if not reading.done():
            await end([reading])
        elif not reading.cancelled():
            reading.exception()  # the caller has ended before it came to this
        if isinstance(items, AsyncGenerator):
            await items.aclose()


async def _next(items: AsyncIterator[T]) -> tuple[T] | None:
    try:
        return (await anext(items),)
    except StopAsyncIteration:
        return None
