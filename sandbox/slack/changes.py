"""Says that something changed, to tests that wait for a condition and to pages that show it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")

#: Longest time that a waiting test sleeps between two looks when nothing says "changed". Only a
#: safety net for conditions over things outside the sandbox (a counter of the test's own).
LOOK_AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Hint:
    """What somebody's page should read again."""

    type: Literal["messages", "view", "home", "state", "azure"]
    channel: str | None = None
    thread_ts: str | None = None
    #: Whose pages it concerns; None is everybody.
    people: frozenset[str] | None = None

    def concerns(self, user: str) -> bool:
        """Whether this person's page shows what changed."""
        return self.people is None or user in self.people


class Changes:
    """A bell that rings at every change, and the listeners that want to know what it was."""

    def __init__(self) -> None:
        self._rang = asyncio.Event()
        self._listeners: list[Callable[[Hint], None]] = []

    def notify(self, hint: Hint) -> None:
        """Wake everybody who waits, and pass the hint on."""
        self.ring()
        for listener in tuple(self._listeners):
            listener(hint)

    def ring(self) -> None:
        """Wake those who wait for a condition, without telling the pages anything."""
        self._rang.set()
        self._rang = asyncio.Event()

    def listen(self, listener: Callable[[Hint], None]) -> Callable[[], None]:
        """Call the listener at each hint until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def wait(
        self,
        condition: Callable[[], T | None],
        *,
        timeout: float,  # noqa: ASYNC109 - tests read better with it here
        describe: Callable[[], str],
    ) -> T:
        """The first true answer of the condition, or TimeoutError with what was there instead."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            rang = self._rang
            found = condition()
            if found:
                return found
            left = deadline - loop.time()
            if left <= 0:
                raise TimeoutError(f"not within {timeout:g} s: {describe()}")
            try:
                await asyncio.wait_for(rang.wait(), min(left, LOOK_AGAIN_SECONDS))
            except TimeoutError:
                continue  # the loop looks once more and then judges by the deadline
