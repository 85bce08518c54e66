"""Hands payloads to the bot: over its sockets or by signed HTTP, events again when not taken."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.slack.changes import Changes
from sandbox.slack.http_delivery import HttpDelivery
from sandbox.slack.json_types import JsonObject
from sandbox.slack.outcome import Outcome
from sandbox.slack.socket_mode import SocketModeHub

PayloadKind = Literal["slash_commands", "interactive", "events_api"]

#: (retry_attempt, seconds after the attempt before): at once, after a minute, after five.
RETRY_PLAN = ((1, 0.0), (2, 60.0), (3, 300.0))
#: What was also seen in the field: the same attempt number twice.
DOUBLED_RETRY_PLAN = ((1, 0.0), (2, 60.0), (2, 60.0), (3, 300.0), (3, 300.0))

#: Interactions whose acknowledgement may carry a body that Slack acts upon.
_ANSWERED = frozenset({"view_submission", "block_suggestion"})

#: Payloads kept for tests to look at or repeat; a demo that runs for days must not grow.
KEPT_DELIVERIES = 1000


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one payload."""

    kind: PayloadKind
    payload: JsonObject
    status: Literal["acked", "timeout", "failed"]
    body: JsonObject | None
    seconds: float
    #: Slack's word for what went wrong, as shown to the person: operation_timeout, …
    error: str | None = None
    retry_attempt: int = 0

    @property
    def acked(self) -> bool:
        """Whether the bot acknowledged it in time."""
        return self.status == "acked"


class Deliverer:
    """Chooses the way to the bot and repeats events that were not acknowledged."""

    def __init__(self, sockets: SocketModeHub, http: HttpDelivery, changes: Changes) -> None:
        self.sockets = sockets
        self.http = http
        self._changes = changes
        self.retry_scale = 1.0
        self.retry_plan: tuple[tuple[int, float], ...] = RETRY_PLAN
        self.sent: list[Delivery] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def online(self) -> bool:
        """Whether there is anybody to deliver to."""
        return self.http.target is not None or self.sockets.online

    async def send(
        self,
        kind: PayloadKind,
        payload: JsonObject,
        *,
        retry_attempt: int = 0,
        retry_reason: str | None = None,
    ) -> Delivery:
        """Deliver once and wait for the acknowledgement."""
        outcome = await self._way(kind, payload, retry_attempt, retry_reason)
        delivery = Delivery(
            kind=kind,
            payload=payload,
            status=outcome.status,
            body=outcome.body,
            seconds=outcome.seconds,
            error=outcome.error,
            retry_attempt=retry_attempt,
        )
        self.sent.append(delivery)
        del self.sent[:-KEPT_DELIVERIES]
        self._changes.ring()
        if kind == "events_api" and not delivery.acked and not outcome.final and not retry_attempt:
            self.spawn(self._retry(payload, outcome))
        return delivery

    def _way(
        self, kind: PayloadKind, payload: JsonObject, attempt: int, reason: str | None
    ) -> Coroutine[Any, Any, Outcome]:
        if self.http.target is not None:
            return self.http.send(kind, payload, retry_attempt=attempt, retry_reason=reason)
        accepts = kind == "slash_commands" or payload.get("type") in _ANSWERED
        return self.sockets.send(
            kind,
            payload,
            accepts_response_payload=accepts,
            retry_attempt=attempt,
            retry_reason=reason,
        )

    async def _retry(self, payload: JsonObject, first: Outcome) -> None:
        reason = first.retry_reason
        for attempt, after in self.retry_plan:
            await asyncio.sleep(after * self.retry_scale)
            delivery = await self.send(
                "events_api", payload, retry_attempt=attempt, retry_reason=reason
            )
            if delivery.acked:
                return

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run in the background; forgotten when the sandbox stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "sandbox: background delivery failed", "exception": error}
            )

    async def stop(self) -> None:
        """End what still waits to be repeated."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
