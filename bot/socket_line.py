"""One WebSocket of Socket Mode, from its hello to its end.

Envelopes are answered in tasks of their own, so that a slow one holds no other back; closing a line
lets those that are under way be acknowledged first.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from slack_bolt import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest

from delivery.tasks import end

log = logging.getLogger(__name__)

#: Slack waits 3 s for an acknowledgement; what is under way needs no longer than that.
GRACE_SECONDS = 3.0

Deliver = Callable[[SocketModeRequest], Awaitable[BoltResponse]]


class Line:
    """`greeted` by hello, `leaving` when Slack wants another instead, `ended` when it is gone."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        deliver: Deliver,
        *,
        on_frame: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._deliver = deliver
        self._on_frame = on_frame
        #: what hello said of how many connections Slack counts for this app.
        self.connections = 0
        #: Slack's word for why it wants another connection.
        self.reason = ""
        self.greeted = asyncio.Event()
        self.leaving = asyncio.Event()
        self.ended = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._reading = asyncio.create_task(self._read(), name="socket line")

    async def until_greeted(self) -> bool:
        """False when it ended, or Slack took it back, before it said hello."""
        await _first(self.greeted, self.ended)
        return self.greeted.is_set() and not self.ended.is_set()

    async def until_replaced(self) -> str:
        """Slack's reason, or "" when the line is gone without a word."""
        await _first(self.leaving, self.ended)
        return self.reason if self.leaving.is_set() else ""

    async def close(self, grace: float = GRACE_SECONDS) -> None:
        """Acknowledge what is under way, then close; nothing of it lives on."""
        if self._work and not self.ended.is_set():
            await asyncio.wait(self._work, timeout=grace)
        await self._socket.close()
        await end([self._reading, *self._work])

    async def _read(self) -> None:
        try:
            while True:
                frame = await self._socket.receive()
                match frame.type:
                    case WSMsgType.TEXT:
                        self._on_frame()
                        self._heard(frame.data)
                    case WSMsgType.PING:
                        self._on_frame()
                        await self._socket.pong(frame.data)
                    case WSMsgType.PONG | WSMsgType.BINARY:
                        self._on_frame()
                    case _:
                        return
        except (aiohttp.ClientError, OSError) as error:
            log.info("socket line: %s", type(error).__name__)
        finally:
            self.ended.set()

    def _heard(self, text: str) -> None:
        message = _decode(text)
        match message.get("type"):
            case "hello":
                count = message.get("num_connections")
                self.connections = count if isinstance(count, int) else 1
                self.greeted.set()
            case "disconnect":
                self.reason = str(message.get("reason") or "unknown")
                self.leaving.set()
            case _:
                request = SocketModeRequest.from_dict(dict(message))
                if request is not None:
                    self._start(request)

    def _start(self, request: SocketModeRequest) -> None:
        task = asyncio.create_task(self._answer(request), name="socket delivery")
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _answer(self, request: SocketModeRequest) -> None:
        """Without an acknowledgement Slack says so to the person, and repeats an event."""
        try:
            answer = await self._deliver(request)
            if answer.status == 200:
                await self._socket.send_str(json.dumps(acknowledgement(request, answer)))
            else:
                log.warning("a delivery was not acknowledged: %s", answer.status)
        except (aiohttp.ClientError, OSError) as error:
            log.warning("an acknowledgement could not be sent: %s", type(error).__name__)
        except Exception:
            log.exception("a delivery failed")


def acknowledgement(request: SocketModeRequest, answer: BoltResponse) -> dict[str, Any]:
    """The frame that answers an envelope, with Bolt's body as its payload."""
    frame: dict[str, Any] = {"envelope_id": request.envelope_id}
    if not answer.body:
        return frame
    content_type = (answer.headers.get("content-type") or [""])[0]
    if content_type.startswith("application/json"):
        return frame | {"payload": json.loads(answer.body)}
    return frame | {"payload": {"text": answer.body}}


def _decode(text: str) -> Mapping[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        log.warning("socket line: a frame that is no JSON")
        return {}
    return message if isinstance(message, dict) else {}


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
