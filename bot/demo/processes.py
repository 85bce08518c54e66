"""The demo's children: the sandbox and the real bot, each its own process, both ended with us."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot import embedded
from bot.demo.world import Addresses, bot_environment, valkey_folder

#: Two busy cores that import everything for the first time.
START_SECONDS = 60.0
#: A child ends within this after SIGTERM, else it is killed.
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
#: Lines of a child's log that are shown when it died.
LAST_LINES = 15


class DemoFailed(Exception):
    """A child ended or did not become ready; `log` is the end of what it wrote."""

    def __init__(self, name: str, log: str) -> None:
        self.name = name
        self.log = log
        super().__init__(name)


@dataclass(slots=True)
class Child:
    """A process that we started, in a session of its own: Ctrl-C reaches us alone."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not end."""
        if self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def failed(self) -> DemoFailed:
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return DemoFailed(self.name, "\n".join(lines[-LAST_LINES:]))


@dataclass(frozen=True, slots=True)
class Running:
    """Both children, ready."""

    folder: Path
    addresses: Addresses
    environment: Mapping[str, str]
    sandbox: Child
    bot: Child

    async def ended(self) -> Child:
        """Waits until one of them ends by itself."""
        waits = {
            asyncio.create_task(child.process.wait()): child for child in (self.sandbox, self.bot)
        }
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        return waits[done.pop()]


@asynccontextmanager
async def running(
    folder: Path, *, port: int = 0, is_lively: bool = False
) -> AsyncIterator[Running]:
    """Start both, wait until the bot is ready, and end both, whatever happens inside."""
    sandbox, addresses = await _start_sandbox(folder, port, is_lively=is_lively)
    try:
        health_port = _free_port()
        environment = bot_environment(
            addresses, folder, health_port=health_port, environ=os.environ
        )
        bot = await _start(folder, "bot", ["bot.cli", "run"], environment)
        try:
            await _ready(bot, health_port)
            yield Running(folder, addresses, environment, sandbox, bot)
        finally:
            await _stop_bot(bot, folder)
    finally:
        await sandbox.stop()


async def _start(folder: Path, name: str, words: list[str], env: Mapping[str, str]) -> Child:
    log = folder / f"{name}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *words, env=dict(env), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
    return Child(name, process, log)


async def _start_sandbox(folder: Path, port: int, *, is_lively: bool) -> tuple[Child, Addresses]:
    state = folder / "sandbox"
    state.mkdir()
    words = ["sandbox", "--state-dir", str(state), "--slack-port", str(port)]
    words += ["--lively"] if is_lively else []
    child = await _start(folder, "sandbox", words, os.environ)
    assert child.process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await child.process.stdout.readline()
        return child, msgspec.json.decode(line, type=Addresses)
    except (TimeoutError, msgspec.MsgspecError) as error:
        await child.stop()
        raise child.failed() from error
    except BaseException:
        await child.stop()
        raise


async def _ready(bot: Child, port: int) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await asyncio.to_thread(_is_ready, port):
                if bot.process.returncode is not None:
                    raise bot.failed()
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise bot.failed() from error


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


async def _stop_bot(bot: Child, folder: Path) -> None:
    """A bot that was killed leaves its Valkey behind: that is ended, too."""
    await bot.stop()
    if bot.process.returncode != 0 and valkey_folder(folder).is_dir():
        server = await embedded.start(valkey_folder(folder), os.environ)
        await server.stop()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
