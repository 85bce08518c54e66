"""A real Bolt app behind the HTTP door, and a client that sends bytes as they are."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.http import LINGER_SECONDS, HttpEdge
from sandbox.slack import SandboxSlack

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
OLD_SECRET = "0123456789abcdef0123456789abcdef"
NOW = 1_795_595_400
FORM = "application/x-www-form-urlencoded"
PATIENCE = 10.0
REFUSALS = (400, 401, 413, 415)


@dataclass(slots=True)
class Answer:
    """What came back, and whether the door closed the connection behind it."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_closed: bool


@dataclass(slots=True)
class Door:
    """`heard` is what got through to the listeners."""

    edge: HttpEdge
    port: int
    heard: list[Mapping[str, Any]] = field(default_factory=list)

    async def send(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        content_type: str = FORM,
        path: str = "/slack/events",
        method: str = "POST",
    ) -> Answer:
        """One rightly framed request; rightly signed unless headers are given."""
        sent = {"Content-Type": content_type, "Content-Length": str(len(body))}
        sent |= sign(body) if headers is None else headers
        return await self.exchange([head(sent, path=path, method=method) + body])

    async def exchange(self, pieces: Sequence[bytes], *, close: bool = False) -> Answer:
        """Raw bytes in pieces, each flushed; `close` ends our side behind them."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(PATIENCE):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                if close:
                    writer.write_eof()
                return await read_answer(reader)
        finally:
            writer.transport.abort()


def sign(body: bytes, *, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    base = b"v0:" + str(at).encode() + b":" + body
    mac = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={mac}"}


def head(headers: Mapping[str, str], *, path: str = "/slack/events", method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.partition(": ") for line in lines if line)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    status = int(first.split()[1])
    return Answer(status, headers, body, is_closed=status in REFUSALS and await ends(reader))


async def ends(reader: asyncio.StreamReader) -> bool:
    """Whether the door closes the connection without another word."""
    try:
        async with asyncio.timeout(2):
            return await reader.read() == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def open_door(
    slack: SandboxSlack, *, body_seconds: float = 0.3
) -> tuple[Door, web.AppRunner]:
    """The door on a free port, with a Bolt app behind it."""
    logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.CRITICAL)
    app = AsyncApp(
        client=AsyncWebClient(token=slack.bot_token, base_url=slack.url),
        token=slack.bot_token,
        signing_secret=SECRET,
        process_before_response=True,
        request_verification_enabled=False,
    )
    edge = HttpEdge(
        app, secrets=(SECRET, OLD_SECRET), now=lambda: float(NOW), body_seconds=body_seconds
    )
    runner = web.AppRunner(edge.application(), access_log=None, lingering_time=LINGER_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door = Door(edge, int(runner.addresses[0][1]))

    async def hear(ack: AsyncAck, body: dict[str, Any]) -> None:
        door.heard.append(body)
        await ack(text=f"heard {body.get('text', '')}", response_type="ephemeral")

    app.command("/jit")(hear)
    app.event("app_mention")(hear)
    app.action("jit_approve")(hear)
    return door, runner
