"""One item is read ahead, in order, and nothing is left running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from feeds.ahead import ahead


class Pages:
    """Counts what was read and whether the reading was closed."""

    def __init__(self, count: int, *, fails_at: int = -1) -> None:
        self._count, self._fails_at = count, fails_at
        self.read = 0
        self.is_closed = False

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for number in range(self._count):
                await asyncio.sleep(0)
                if number == self._fails_at:
                    raise ConnectionError("torn")
                self.read += 1
                yield number
        finally:
            self.is_closed = True


async def test_the_next_is_read_while_the_last_is_worked_on() -> None:
    pages = Pages(4)
    seen = []
    async for number in ahead(pages()):
        await asyncio.sleep(0.01)
        seen.append((number, pages.read))
    assert seen == [(0, 2), (1, 3), (2, 4), (3, 4)]
    assert pages.is_closed


async def test_nothing_is_nothing() -> None:
    assert [number async for number in ahead(Pages(0)())] == []


async def test_a_failure_comes_after_what_was_read_before_it() -> None:
    seen: list[int] = []

    async def read() -> None:
        async for number in ahead(Pages(4, fails_at=2)()):
            seen.append(number)

    with pytest.raises(ConnectionError):
        await read()
    assert seen == [0, 1]


async def test_a_caller_that_stops_leaves_nothing_behind() -> None:
    pages = Pages(100)
    reading = ahead(pages())
    assert await anext(reading) == 0
    await reading.aclose()
    assert pages.is_closed
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "read ahead"]


async def test_a_caller_that_fails_hides_no_other_failure() -> None:
    async def read() -> None:
        async for _ in ahead(Pages(2, fails_at=1)()):
            await asyncio.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await read()
