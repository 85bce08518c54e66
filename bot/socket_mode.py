"""Socket Mode, supervised: a connection that has gone deaf is replaced by a new one.

The SDK's client can stay in retries for ever after a failed hand-over, with `is_connected` still
true (C055), and ghosts of old connections can swallow clicks (C054). So its own pings are watched
from outside, every client is thrown away when in doubt, and hello's count of connections is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import (
    run_async_bolt_app,
    send_async_response,
)
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

log = logging.getLogger(__name__)

PING_SECONDS = 5.0
#: No pong for this many intervals: the connection is deaf.
DEAF_AFTER_PINGS = 4
CONNECT_SECONDS = 15.0
CHECK_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 30.0


@dataclass(slots=True)
class SocketHealth:
    """What `hello` and the supervisor saw last."""

    is_connected: bool = False
    connections: int = 0
    last_heard: float = 0.0
    reconnects: int = 0
    problem: str = ""
    refused_reasons: dict[str, int] = field(default_factory=dict)


class _Client(SocketModeClient):
    """The SDK's client without its own ideas about reconnecting: two masters make ghosts."""

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        del force


class SocketEdge:
    """Keeps one good connection. `run` until cancelled; `connected` is set by each hello."""

    def __init__(
        self,
        app: AsyncApp,
        app_token: str,
        client: AsyncWebClient,
        *,
        proxy: str | None = None,
        on_reconnect: Callable[[], None] = lambda: None,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._client = client
        self._proxy = proxy
        self._on_reconnect = on_reconnect
        self._ping_seconds = ping_seconds
        self.health = SocketHealth()
        self.connected = asyncio.Event()
        self.silence_before_hello = timedelta(0)
        self._replace = asyncio.Event()

    async def run(self) -> None:
        """A refresh opens the new connection before the old one goes, so that no click is lost."""
        failures = 0
        current: _Client | None = None
        try:
            while True:
                fresh = await self._open()
                if fresh is None:
                    failures += 1
                    await asyncio.sleep(_backoff(failures))
                    continue
                failures = 0
                if current is not None:
                    await _close(current)
                current = fresh
                if not await self._until_replaced(current):
                    self.health.is_connected = False
                    await _close(current)
                    current = None
                self.health.reconnects += 1
        finally:
            self.health.is_connected = False
            if current is not None:
                await _close(current)

    async def _open(self) -> _Client | None:
        """A connection that has said hello, or None."""
        client = _Client(
            self._app_token,
            web_client=self._client,
            proxy=self._proxy,
            auto_reconnect_enabled=False,
            ping_interval=self._ping_seconds,
        )
        client.message_listeners.append(self._heard)
        client.socket_mode_request_listeners.append(self._deliver)  # type: ignore[arg-type]
        self.connected.clear()
        self._replace.clear()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect()  # type: ignore[no-untyped-call]
                await self.connected.wait()
        except (TimeoutError, SlackApiError, aiohttp.ClientError, OSError) as error:
            self.health.problem = _name(error)
            log.warning("socket mode: %s", self.health.problem)
            await _close(client)
            return None
        return client

    async def _deliver(self, client: _Client, request: SocketModeRequest) -> None:
        started = time.monotonic()
        answer = await run_async_bolt_app(self._app, request)
        await send_async_response(client, request, answer, started)

    async def _heard(self, _client: Any, message: dict[str, Any], _raw: str | None) -> None:
        now, before = time.monotonic(), self.health.last_heard
        self.health.last_heard = now
        match message.get("type"):
            case "hello":
                self.silence_before_hello = timedelta(seconds=now - before if before else 0)
                self.health.connections = int(message.get("num_connections") or 1)
                self.health.is_connected = True
                self.health.problem = ""
                self.connected.set()
                self._on_reconnect()
            case "disconnect":
                reason = str(message.get("reason"))
                counts = self.health.refused_reasons
                counts[reason] = counts.get(reason, 0) + 1
                self._replace.set()
            case _:
                return

    async def _until_replaced(self, client: _Client) -> bool:
        """True when Slack asks for a new connection; False when this one is closed or deaf."""
        heard = self._pongs(client)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._replace.wait(), CHECK_SECONDS)
                return True
            session = client.current_session
            if session is None or session.closed:
                self.health.problem = "closed"
                return False
            if heard() > DEAF_AFTER_PINGS * self._ping_seconds:
                self.health.problem = "deaf"
                log.warning("socket mode: no pong: a new connection")
                return False

    def _pongs(self, client: _Client) -> Callable[[], float]:
        """Seconds since the client's last pong, on our clock: the SDK notes wall-clock times."""
        seen: list[float | None] = [client.last_ping_pong_time]
        changed_at = [time.monotonic()]

        def silence() -> float:
            if client.last_ping_pong_time != seen[0]:
                seen[0] = client.last_ping_pong_time
                changed_at[0] = time.monotonic()
            return time.monotonic() - changed_at[0]

        return silence


async def _close(client: _Client) -> None:
    """Whatever state the client is in, nothing of it may live on."""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError, RuntimeError):
        async with asyncio.timeout(5):
            await client.close()  # type: ignore[no-untyped-call]


def _backoff(failures: int) -> float:
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads replicas, guards nothing
    return float(min(BACKOFF_MAX_SECONDS, 0.5 * 2**failures)) * jitter


def _name(error: BaseException) -> str:
    if isinstance(error, SlackApiError):
        return str(error.response.get("error"))
    return type(error).__name__
