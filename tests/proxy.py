"""Our own TCP proxy for tests of faults: it loses replies, goes dark, resets and delays.

    async with Proxy(target) as proxy:        # target: a unix socket's path or (host, port)
        client = connect(proxy.url)
        proxy.drop_replies(1)                 # the next reply is lost and the connection with it
        proxy.black_hole()                    # bytes go nowhere, connections stay open
        proxy.reset()                         # every connection is cut now
        proxy.latency = 0.05                  # seconds before each reply
        proxy.heal()

Every byte that comes from the client is passed on before a reply is dropped, so the server has done
the work: that is what makes an outcome unknown.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType

CHUNK = 65_536


class Proxy:
    """Listens on 127.0.0.1 and passes bytes to `target` and back."""

    def __init__(self, target: Path | tuple[str, int]) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dark = asyncio.Event()
        self._to_drop = 0
        self._silent = False
        self._match: bytes | None = None
        #: seconds before each reply
        self.latency = 0.0
        self.refuse = False
        #: replies that were lost so far
        self.dropped = 0
        self.epoch = 0
        self.connections = 0

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reset()
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the proxy is not started")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def drop_replies(self, count: int, *, after: bytes | None = None, silent: bool = False) -> None:
        """Lose the next `count` replies. `after`: only replies to a command that contains this.

        The connection is cut, or stays open without a word when `silent`.
        """
        self._to_drop, self._silent, self._match = count, silent, after

    def black_hole(self) -> None:
        """From now on nothing passes in either direction."""
        self._dark.set()

    def forget(self) -> None:
        """What a load balancer does to idle connections: they stay open, and nothing passes."""
        self.epoch += 1

    def point_to(self, target: Path | tuple[str, int]) -> None:
        """A failover: new connections reach `target`, the old ones are cut."""
        self._target = target
        self.reset()

    def reset(self) -> None:
        """Cut every connection."""
        for writer in tuple(self._writers):
            transport = writer.transport
            transport.abort()

    def heal(self) -> None:
        """Everything passes again; connections of the dark time are cut."""
        was_dark = self._dark.is_set()
        self._dark.clear()
        self._to_drop, self.latency, self.refuse = 0, 0.0, False
        if was_dark:
            self.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuse:
            writer.transport.abort()
            return
        try:
            back_reader, back_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, reader, writer, back_reader, back_writer)
        self._writers |= {writer, back_writer}
        tasks = [asyncio.create_task(link.forth()), asyncio.create_task(link.back())]
        self._tasks |= set(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks -= set(tasks)
            for end in (writer, back_writer):
                self._writers.discard(end)
                end.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection(*self._target)

    def loses(self, command: bytes) -> bool:
        """Whether the reply to `command` shall be lost; counts it."""
        if self._to_drop < 1 or (self._match is not None and self._match not in command):
            return False
        self._to_drop -= 1
        self.dropped += 1
        return True

    @property
    def is_dark(self) -> bool:
        return self._dark.is_set()

    @property
    def is_silent(self) -> bool:
        return self._silent


class _Link:
    """One connection: the client's bytes forth, the server's back."""

    def __init__(
        self,
        proxy: Proxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back_reader: asyncio.StreamReader,
        back_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._back_reader, self._back_writer = back_reader, back_writer
        self._command = b""
        self._is_mute = False
        self._epoch = proxy.epoch

    @property
    def _is_dark(self) -> bool:
        return self._proxy.is_dark or self._epoch != self._proxy.epoch

    async def forth(self) -> None:
        with suppress(OSError):
            while data := await self._reader.read(CHUNK):
                if self._is_dark:
                    continue
                self._command = (self._command + data)[-CHUNK:]
                self._back_writer.write(data)
                await self._back_writer.drain()

    async def back(self) -> None:
        with suppress(OSError):
            while data := await self._back_reader.read(CHUNK):
                if self._proxy.latency:
                    await asyncio.sleep(self._proxy.latency)
                if self._is_dark or self._is_mute:
                    continue
                if self._proxy.loses(self._command):
                    if not self._proxy.is_silent:
                        return
                    self._is_mute = True
                    continue
                self._command = b""
                self._writer.write(data)
                await self._writer.drain()
