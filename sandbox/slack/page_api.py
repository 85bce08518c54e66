"""What the page in the browser reads and does: /sandbox/* and the page's own files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from aiohttp import WSMsgType, web

from sandbox.slack.changes import Hint
from sandbox.slack.core import Core
from sandbox.slack.delivery import Deliverer
from sandbox.slack.json_types import JsonObject
from sandbox.slack.page_acts import PageActs
from sandbox.slack.page_shapes import message_shape, state_shape, view_shape
from sandbox.slack.workspace import Member

PAGE_FOLDER = Path(__file__).parent / "page"
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
CONTENT_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".woff2": "font/woff2",
}

#: Hints that wait for one slow page; a page that lags this far behind is told to start anew.
HINTS_MAX = 500


class Director(Protocol):
    """Breaks and mends the sandbox's world and moves its clock, on the page's orders."""

    def faults(self) -> list[JsonObject]:
        """`[{"name", "label_en", "label_ja", "on"}]`."""

    async def act(self, order: JsonObject) -> JsonObject:
        """Carry out `{"do": "advance_clock" | "fault" | "clear_faults", …}`."""


class PageApi:
    """The handlers of `/`, `/page/*`, `/sandbox/*`."""

    def __init__(
        self,
        core: Core,
        deliverer: Deliverer,
        acts: PageActs,
        *,
        azure_view: Callable[[], JsonObject] | None,
        director: Director | None,
    ) -> None:
        self._core = core
        self._deliverer = deliverer
        self._acts = acts
        self.azure_view = azure_view
        self.director = director
        self._pages: set[web.WebSocketResponse] = set()

    def add_routes(self, app: web.Application) -> None:
        """Serve these addresses."""
        router = app.router
        router.add_get("/", self._index)
        router.add_get("/page/{path:.+}", self._static)
        router.add_get("/archives/{channel}/{message}", self._permalink)
        router.add_get("/sandbox/state", self._state)
        router.add_get("/sandbox/messages", self._messages)
        router.add_get("/sandbox/home", self._home)
        router.add_get("/sandbox/view", self._view)
        router.add_post("/sandbox/act", self._act)
        router.add_get("/sandbox/live", self._live)
        router.add_get("/sandbox/azure", self._azure)
        router.add_get("/sandbox/director", self._faults)
        router.add_post("/sandbox/director", self._direct)

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return _file("index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return _file(request.match_info["path"])

    async def _permalink(self, request: web.Request) -> web.StreamResponse:
        """Open the page at a message, where real Slack would open the client."""
        digits = request.match_info["message"].removeprefix("p")
        ts = f"{digits[:-6]}.{digits[-6:]}"
        thread = request.query.get("thread_ts", ts)
        place = f"/?channel={request.match_info['channel']}&thread={thread}&message={ts}"
        raise web.HTTPFound(place)

    async def _state(self, request: web.Request) -> web.Response:
        person = self._person(request, default=True)
        return _json(state_shape(self._core, person, online=self._deliverer.online))

    async def _messages(self, request: web.Request) -> web.Response:
        person, store = self._person(request), self._core.messages
        channel = self._core.workspace.find_channel(request.query.get("channel", ""))
        if channel is None or person.id not in channel.members:
            raise _bad("channel_not_found")
        thread = request.query.get("thread_ts")
        if thread:
            found = store.thread(channel.id, thread, viewer=person.id)
        else:
            found = store.top_level(channel.id, viewer=person.id)
        return _json({"messages": [message_shape(m, store) for m in found]})

    async def _home(self, request: web.Request) -> web.Response:
        home = self._core.views.homes.get(self._person(request).id)
        return _json({"view": view_shape(home) if home else None})

    async def _view(self, request: web.Request) -> web.Response:
        stack = self._core.views.stack(self._person(request).id)
        return _json({"view": view_shape(stack[-1]) if stack else None, "stack": len(stack)})

    async def _act(self, request: web.Request) -> web.Response:
        act = await _sent(request)
        try:
            person = self._core.workspace.person(str(act.get("as")))
            answer = await self._acts.act(person, act)
        except (KeyError, LookupError, TypeError) as wrong:
            return _json({"ok": False, "error": f"bad act: {wrong}"}, status=400)
        return _json(answer)

    async def _azure(self, request: web.Request) -> web.Response:
        if self.azure_view is None:
            raise web.HTTPNotFound
        return _json(self.azure_view())

    async def _faults(self, request: web.Request) -> web.Response:
        if self.director is None:
            raise web.HTTPNotFound
        return _json(self.director.faults())

    async def _direct(self, request: web.Request) -> web.Response:
        if self.director is None:
            raise web.HTTPNotFound
        answer = await self.director.act(await _sent(request))
        for kind in ("state", "azure"):
            self._core.changes.notify(Hint(kind))
        return _json(answer)

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        person = self._person(request)
        socket = web.WebSocketResponse(heartbeat=20.0)
        await socket.prepare(request)
        self._pages.add(socket)
        hints: asyncio.Queue[Hint] = asyncio.Queue(HINTS_MAX)
        stop = self._core.changes.listen(lambda hint: _offer(hints, hint, person.id))
        sender = asyncio.create_task(_send_hints(socket, hints))
        try:
            async for frame in socket:
                if frame.type is WSMsgType.ERROR:
                    break
        finally:
            stop()
            sender.cancel()
            self._pages.discard(socket)
        return socket

    async def stop(self) -> None:
        """Close the pages' sockets."""
        for socket in tuple(self._pages):
            await socket.close()

    def _person(self, request: web.Request, *, default: bool = False) -> Member:
        wanted = request.query.get("as", "")
        if default and not wanted:
            return next(iter(self._core.workspace.people.values()))
        try:
            return self._core.workspace.person(wanted)
        except KeyError:
            raise _bad("user_not_found") from None


def _offer(hints: asyncio.Queue[Hint], hint: Hint, user: str) -> None:
    if not hint.concerns(user):
        return
    if hints.full():
        hints.get_nowait()  # every hint leads to a fresh reading, so a newer one stands for it
    hints.put_nowait(hint)


async def _send_hints(socket: web.WebSocketResponse, hints: asyncio.Queue[Hint]) -> None:
    while not socket.closed:
        hint = await hints.get()
        told = {"type": hint.type, "channel": hint.channel, "thread_ts": hint.thread_ts}
        try:
            await socket.send_json({k: v for k, v in told.items() if v is not None})
        except ConnectionError:
            return  # the page went away; it reads everything anew when it comes back


def _file(name: str) -> web.StreamResponse:
    path = (PAGE_FOLDER / name).resolve()
    inside = path.is_relative_to(PAGE_FOLDER.resolve())
    if not inside or not path.is_file() or path.suffix not in CONTENT_TYPES:
        raise web.HTTPNotFound
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache",
        "Content-Type": CONTENT_TYPES[path.suffix],
        "X-Content-Type-Options": "nosniff",
    }
    return web.FileResponse(path, headers=headers)


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.json_response(
        body,
        status=status,
        headers={"Cache-Control": "no-store"},
        dumps=lambda value: json.dumps(value, ensure_ascii=False),
    )


def _bad(error: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(
        text=json.dumps({"ok": False, "error": error}), content_type="application/json"
    )


async def _sent(request: web.Request) -> JsonObject:
    # A form of another site cannot send this type without the browser asking first.
    if request.content_type != "application/json":
        raise _bad("invalid_post_type")
    try:
        sent = await request.json()
    except json.JSONDecodeError:
        raise _bad("invalid_json") from None
    if not isinstance(sent, dict):
        raise _bad("json_not_object")
    return sent
