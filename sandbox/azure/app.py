"""The https side: every request is logged, meets its faults, is checked and answered."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import msgspec
from aiohttp import web

from sandbox.azure import buckets
from sandbox.azure.activity_log import ActivityLog
from sandbox.azure.buckets import Buckets
from sandbox.azure.call import Answer, Call
from sandbox.azure.errors import (
    ArmError,
    locked,
    no_api_version,
    throttled,
    unknown_route,
    unknown_subscription,
)
from sandbox.azure.exchange import Exchange, ExchangeLog
from sandbox.azure.faults import Fault, Faults
from sandbox.azure.log_analytics import no_path
from sandbox.azure.rights import FREE, Rights
from sandbox.azure.routes import Match, Routes, scope_of
from sandbox.azure.services import Service, is_foreign, not_allowed, not_let_in, service_of
from sandbox.azure.state import AzureState
from sandbox.azure.tokens import TokenIssuer
from sandbox.azure.wire import Json
from sandbox.world.clock import SandboxClock

#: Bytes; Resource Manager's own limit.
BODY_MAX = 4 * 1024 * 1024


class AzureApp:
    """Turns web requests into calls of the routes and answers into web responses."""

    def __init__(
        self,
        *,
        state: AzureState,
        routes: Routes,
        tokens: TokenIssuer,
        rights: Rights,
        faults: Faults,
        log: ExchangeLog,
        activity_log: ActivityLog,
        clock: SandboxClock,
        base_url: Callable[[], str],
        changed: Callable[[], None],
    ) -> None:
        self._state = state
        self._routes = routes
        self._tokens = tokens
        self._rights = rights
        self._faults = faults
        self._log = log
        self._activity_log = activity_log
        self._clock = clock
        self._base_url = base_url
        self._changed = changed
        self._buckets = Buckets()
        #: Whether an empty bucket is answered with 429, as Azure does.
        self.enforces_limits = False
        #: Requests for a token so far; their secrets are kept nowhere.
        self.token_requests = 0

    def application(self) -> web.Application:
        """The web application, for one start of the server."""
        app = web.Application(client_max_size=BODY_MAX)
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._openid)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.router.add_route("*", "/{tail:.*}", self._resource_manager)
        return app

    async def _openid(self, request: web.Request) -> web.StreamResponse:
        tenant = request.match_info["tenant"]
        return _json(200, self._tokens.configuration(self._base_url(), tenant))

    async def _token(self, request: web.Request) -> web.StreamResponse:
        self.token_requests += 1
        fault = self._faults.take(request.method, request.path_qs)
        form = {
            key: value for key, value in (await request.post()).items() if isinstance(value, str)
        }

        def grant() -> Answer:
            return Answer(*self._tokens.grant(request.match_info["tenant"], form))

        answer = await self._through(fault, grant)
        return _respond(request, answer)

    async def _resource_manager(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        exchange = Exchange(
            request.method, request.path, dict(request.query), _parsed(body), self._clock.now()
        )
        self._log.add(exchange)
        self._changed()
        fault = self._faults.take(request.method, request.path_qs)

        def effect() -> Answer:
            answer = self._answer(request, body)
            exchange.took_effect = answer.status < 300
            self._changed()
            return answer

        answer = await self._through(fault, effect)
        exchange.status = None if answer is None else answer.status
        self._changed()
        return _respond(request, answer)

    async def _through(self, fault: Fault | None, effect: Callable[[], Answer]) -> Answer | None:
        """What is answered when the fault is done with it; None when nothing is."""
        if fault is None:
            return effect()
        await asyncio.sleep(fault.delay)
        answer = None if fault.before_effect and (fault.drop or fault.status) else effect()
        await asyncio.sleep(fault.hang)
        if fault.drop:
            return None
        if fault.status is not None:
            return Answer(fault.status, fault.body, dict(fault.headers))
        return answer

    def _answer(self, request: web.Request, body: bytes) -> Answer:
        try:
            return self._checked(request, body)
        except ArmError as error:
            return Answer(error.status, error.body(), error.headers)

    def _checked(self, request: web.Request, body: bytes) -> Answer:
        path = request.path.rstrip("/")
        service = service_of(path)
        self._let_in(request.headers.get("Authorization", ""), service)
        if service is Service.ARM and not request.query.get("api-version"):
            raise no_api_version()
        match = self._routes.find(request.method, path)
        if match is None:
            raise no_path() if service is Service.MONITOR else unknown_route(path)
        subscription = match.parts.get("subscription", "")
        if subscription and subscription.lower() not in self._state.subscriptions:
            raise unknown_subscription(subscription)
        left = self._take(request.method, subscription) if service is Service.ARM else {}
        call = Call(
            method=request.method,
            path=path,
            query=request.query,
            body=body,
            parts=match.parts,
            caller=request.remote or "127.0.0.1",
            base_url=self._base_url(),
            now=self._clock.now(),
            headers=request.headers,
        )
        answer = self._handled(call, match, service)
        answer.headers.update(left)
        return answer

    def _handled(self, call: Call, match: Match, service: Service) -> Answer:
        """The answer, or the refusal; what wanted to change something is noted either way."""
        action = match.route.action
        is_logged = service is Service.ARM and action not in FREE
        try:
            self._require(match, call.method, call.path, service)
            answer = match.route.handler(call)
        except ArmError as error:
            if is_logged:
                self._activity_log.note(call, action, error.status)
            raise
        if is_logged:
            self._activity_log.note(call, action, answer.status)
        return answer

    def _let_in(self, authorization: str, service: Service) -> None:
        if not self._tokens.admits(authorization):
            raise not_let_in(service)
        if is_foreign(self._tokens.audience(authorization), service):
            raise not_let_in(service)

    def _require(self, match: Match, method: str, path: str, service: Service) -> None:
        """The right to do it, and no lock in the way."""
        scope = scope_of(path)
        if not self._rights.may(match.route.action, scope):
            raise not_allowed(service, self._tokens.client_id, match.route.action, scope)
        if service is not Service.ARM or match.route.action in FREE:
            return
        lock = None if method == "GET" else self._faults.lock_over(scope)
        if lock is not None:
            raise locked(path, "delete" if method == "DELETE" else "write", lock)

    def _take(self, method: str, subscription: str) -> dict[str, str]:
        kind = buckets.kind_of(method)
        left = self._buckets.take(subscription.lower(), kind, time.monotonic())
        if left is None and self.enforces_limits:
            raise throttled(subscription, kind.removesuffix("s"), self._tokens.client_id, 1)
        scope = "subscription" if subscription else "tenant"
        shared = buckets.SIZES[kind][0] * buckets.GLOBAL_FACTOR - 1
        return {
            f"x-ms-ratelimit-remaining-{scope}-{kind}": str(left or 0),
            f"x-ms-ratelimit-remaining-{scope}-global-{kind}": str(shared),
        }


def _parsed(body: bytes) -> Json | None:
    """The body for the log; None when there is none or it is no object."""
    try:
        found = msgspec.json.decode(body) if body else None
    except msgspec.MsgspecError:
        return None
    return found if isinstance(found, dict) else None


def _respond(request: web.Request, answer: Answer | None) -> web.Response:
    if answer is None:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)  # goes nowhere: the connection is gone
    return _json(answer.status, answer.body, answer.headers)


def _json(
    status: int, body: Json | str | None, headers: dict[str, str] | None = None
) -> web.Response:
    request_id = str(uuid.uuid4())
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    found = {
        "Cache-Control": "no-cache",
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": request_id,
        "x-ms-routing-request-id": f"JAPANEAST:{at}:{request_id}",
        **(headers or {}),
    }
    raw = msgspec.json.encode(body) if isinstance(body, dict) else (body or "").encode()
    if raw:
        found.setdefault("Content-Type", "application/json; charset=utf-8")
    return web.Response(status=status, body=raw or None, headers=found)


#: How long a stopping server waits for requests that hang on purpose.
STOP_WITHIN = timedelta(seconds=0.2)
