"""Socket Mode: tickets, hello, envelopes, acknowledgements, disconnect frames."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
import uuid
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from sandbox.slack.changes import Changes, Hint
from sandbox.slack.json_types import JsonObject
from sandbox.slack.outcome import ACK_SECONDS, Outcome
from sandbox.slack.workspace import APP_ID

#: Slack pings its sockets now and then; clients look at it to see that the line lives.
PING_SECONDS = 10.0
#: After a disconnect frame Slack keeps the socket a little, for the client to move over.
LEAVING_SECONDS = 2.0
#: More sockets than this and Slack sends `too_many_websockets`.
CONNECTIONS_MAX = 10


@dataclass(slots=True, eq=False)
class Connection:
    """One socket of the bot."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    number: int
    #: A disconnect frame was sent: nothing new goes this way while there is another.
    leaving: bool = False


@dataclass(slots=True)
class SocketModeHub:
    """All sockets of the bot; each payload goes to one of them."""

    changes: Changes
    base_url: str = ""
    ack_seconds: float = ACK_SECONDS
    #: What `hello` says instead of the real number of connections.
    hello_connections: int | None = None
    #: Connections that Slack still counts though nobody is at the other end: payloads are
    #: spread over them too and are lost there.
    ghosts: int = 0
    #: Whether pings are answered; False plays a half-open line.
    answers_pings: bool = True
    connections: list[Connection] = field(default_factory=list)
    #: How many sockets were ever opened.
    opened: int = 0
    envelopes: list[JsonObject] = field(default_factory=list)
    _tickets: set[str] = field(default_factory=set)
    _waiting: dict[str, asyncio.Future[JsonObject | None]] = field(default_factory=dict)
    _turn: itertools.count[int] = field(default_factory=itertools.count)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def online(self) -> bool:
        """Whether at least one socket is connected."""
        return bool(self.connections)

    def ticket_url(self) -> str:
        """The address for one new socket, as apps.connections.open returns it."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        root = self.base_url.replace("http://", "ws://", 1)
        return f"{root}link/?ticket={ticket}&app_id={APP_ID}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it closes."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.opened += 1
        connection = Connection(socket, request.transport, self.opened)
        self.connections.append(connection)
        try:
            await self._greet(connection)
            await self._listen(connection)
        finally:
            self._left(connection)
        return socket

    async def _greet(self, connection: Connection) -> None:
        counted = len(self.connections) + self.ghosts
        hello = {
            "type": "hello",
            "num_connections": self.hello_connections or counted,
            "debug_info": self._debug_info()
            | {"build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP_ID},
        }
        await connection.socket.send_json(hello)
        self.changes.notify(Hint("state"))
        if len(self.connections) > CONNECTIONS_MAX:
            await self._disconnect(connection, "too_many_websockets")

    def _debug_info(self) -> JsonObject:
        return {"host": "applink-sandbox"}

    async def _listen(self, connection: Connection) -> None:
        socket = connection.socket
        while not socket.closed:
            try:
                frame = await socket.receive(timeout=PING_SECONDS)
            except TimeoutError:
                await socket.ping(b"Ping from applink-sandbox")
                continue
            match frame.type:
                case WSMsgType.TEXT:
                    self._acknowledged(frame.data)
                case WSMsgType.PING if self.answers_pings:
                    await socket.pong(frame.data)
                case WSMsgType.CLOSE | WSMsgType.CLOSING | WSMsgType.CLOSED | WSMsgType.ERROR:
                    return
                case _:
                    continue  # pongs, and pings while the line plays dead

    def _acknowledged(self, text: str) -> None:
        answer = json.loads(text)
        waiting = self._waiting.get(answer.get("envelope_id", ""))
        # An acknowledgement that comes too late finds nobody waiting; Slack drops it too.
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.get("payload"))

    def _left(self, connection: Connection) -> None:
        self.connections.remove(connection)
        if not self.connections:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("the last socket closed"))
        self.changes.notify(Hint("state"))

    async def send(
        self,
        kind: str,
        payload: JsonObject,
        *,
        accepts_response_payload: bool,
        retry_attempt: int = 0,
        retry_reason: str | None = None,
    ) -> Outcome:
        """Send one envelope over one of the sockets and wait for its acknowledgement."""
        started = time.monotonic()
        if not self.connections:
            return Outcome("failed", 0.0, error="dispatch_failed", retry_reason="connection_failed")
        envelope: JsonObject = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "accepts_response_payload": accepts_response_payload,
            "payload": payload,
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": retry_attempt, "retry_reason": retry_reason or ""}
        return await self._exchange(envelope, started)

    async def _exchange(self, envelope: JsonObject, started: float) -> Outcome:
        waiting: asyncio.Future[JsonObject | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = waiting
        self.envelopes.append(envelope)
        del self.envelopes[:-1000]
        try:
            connection = self._next()
            if connection is not None:
                await connection.socket.send_json(envelope)
            body = await asyncio.wait_for(waiting, self.ack_seconds)
        except TimeoutError:
            return Outcome("timeout", time.monotonic() - started, error="operation_timeout")
        except ConnectionError:
            return Outcome("failed", time.monotonic() - started, error="operation_timeout")
        finally:
            self._waiting.pop(envelope["envelope_id"])
        return Outcome("acked", time.monotonic() - started, body=body)

    def _next(self) -> Connection | None:
        """The socket whose turn it is; None is a ghost."""
        staying = [c for c in self.connections if not c.leaving] or self.connections
        places = len(staying) + self.ghosts
        place = next(self._turn) % places
        return staying[place] if place < len(staying) else None

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every client to connect anew and close their sockets."""
        for connection in tuple(self.connections):
            await self._disconnect(connection, reason)

    async def _disconnect(self, connection: Connection, reason: str) -> None:
        connection.leaving = True
        await connection.socket.send_json(
            {"type": "disconnect", "reason": reason, "debug_info": self._debug_info()}
        )
        if reason != "warning":  # a warning only says that the real one will come
            task = asyncio.get_running_loop().create_task(_close_later(connection.socket))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def cut(self) -> None:
        """Lose every socket at once and without a word, as a broken network does."""
        for connection in tuple(self.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def stop(self) -> None:
        """Close every socket in an orderly way."""
        for task in tuple(self._closing):
            task.cancel()
        for connection in tuple(self.connections):
            await connection.socket.close()


async def _close_later(socket: web.WebSocketResponse) -> None:
    await asyncio.sleep(LEAVING_SECONDS)
    await socket.close()
