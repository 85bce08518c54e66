"""Socket Mode, supervised: a connection that has gone deaf is replaced by a new one.

The SDK's client can stay in retries for ever after a failed hand-over, with `is_connected` still
true (C055), and ghosts of old connections can swallow clicks (C054). So the connection is ours:
one try is one ticket and one WebSocket, whoever does not answer pings is gone, and hello's count of
connections is kept.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
from slack_bolt import BoltResponse
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.socket_line import Line
from delivery.network import NETWORK_ERRORS
from delivery.refusals import Why, refusal_of

log = logging.getLogger(__name__)

#: A ping after so much silence; without a pong in half of it the line is deaf.
PING_SECONDS = 10.0
CONNECT_SECONDS = 15.0
#: A connection that lived shorter than this is a failed one: the next try waits longer.
SETTLED_SECONDS = 30.0
BACKOFF_SECONDS = 0.5
BACKOFF_MAX_SECONDS = 30.0
#: How long closing may wait for the other side.
CLOSE_SECONDS = 2.0
#: Slack's reasons to close first and then wait: another connection would only be one more.
CROWDED = frozenset({"too_many_websockets", "link_disabled"})


@dataclass(slots=True)
class SocketHealth:
    """What was heard last. `last_heard` counts every frame, pongs too (monotonic seconds)."""

    is_connected: bool = False
    connections: int = 0
    last_heard: float = 0.0
    reconnects: int = 0
    problem: str = ""
    refused_reasons: Counter[str] = field(default_factory=Counter)

    def silence(self) -> timedelta:
        """How long nothing was heard at all."""
        return timedelta(seconds=time.monotonic() - self.last_heard if self.last_heard else 0.0)


class SocketEdge:
    """Keeps one good connection. `run` until cancelled; `connected` is set by the first hello."""

    def __init__(
        self,
        app: AsyncApp,
        app_token: str,
        client: AsyncWebClient,
        *,
        proxy_for: Callable[[str], str | None] = lambda _url: None,
        on_reconnect: Callable[[], None] = lambda: None,
        ping_seconds: float = PING_SECONDS,
        backoff_seconds: float = BACKOFF_SECONDS,
        settled_seconds: float = SETTLED_SECONDS,
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._client = client
        self._proxy_for = proxy_for
        self._on_reconnect = on_reconnect
        self._ping_seconds = ping_seconds
        self._backoff_seconds = backoff_seconds
        self._settled_seconds = settled_seconds
        self._retiring: set[asyncio.Task[None]] = set()
        self.health = SocketHealth(last_heard=time.monotonic())
        self.connected = asyncio.Event()
        self.silence_before_hello = timedelta(0)

    async def run(self) -> None:
        """Raises SlackApiError when Slack definitely refuses the very first connection."""
        line: Line | None = None
        async with aiohttp.ClientSession() as session:
            try:
                failures = 0
                while True:
                    fresh = await self._open(session, line)
                    if fresh is None:
                        failures += 1
                        await self._pause(failures, line)
                        continue
                    self._retire(line)
                    line, born = fresh, time.monotonic()
                    reason = await line.until_replaced()
                    line = await self._replaced(line, reason)
                    settled = time.monotonic() - born >= self._settled_seconds
                    failures = 0 if settled else failures + 1
                    if failures > 1 or reason in CROWDED:
                        await self._pause(failures, line)
            finally:
                self.health.is_connected = False
                self._retire(line)
                await asyncio.gather(*self._retiring, return_exceptions=True)

    async def _replaced(self, line: Line, reason: str) -> Line | None:
        """The line while it still serves: on a refresh the new one opens first."""
        self.health.reconnects += 1
        self.health.refused_reasons[reason or "gone"] += 1
        log.info("socket mode: a new connection: %s", reason or "gone")
        if reason and reason not in CROWDED:
            return line
        self.health.is_connected = False
        self.health.problem = reason or "connection lost"
        await line.close()
        return None

    async def _pause(self, failures: int, line: Line | None) -> None:
        if line is None or line.ended.is_set():
            self.health.is_connected = False
        await asyncio.sleep(_backoff(failures, self._backoff_seconds))

    # --- one connection ---

    async def _open(self, session: aiohttp.ClientSession, old: Line | None) -> Line | None:
        """A connection that has said hello, or None. What went wrong is logged by name alone: the
        address holds a ticket."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                answer = await self._client.apps_connections_open(app_token=self._app_token)
                return await self._greet(session, str(answer["url"]), old)
        except SlackApiError as error:
            refusal = refusal_of(error)
            if refusal.why in (Why.TOKEN, Why.RIGHTS) and not self.connected.is_set():
                raise
            self._failed(refusal.name)
            await asyncio.sleep(refusal.retry_after.total_seconds())
        except (*NETWORK_ERRORS, ValueError, AttributeError) as error:
            self._failed(type(error).__name__)
        return None

    async def _greet(
        self, session: aiohttp.ClientSession, url: str, old: Line | None
    ) -> Line | None:
        silence = self.health.silence()
        socket = await session.ws_connect(
            url,
            autoping=False,
            heartbeat=self._ping_seconds,
            proxy=self._proxy_for(url),
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            ssl=self._client.ssl if self._client.ssl is not None else True,
        )
        line = Line(socket, self._deliver, on_frame=self._heard)
        try:
            is_greeted = await line.until_greeted()
        except BaseException:  # also the time-out: no half-open connection stays at Slack
            await line.close(0)
            raise
        if not is_greeted:
            await line.close(0)
            self._failed(line.reason or "no hello")
            return None
        self.silence_before_hello = silence if self.connected.is_set() else timedelta(0)
        self._welcome(line, 0 if old is None or old.ended.is_set() else 1)
        return line

    def _welcome(self, line: Line, leaving: int) -> None:
        """`leaving`: the line that this one replaces; Slack counts it too."""
        self.health.connections = max(1, line.connections - leaving)
        self.health.is_connected = True
        self.health.problem = ""
        self.connected.set()
        log.info("socket mode: connected; Slack counts %s", line.connections)
        self._on_reconnect()

    def _failed(self, problem: str) -> None:
        self.health.problem = problem
        log.warning("socket mode: %s", problem)

    def _heard(self) -> None:
        self.health.last_heard = time.monotonic()

    async def _deliver(self, request: SocketModeRequest) -> BoltResponse:
        answer: BoltResponse = await run_async_bolt_app(self._app, request)
        return answer

    def _retire(self, line: Line | None) -> None:
        """Close it in the background, once what it brought is acknowledged."""
        if line is None:
            return
        task = asyncio.create_task(line.close(), name="socket retire")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def _backoff(failures: int, base: float) -> float:
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads replicas, guards nothing
    return float(min(BACKOFF_MAX_SECONDS, base * 2 ** min(failures, 10))) * jitter
