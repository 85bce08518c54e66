"""Alerts that Azure pushes: continuous export or a Logic App posts them to `/feeds/alerts`.

The secret comes first: without it nothing of the body is read. 202 is said once everything is in
Redis, so a sender that hears nothing sends again, which changes nothing. Any process takes pushes;
the poll stays the safety net.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from aiohttp import web

from bot.http_body import BadBody, read_body
from defender.alert import Alert
from delivery.outbox import OUTBOX_ERRORS
from feeds.intake import Intake
from feeds.store import AlertStore

log = logging.getLogger(__name__)

#: An alert with everything has some 100 kB; exports of a minute come together.
BODY_MAX_BYTES = 2 * 1024 * 1024
#: A sender that is slower than this is not Azure.
BODY_SECONDS = 10.0
#: Larger bodies are decoded beside the loop, so that no click waits.
DECODE_HERE_MAX = 16 * 1024
#: Bodies that are decoded at the same time; more wait, the sender's connection with them.
AT_ONCE = 4
KEY_HEADER = "X-Sekisho-Key"

#: Alerts, other records by kind, and how many were no records at all; ValueError: not JSON.
DecodePushed = Callable[[bytes], tuple[Sequence[Alert], Counter[str], int]]
Now = Callable[[], Awaitable[datetime]]


class PushEdge:
    """The door for pushes. `refused` and `taken` count deliveries, by reason."""

    def __init__(
        self,
        intake: Intake,
        store: AlertStore,
        *,
        secrets: Callable[[], Sequence[str]],
        decode: DecodePushed,
        now: Now,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        if not secrets() or not all(secrets()):
            raise ValueError("a push endpoint without a secret would take anybody's alerts")
        self._intake = intake
        self._store = store
        self._secrets = secrets
        self._decode = decode
        self._now = now
        self._body_seconds = body_seconds
        self._room = asyncio.Semaphore(AT_ONCE)
        self.refused: Counter[str] = Counter()
        self.taken = 0

    async def deliver(self, request: web.Request) -> web.Response:
        """One delivery; the size of its body is checked here, not by the application."""
        if not self._is_known(request):
            return self._refuse(401, "wrong_key")
        try:
            body = await read_body(request, limit=BODY_MAX_BYTES, seconds=self._body_seconds)
        except BadBody as bad:
            return self._refuse(bad.status, bad.why)
        return await self._take(body)

    def _is_known(self, request: web.Request) -> bool:
        """Every secret is compared, in constant time, whichever header brings it."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        offered = [request.headers.get(KEY_HEADER, "")]
        if scheme.lower() == "bearer":
            offered.append(token.strip())
        found = False
        for secret in self._secrets():
            for word in offered:
                is_same = hmac.compare_digest(
                    secret.encode(), word.encode("utf-8", "surrogateescape")
                )
                found = found or is_same
        return found

    async def _take(self, body: bytes) -> web.Response:
        async with self._room:
            try:
                alerts, skipped, bad = await self._decoded(body)
            except (ValueError, RecursionError):
                return self._refuse(400, "malformed")
            if bad and not alerts and not skipped:
                return self._refuse(400, "malformed")
            try:
                await self._intake.take(alerts, now=await self._now())
                await self._count(skipped, bad)
            except OUTBOX_ERRORS as error:
                log.warning("a push could not be kept: %s: %s", type(error).__name__, error)
                return self._refuse(503, "not_kept")
        self.taken += 1
        told = {"alerts": len(alerts), "skipped": skipped.total(), "bad": bad}
        return web.json_response(told, status=202)

    async def _decoded(self, body: bytes) -> tuple[Sequence[Alert], Counter[str], int]:
        if len(body) <= DECODE_HERE_MAX:
            return self._decode(body)
        return await asyncio.to_thread(self._decode, body)

    async def _count(self, skipped: Counter[str], bad: int) -> None:
        """Records that are no alerts share the stream (C047): counted, not told."""
        if skipped:
            await self._store.count("skipped", skipped.total())
            log.info("pushed, but no alerts: %s", dict(skipped))
        if bad:
            await self._store.count("bad", bad)

    def _refuse(self, status: int, why: str) -> web.Response:
        """No body, no hint; the connection is closed."""
        self.refused[why] += 1
        log.info("refused a push: %s", why)
        response = web.Response(status=status)
        response.force_close()
        return response
