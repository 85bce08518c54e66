"""Answers HTTP calls of the Web API: token, scope, rate, fault, method, record."""

from __future__ import annotations

import asyncio
import json
import logging

from aiohttp import web

from sandbox.slack import responses
from sandbox.slack.core import ApiCall, Core
from sandbox.slack.faults import Fault
from sandbox.slack.json_types import JsonObject
from sandbox.slack.socket_mode import SocketModeHub
from sandbox.slack.web_api import METHODS
from sandbox.slack.web_api.arguments import ApiError, Arguments

_log = logging.getLogger(__name__)

#: The one method that wants the app's token instead of the bot's.
OPEN_SOCKET = "apps.connections.open"

#: Calls kept for tests to look at; a demo that runs for days must not grow.
KEPT_CALLS = 5000


class ApiServer:
    """The handlers of `/api/*`, `/response/*` and `/upload/*`."""

    def __init__(self, core: Core, sockets: SocketModeHub) -> None:
        self._core = core
        self._sockets = sockets

    def add_routes(self, app: web.Application) -> None:
        """Serve these addresses."""
        app.router.add_route("*", "/api/{method}", self.call)
        app.router.add_post("/response/{key}", self.respond)
        app.router.add_post("/upload/v1/{file}", self.upload)

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Answer one call of a method."""
        method = request.match_info["method"]
        try:
            args = Arguments(await _arguments(request))
        except ApiError as refused:
            return self._answer(method, {}, refused.answer())
        channel = _channel_id(self._core, args)
        fault = self._core.faults.take(method, channel)
        if fault is not None:
            broken = await self._break(request, method, args, fault)
            if broken is not None:
                return broken
        response = await self._perform(request, method, args, channel)
        return response if fault is None else await self._break_after(request, response, fault)

    async def _break(
        self, request: web.Request, method: str, args: Arguments, fault: Fault
    ) -> web.StreamResponse | None:
        match fault.kind:
            case "rate_limit":
                return self._limited(method, args, fault.retry_after)
            case "error":
                return self._answer(
                    method, args.values, {"ok": False, "error": fault.error, **fault.fields}
                )
            case "http":
                self._record(method, args.values, {"http": fault.status})
                return web.Response(status=fault.status, text="upstream connect error")
            case "drop_before":
                return _drop(request)
            case "hang":
                await asyncio.sleep(fault.seconds)
                return None
            case _:
                return None  # what comes after the call took effect

    async def _break_after(
        self, request: web.Request, response: web.StreamResponse, fault: Fault
    ) -> web.StreamResponse:
        match fault.kind:
            case "drop_after_accept":
                return _drop(request)
            case "hang_after":
                await asyncio.sleep(fault.seconds)
                return response
            case _:
                return response

    async def _perform(
        self, request: web.Request, method: str, args: Arguments, channel: str | None
    ) -> web.StreamResponse:
        wait = self._wait_seconds(method, channel)
        if wait:
            return self._limited(method, args, wait)
        try:
            self._authorise(request, method, args)
            body = await self._run(method, args)
        except ApiError as refused:
            body = refused.answer()
        return self._answer(method, args.values, body)

    async def _run(self, method: str, args: Arguments) -> JsonObject:
        if method == OPEN_SOCKET:
            return {"ok": True, "url": self._sockets.ticket_url()}
        return await METHODS[method].handler(self._core, args)

    def _authorise(self, request: web.Request, method: str, args: Arguments) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        token = token or args.text("token") or ""
        tokens = self._core.tokens
        if not token:
            raise ApiError("not_authed")
        if token not in (tokens.bot, tokens.app):
            raise ApiError("invalid_auth")
        if (method == OPEN_SOCKET) != (token == tokens.app):
            raise ApiError("not_allowed_token_type")
        if method != OPEN_SOCKET:
            self._check_scope(method)

    def _check_scope(self, method: str) -> None:
        if method not in METHODS:
            raise ApiError("unknown_method", req_method=method)
        needed = METHODS[method].scopes
        if needed and not self._core.scopes & set(needed):
            provided = ",".join(sorted(self._core.scopes))
            raise ApiError("missing_scope", needed=needed[0], provided=provided)

    def _wait_seconds(self, method: str, channel: str | None) -> int:
        limits = self._core.limits
        if method == "chat.postMessage" and channel is not None:
            return limits.message(channel)
        known = METHODS.get(method)
        return limits.call(method, known.tier) if known else 0

    def _limited(self, method: str, args: Arguments, seconds: int) -> web.Response:
        body: JsonObject = {"ok": False, "error": "ratelimited"}
        self._record(method, args.values, body)
        headers = {"Retry-After": str(seconds)}
        return web.json_response(body, status=429, headers=headers)

    def _answer(self, method: str, args: JsonObject, body: JsonObject) -> web.Response:
        self._record(method, args, body)
        headers = {
            "X-OAuth-Scopes": ",".join(sorted(self._core.scopes)),
            "X-Slack-Req-Id": f"{len(self._core.calls):032x}",
        }
        return web.json_response(body, headers=headers)

    def _record(self, method: str, args: JsonObject, body: JsonObject) -> None:
        kept = {key: value for key, value in args.items() if key != "token"}
        self._core.calls.append(ApiCall(method, kept, self._core.now(), body))
        del self._core.calls[:-KEPT_CALLS]
        self._core.changes.ring()

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Take an answer to an earlier command or click."""
        core = self._core
        fault = core.faults.take("response_url", None)
        if fault is not None and fault.kind == "http":
            return web.Response(status=fault.status, text="upstream connect error")
        if fault is not None and fault.kind == "drop_before":
            return _drop(request)
        origin = core.response_urls.use(request.match_info["key"], now=core.now())
        if isinstance(origin, str):
            return web.json_response({"ok": False, "error": origin}, status=404)
        try:
            body = await request.json()
            responses.apply(core, origin, body)
        except (json.JSONDecodeError, responses.ResponseRefused) as refused:
            error = getattr(refused, "error", "invalid_payload")
            return web.json_response({"ok": False, "error": error}, status=400)
        self._record("response_url", body, {"ok": True})
        if fault is not None and fault.kind == "drop_after_accept":
            return _drop(request)
        return web.Response(text="ok")

    async def upload(self, request: web.Request) -> web.Response:
        """Take the bytes of a file."""
        file = self._core.files.get(request.match_info["file"])
        if file is None:
            return web.Response(status=404, text="no_file")
        if request.content_type == "multipart/form-data":
            form = await request.post()
            part = next((v for v in form.values() if isinstance(v, web.FileField)), None)
            file["content"] = part.file.read() if part is not None else b""
        else:
            file["content"] = await request.read()
        return web.Response(text=f"OK - {len(file['content'])}")


async def _arguments(request: web.Request) -> JsonObject:
    values: JsonObject = dict(request.query)
    if request.method != "POST":
        return values
    if request.content_type == "application/json":
        try:
            sent = json.loads(await request.text() or "{}")
        except json.JSONDecodeError:
            raise ApiError("json_not_object") from None
        if not isinstance(sent, dict):
            raise ApiError("json_not_object")
        return values | sent
    form = await request.post()
    return values | {key: value for key, value in form.items() if isinstance(value, str)}


def _channel_id(core: Core, args: Arguments) -> str | None:
    reference = args.text("channel")
    channel = core.workspace.find_channel(reference) if reference else None
    return channel.id if channel is not None else reference


def _drop(request: web.Request) -> web.Response:
    """Cut the line instead of answering; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)
