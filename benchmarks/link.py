"""The other end of Socket Mode, as bare as it can be: the bot and the floor hang on the same one.

Only the Web API methods that a start needs are answered; the sandbox's Slack would add its own
work to both sides.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.slack.json_types import JsonObject
from sandbox.slack.workspace import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    TEAM_ID,
    demo_groups,
    demo_people,
)

CONNECT_SECONDS = 60.0
ACK_SECONDS = 30.0


class Link:
    """Serves sockets by name; `send` waits for the ack."""

    def __init__(self) -> None:
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._connected: dict[str, asyncio.Event] = {}
        self._acks: dict[str, asyncio.Future[float]] = {}
        self._turn = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def settings(self) -> dict[str, str]:
        """What sends the bot here."""
        return {"SEKISHO_SLACK__API_URL": f"http://127.0.0.1:{self.port}/api/"}

    def url(self, name: str) -> str:
        """Where a socket of this name connects to."""
        return f"ws://127.0.0.1:{self.port}/link/{name}"

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/api/{method}", self._call)
        application.router.add_get("/link/{name}", self._serve)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def connected(self, name: str) -> None:
        """Until a socket of this name is there."""
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._connected.setdefault(name, asyncio.Event()).wait()

    def forget(self, name: str) -> None:
        """The next `connected` waits for a new socket."""
        self._sockets.pop(name, None)
        self._connected.pop(name, None)

    async def send(self, name: str, payload: JsonObject, kind: str = "interactive") -> float:
        """Milliseconds from the frame sent to the ack received."""
        envelope_id = f"bench-{next(self._turn)}"
        frame = json.dumps(
            {
                "envelope_id": envelope_id,
                "type": kind,
                "accepts_response_payload": True,
                "payload": payload,
            }
        )
        ack: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._acks[envelope_id] = ack
        started = time.perf_counter()
        await self._sockets[name].send_str(frame)
        async with asyncio.timeout(ACK_SECONDS):
            return (await ack - started) * 1000

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        name = request.match_info["name"]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets[name] = socket
        hello = {
            "type": "hello",
            "num_connections": 1,
            "debug_info": {"host": "bench", "build_number": 1, "approximate_connection_time": 1},
            "connection_info": {"app_id": APP_ID},
        }
        await socket.send_json(hello)
        self._connected.setdefault(name, asyncio.Event()).set()
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            now = time.perf_counter()
            ack = self._acks.pop(json.loads(frame.data)["envelope_id"], None)
            if ack is not None and not ack.done():
                ack.set_result(now)
        return socket

    async def _call(self, request: web.Request) -> web.Response:
        arguments = await request.post()
        return web.json_response(
            {"ok": True, **self._answer(request, {**request.query, **arguments})}
        )

    def _answer(self, request: web.Request, arguments: dict[str, Any]) -> JsonObject:
        match request.match_info["method"]:
            case "auth.test":
                return {"team_id": TEAM_ID, "user_id": BOT_USER_ID, "bot_id": BOT_ID}
            case "apps.connections.open":
                return {"url": self.url("bot")}
            case "usergroups.list":
                return {
                    "usergroups": [
                        {"id": group.id, "handle": group.handle, "users": group.users}
                        for group in demo_groups()
                    ]
                }
            case "conversations.history":
                return {"messages": []}
            case "users.info":
                return {"user": _user(str(arguments.get("user")))}
            case _:
                return {"ts": "1764036000.000001", "channel": str(arguments.get("channel"))}


def _user(user_id: str) -> JsonObject:
    person = next(person for person in demo_people() if person.id == user_id)
    return {
        "id": person.id,
        "name": person.handle,
        "locale": person.locale,
        "tz": person.tz,
        "team_id": person.team_id,
        "deleted": person.deleted,
    }
