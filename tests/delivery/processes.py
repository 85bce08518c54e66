"""Starts and kills deliverers as processes; a `kill -9` is a `kill -9`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any

from sandbox.slack import SandboxSlack

START_SECONDS = 30.0


class Posters:
    """Every process that was started ends with the block."""

    module = "tests.delivery.worker"

    def __init__(
        self, slack: SandboxSlack, redis_url: str, *, lease_ms: int, interval: float = 0.0
    ) -> None:
        self._settings: dict[str, Any] = {
            "redis": redis_url,
            "url": slack.url,
            "token": slack.bot_token,
            "lease_ms": lease_ms,
            "interval": interval,
        }
        self.alive: list[int] = []
        self.killed = 0

    async def __aenter__(self) -> Posters:
        self._parent = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self.module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self._write(json.dumps(self._settings))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.alive:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._parent.kill()
        await self._parent.wait()

    async def start(self) -> None:
        """One more process; returns when it posts."""
        await self._write("start")
        assert self._parent.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            self.alive.append(int(await self._parent.stdout.readline()))

    def kill(self, place: int = 0) -> None:
        """`kill -9`, the oldest first."""
        os.kill(self.alive.pop(place), signal.SIGKILL)
        self.killed += 1

    def pause(self, place: int = 0) -> None:
        """The process sleeps, with whatever it was about to do."""
        os.kill(self.alive[place], signal.SIGSTOP)

    def wake(self, place: int = 0) -> None:
        os.kill(self.alive[place], signal.SIGCONT)

    async def _write(self, line: str) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.write(line.encode() + b"\n")
        await self._parent.stdin.drain()
