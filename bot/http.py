"""Signed HTTP: our guard in front of Bolt. Size, signature over the raw bytes and time, then parse.

Bolt parses the body before it checks the signature: an unsigned 8.8 MB body would stop the loop for
half a second. Here nothing is parsed, logged or decoded before the MAC is right.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from aiohttp import web
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.http_body import BadBody, read_body

log = logging.getLogger(__name__)

#: Slack's largest payloads (a full form's state) stay far below this.
BODY_MAX_BYTES = 256 * 1024
#: Older or younger than this is refused, as Slack's SDK does (facts/slack.md section 2).
SIGNATURE_WINDOW_SECONDS = 300
#: Slack sends a body at once; a slow sender is not Slack.
BODY_SECONDS = 5.0
#: How long the rest of a refused body is still taken off the wire, so that the answer is read
#: before the connection goes; aiohttp's own 10 s would let strangers hold connections.
LINGER_SECONDS = 0.2
#: How long health speaks of a delivery that was refused for its time.
STALE_SHOWN_SECONDS = 600.0
CHALLENGE_MAX = 200
_CHALLENGE = re.compile(rf"[\w.~+/=-]{{1,{CHALLENGE_MAX}}}", re.ASCII)
#: Slack's probe of the certificate: nothing but these two fields, and nothing is done.
#: Where alerts are pushed to (`bot.push`).
PUSH_PATH = "/feeds/alerts"
_SSL_CHECK = re.compile(rb"(?:token=[^&]{0,200}&)?ssl_check=1(?:&token=[^&]{0,200})?")
#: How a body that is not JSON as Slack sends it fails inside Bolt's reading of it.
_MALFORMED = (ValueError, LookupError, AttributeError, TypeError, RecursionError)


class Forgery(StrEnum):
    """Why a delivery is refused unread; counted by name."""

    MISSING = "missing_signature"
    #: rightly signed, but not now: an old delivery again, or a wrong clock on one side.
    STALE = "stale_timestamp"
    WRONG = "wrong_signature"


def check_signature(
    secrets: Sequence[bytes], *, timestamp: str, signature: str, body: bytes, now: float
) -> Forgery | None:
    """None when one of the secrets (two while they rotate) signed these very bytes just now."""
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        return Forgery.MISSING
    if not signature.isascii() or not signature.startswith("v0="):
        return Forgery.MISSING
    base = b"v0:" + timestamp.encode() + b":" + body
    for secret in secrets:
        expected = "v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest()
        if hmac.compare_digest(expected, signature):
            is_old = abs(now - int(timestamp)) > SIGNATURE_WINDOW_SECONDS
            return Forgery.STALE if is_old else None
    return Forgery.WRONG


class HttpEdge:
    """The HTTP door. `refused` counts what was turned away, by reason."""

    def __init__(
        self,
        app: AsyncApp,
        *,
        secrets: Sequence[str],
        now: Callable[[], float],
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        if not all(secrets) or not secrets:
            raise ValueError("HTTP mode without a signing secret would take anybody's word")
        self._app = app
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._now = now
        self._body_seconds = body_seconds
        self.refused: Counter[str] = Counter()
        self._stale_at = float("-inf")
        self._stale_by = 0.0

    def problem(self) -> str:
        """For health, for a while after a rightly signed delivery was refused as too old or new."""
        if time.monotonic() - self._stale_at > STALE_SHOWN_SECONDS:
            return ""
        side = "ahead of" if self._stale_by > 0 else "behind"
        return (
            f"a signed delivery was refused: this clock is {abs(self._stale_by):.0f} s {side} its "
            "time stamp"
        )

    def application(self) -> web.Application:
        application = web.Application(client_max_size=BODY_MAX_BYTES)
        application.router.add_post("/slack/events", self._deliver)
        return application

    async def _deliver(self, request: web.Request) -> web.Response:
        try:
            body = await read_body(request, limit=BODY_MAX_BYTES, seconds=self._body_seconds)
        except BadBody as bad:
            return self._refuse(bad.status, bad.why)
        if _SSL_CHECK.fullmatch(body):
            return web.Response(status=200)
        forgery = check_signature(
            self._secrets,
            timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
            signature=request.headers.get("X-Slack-Signature", ""),
            body=body,
            now=self._now(),
        )
        if forgery is Forgery.STALE:
            self._stale_at = time.monotonic()
            self._stale_by = self._now() - int(request.headers["X-Slack-Request-Timestamp"])
        if forgery is not None:
            return self._refuse(401, forgery)
        return await self._dispatch(request, body)

    async def _dispatch(self, request: web.Request, body: bytes) -> web.Response:
        """The MAC is right: from here on it is Slack who speaks."""
        headers: dict[str, str | Sequence[str]] = dict(request.headers.items())
        try:
            delivery = AsyncBoltRequest(body=body.decode("utf-8"), headers=headers, mode="http")
        except UnicodeDecodeError:
            return self._refuse(400, "not_utf8")
        except _MALFORMED:
            return self._refuse(400, "malformed")
        payload: object = delivery.body  # Bolt says dict, but hands on what JSON holds
        if not isinstance(payload, dict) or not _has_shape(payload):
            return self._refuse(400, "malformed")
        if payload.get("type") == "url_verification":
            return self._challenge(payload.get("challenge"))
        return _answer(await self._app.async_dispatch(delivery))

    def _challenge(self, challenge: object) -> web.Response:
        if not isinstance(challenge, str) or not _CHALLENGE.fullmatch(challenge):
            return self._refuse(400, "malformed")
        return web.Response(text=challenge, content_type="text/plain")

    def _refuse(self, status: int, why: str) -> web.Response:
        """No body, no hint, no log of what was sent; the connection is closed."""
        self.refused[str(why)] += 1
        log.info("refused a delivery: %s", why)
        response = web.Response(status=status)
        response.force_close()
        return response


#: Parts that Bolt and the handlers read without looking: what they are in every payload of Slack's.
_TEXTS = ("type", "command", "text", "user_id", "team_id", "trigger_id", "action_id", "callback_id")
_OBJECTS = ("message", "container")
_OBJECTS_OR_TEXTS = ("user", "team", "channel", "enterprise")
_LISTS = ("actions", "authorizations")


def _has_shape(payload: Mapping[str, object]) -> bool:
    """Whether it can be one of Slack's payloads; anything else would be an error further inside."""
    return (
        bool(payload)
        and all(isinstance(payload.get(name), str | None) for name in _TEXTS)
        and all(isinstance(payload.get(name), dict | None) for name in _OBJECTS)
        # left out or an object: Bolt looks into it wherever the name stands
        and isinstance(payload.get("view", {}), dict)
        and all(isinstance(payload.get(name), dict | str | None) for name in _OBJECTS_OR_TEXTS)
        and all(_is_list_of_objects(payload.get(name, [])) for name in _LISTS)
        and ("event" not in payload or _has_shape_of_event(payload["event"]))
    )


def _has_shape_of_event(event: object) -> bool:
    return (
        isinstance(event, dict)
        and isinstance(event.get("type"), str)
        and isinstance(event.get("subtype", ""), str)
        and all(isinstance(event.get(name), dict | str | None) for name in ("user", "channel"))
    )


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _answer(answer: BoltResponse) -> web.Response:
    types = [values[0] for name, values in answer.headers.items() if name.lower() == "content-type"]
    return web.Response(
        status=answer.status,
        body=answer.body.encode(),
        headers={"Content-Type": types[0]} if types else {},
    )
