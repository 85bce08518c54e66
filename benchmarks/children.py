"""Processes that a run starts: each in a session of its own, each ended by it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

#: Two busy cores that compile everything for the first time.
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LAST_LINES = 15


class ChildFailed(Exception):
    """A process did not come up; the end of what it wrote."""


@dataclass(slots=True)
class Child:
    """A running Python process."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    async def first_line(self) -> bytes:
        """What it prints when it is ready."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self.process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise self.failed()
        return line

    def failed(self) -> ChildFailed:
        lines = self.log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
        return ChildFailed("\n".join([f"{self.name} did not start:", *lines]))

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not end."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def spawn(name: str, words: Sequence[str], environ: Mapping[str, str], folder: Path) -> Child:
    """`python -m words`; what it says on standard error goes to a file."""
    log = folder / f"{name}.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *words, env=dict(environ), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
    return Child(name, process, log)


async def compile_ahead(module: str, folder: Path) -> None:
    """What an installed product has compiled: to compile a generated module takes 90 MB."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"import {module}", env=compiled(folder)
    )
    if await started.wait():
        raise ChildFailed(f"{module} can't be imported")


@asynccontextmanager
async def child(
    name: str, words: Sequence[str], environ: Mapping[str, str], folder: Path
) -> AsyncIterator[tuple[Child, bytes]]:
    """A process and its first line; ended at the end, whatever happens inside."""
    started = await spawn(name, words, environ, folder)
    try:
        yield started, await started.first_line()
    finally:
        await started.stop()


def compiled(folder: Path) -> dict[str, str]:
    """This environment with bytecode kept in `folder`, as an installed product has it.

    Some build machines forbid writing bytecode; a start would then compile everything each time.
    """
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
