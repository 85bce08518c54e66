"""Signed HTTP: the other way to the bot, for apps that have a public address."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Clock
from sandbox.slack.outcome import ACK_SECONDS, Outcome

PATH = "/slack/events"
USER_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the bot answered to bytes that a test sent itself."""

    status: int
    headers: dict[str, str]
    text: str


class HttpDelivery:
    """Signs payloads as Slack does and posts them to the bot."""

    def __init__(self, clock: Clock, signing_secret: str) -> None:
        self._clock = clock
        self._secret = signing_secret
        #: The bot's address, such as http://127.0.0.1:3000; None means Socket Mode.
        self.target: str | None = None
        self.ack_seconds = ACK_SECONDS
        self._session: aiohttp.ClientSession | None = None

    def sign(self, body: bytes, *, timestamp: int | None = None) -> dict[str, str]:
        """The two headers that prove that Slack sent these bytes."""
        sent_at = int(self._clock.now().timestamp()) if timestamp is None else timestamp
        base = b"v0:" + str(sent_at).encode() + b":" + body
        mac = hmac.new(self._secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": str(sent_at), "X-Slack-Signature": f"v0={mac}"}

    def encode(self, kind: str, payload: JsonObject) -> tuple[bytes, str]:
        """Body and content type: a form for commands, a form holding JSON, or JSON."""
        match kind:
            case "slash_commands":
                return urlencode(payload).encode(), FORM
            case "interactive":
                return urlencode({"payload": json.dumps(payload)}).encode(), FORM
            case _:
                return json.dumps(payload).encode(), "application/json"

    async def send(
        self, kind: str, payload: JsonObject, *, retry_attempt: int, retry_reason: str | None
    ) -> Outcome:
        """Post one payload and read what the bot says to it."""
        body, content_type = self.encode(kind, payload)
        headers = {"Content-Type": content_type, "User-Agent": USER_AGENT} | self.sign(body)
        if retry_attempt:
            headers |= {
                "X-Slack-Retry-Num": str(retry_attempt),
                "X-Slack-Retry-Reason": retry_reason or "unknown_error",
            }
        started = time.monotonic()
        try:
            answer = await self.post(body, headers)
        except TimeoutError:
            seconds = time.monotonic() - started
            return Outcome(
                "timeout", seconds, error="operation_timeout", retry_reason="http_timeout"
            )
        except aiohttp.ClientError:
            seconds = time.monotonic() - started
            return Outcome(
                "failed", seconds, error="dispatch_failed", retry_reason="connection_failed"
            )
        return _judge(answer, time.monotonic() - started)

    async def post(self, body: bytes, headers: dict[str, str], *, path: str = PATH) -> HttpAnswer:
        """Post these very bytes to the bot, whatever they are."""
        if self.target is None:
            raise RuntimeError("http_target is not set")
        timeout = aiohttp.ClientTimeout(total=self.ack_seconds)
        async with self._client().post(
            self.target.rstrip("/") + path, data=body, headers=headers, timeout=timeout
        ) as response:
            text = await response.text()
            return HttpAnswer(response.status, dict(response.headers), text)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
        return self._session

    async def stop(self) -> None:
        """Close the connections to the bot."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # lets the transports see that they are closed


def _judge(answer: HttpAnswer, seconds: float) -> Outcome:
    if not 200 <= answer.status < 300:
        final = any(k.lower() == "x-slack-no-retry" and v == "1" for k, v in answer.headers.items())
        return Outcome(
            "failed", seconds, error=f"http_{answer.status}", retry_reason="http_error", final=final
        )
    return Outcome("acked", seconds, body=_body(answer))


def _body(answer: HttpAnswer) -> JsonObject | None:
    text = answer.text.strip()
    if not text:
        return None
    content_type = {k.lower(): v for k, v in answer.headers.items()}.get("content-type", "")
    if content_type.startswith("application/json"):
        decoded = json.loads(text)
        return decoded if isinstance(decoded, dict) else None
    return {"text": answer.text}
