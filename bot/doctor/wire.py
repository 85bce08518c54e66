"""One connection, leg by leg: DNS, proxy's CONNECT, TLS, the WebSocket's upgrade and its hello.

HTTP libraries tell all of these as one failure; behind a company's proxy the leg is the answer.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import socket
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

#: All legs of one connection together.
TIMEOUT_SECONDS = 10.0
#: An answer's head, and Slack's hello, are far below this.
ANSWER_MAX_BYTES = 65_536

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_WITH_TLS = ("https", "wss")
_TEXT_FRAME = 0x1
_PING_FRAME = 0x9


class Leg(StrEnum):
    """In the order in which they are walked."""

    DNS = "dns"
    CONNECT = "connect"
    PROXY = "proxy"
    TLS = "tls"
    UPGRADE = "upgrade"
    HELLO = "hello"


class LegFailed(Exception):
    """`reason` holds nothing secret: no path, no password."""

    def __init__(self, leg: Leg, reason: str) -> None:
        self.leg = leg
        self.reason = reason
        super().__init__(f"{leg}: {reason}")


@dataclass(slots=True)
class Walk:
    """Where a connection has come to."""

    url: str
    proxy: str | None = None
    ca_file: Path | None = None
    leg: Leg = Leg.DNS
    _writer: asyncio.StreamWriter | None = field(default=None, repr=False)

    async def connect(self, *, hello: bool = False) -> None:
        """Walk the legs; with `hello`, up to the first message of Slack's WebSocket."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reader = await self._open()
                if hello:
                    await self._upgrade(reader)
        except TimeoutError as error:
            raise LegFailed(self.leg, "no answer in time") from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise LegFailed(self.leg, _reason(error)) from error
        finally:
            if self._writer is not None:
                self._writer.close()

    async def _open(self) -> asyncio.StreamReader:
        target = urlsplit(self.url)
        first = urlsplit(self.proxy) if self.proxy else target
        host, port = _place(first)
        addresses = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )
        self.leg = Leg.CONNECT
        reader, self._writer = await _dial(sorted({str(found[4][0]) for found in addresses}), port)
        if self.proxy:
            if first.scheme == "https":
                self.leg = Leg.TLS
                await self._start_tls(host, None)
            self.leg = Leg.PROXY
            await self._tunnel(reader, first, target)
        if target.scheme in _WITH_TLS:
            self.leg = Leg.TLS
            await self._start_tls(_place(target)[0], self.ca_file)
        return reader

    async def _start_tls(self, host: str, ca_file: Path | None) -> None:
        assert self._writer is not None
        trusted = str(ca_file) if ca_file else None
        context = await asyncio.to_thread(ssl.create_default_context, cafile=trusted)
        await self._writer.start_tls(context, server_hostname=host)

    async def _tunnel(
        self, reader: asyncio.StreamReader, proxy: SplitResult, target: SplitResult
    ) -> None:
        host, port = _place(target)
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if proxy.username:
            pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
        status = await self._ask(reader, lines)
        if status != "200":
            raise LegFailed(Leg.PROXY, f"the proxy answers {status}")

    async def _upgrade(self, reader: asyncio.StreamReader) -> None:
        self.leg = Leg.UPGRADE
        target = urlsplit(self.url)
        path = f"{target.path or '/'}?{target.query}" if target.query else target.path or "/"
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        status = await self._ask(
            reader,
            [
                f"GET {path} HTTP/1.1",
                f"Host: {target.netloc.rpartition('@')[2]}",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                f"Sec-WebSocket-Key: {key}",
            ],
        )
        if status != "101":
            raise LegFailed(Leg.UPGRADE, f"the answer is {status}, not 101")
        self.leg = Leg.HELLO
        await _hello(reader)

    async def _ask(self, reader: asyncio.StreamReader, lines: list[str]) -> str:
        """Send a request's head; the status of the answer."""
        assert self._writer is not None
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        await self._writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        if len(words) < 2 or not words[0].startswith("HTTP/"):
            raise LegFailed(self.leg, "what answers does not speak HTTP")
        return words[1]


async def _dial(
    addresses: list[str], port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The first address that answers; the last one's failure where none does."""
    failure: OSError = ConnectionError("no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(address, port, limit=ANSWER_MAX_BYTES)
        except OSError as error:
            failure = error
    raise failure


async def _hello(reader: asyncio.StreamReader) -> None:
    """Slack's first message says `hello`; pings before it are passed over."""
    while True:
        first, second = await reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await reader.readexactly(8), "big")
        if length > ANSWER_MAX_BYTES:
            raise LegFailed(Leg.HELLO, "the first message is too long")
        content = await reader.readexactly(length)
        if first & 0x0F == _PING_FRAME:
            continue
        if first & 0x0F != _TEXT_FRAME or not _is_hello(content):
            raise LegFailed(Leg.HELLO, "the first message is no hello")
        return


def _is_hello(content: bytes) -> bool:
    try:
        message = json.loads(content)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("type") == "hello"


def _place(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, asyncio.IncompleteReadError):
        return "the connection was closed"
    return getattr(error, "strerror", None) or type(error).__name__
