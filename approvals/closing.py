"""From 'close it' to 'proved closed': by strategy, verified by reading back, or said plainly.

Driven from the `Closing` entry. `ended` is entered only when Azure shows it closed; what can't be
closed early stays *closing* and says until when (DESIGN, Requests).
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from approvals.actions.jit_access import CannotClose, JitAccess, Openness
from approvals.applying import Failpoint, Timing, nowhere
from approvals.entry import SEKISHO
from approvals.ledger import Change, Conflict, Ledger
from approvals.operations import op_id
from approvals.request import (
    EndCause,
    Ended,
    Event,
    IllegalTransition,
    Request,
    RequestId,
    State,
    StillOpen,
)
from defender.errors import AzureError

log = logging.getLogger(__name__)


class Closer:
    """Drives requests in `closing`. `drive` is safe to run again at any point."""

    def __init__(
        self,
        ledger: Ledger,
        access: JitAccess,
        *,
        timing: Timing | None = None,
        failpoint: Failpoint = nowhere,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._timing = timing or Timing()
        self._failpoint = failpoint

    async def drive(self, request_id: RequestId) -> None:
        """Until the request has ended or it is said that it is still open."""
        request = await self._ledger.read(request_id)
        if request is None or request.state is not State.CLOSING or request.closing is None:
            return
        problem = ("", "")
        if request.closing.cause is not EndCause.EXPIRED:
            problem = await self._close(request)
            await self._failpoint("after-close")
        # what has no strategy is looked at once and said at once; the rest gets its minute
        within = timedelta(0) if problem[0] else self._timing.prove_closed_within
        seen = await self._prove(request, within)
        if seen is not None:
            cause = request.closing.cause
            await self._record(request, Ended(cause, seen.proof))
            return
        opening = request.opening
        until = opening.ends_at if opening else request.changed_at
        code, message = problem if problem[0] else ("not_proved", "")
        await self._record(request, StillOpen(code, message, until))

    async def check(self, request_id: RequestId) -> None:
        """Once more after the end instant: has Azure closed what we could not?"""
        request = await self._ledger.read(request_id)
        if request is None or request.state is not State.CLOSING or request.closing is None:
            return
        seen = await self._prove(request, timedelta(0))
        if seen is not None:
            await self._record(request, Ended(request.closing.cause, seen.proof))

    async def watch(self, request: Request) -> None:
        """An active session that Azure no longer shows has vanished or was superseded."""
        if request.state is not State.ACTIVE or request.opening is None:
            return
        try:
            records = await self._access.records(request)
        except AzureError as error:
            log.warning("request %s: can't be read: %s", request.id, error.code)
            return
        if not records or any(record.is_live for record in records):
            return  # nothing read is no proof: the list may leave things out
        now = await self._ledger.now()
        if now >= request.opening.ends_at:
            return  # the end instant leads to closing by its own deadline
        superseded = any("newer" in (record.status_reason or "").lower() for record in records)
        cause = EndCause.SUPERSEDED if superseded else EndCause.VANISHED
        await self._record(request, Ended(cause, "policy"))

    async def _close(self, request: Request) -> tuple[str, str]:
        """Ask Azure to close it; the problem's code and text, or two empty strings."""
        seen = await self._openness(request)
        if seen is not None and seen.is_closed:
            return "", ""
        try:
            await self._failpoint("before-close")
            await self._access.close(request, await self._ledger.now())
        except CannotClose as cannot:
            return cannot.code, cannot.message
        except AzureError as error:
            log.warning("request %s: closing: %s", request.id, error.code)
        return "", ""

    async def _prove(self, request: Request, within: timedelta) -> Openness | None:
        """What Azure shows once it is closed, or None when that was not seen in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()
        pause = self._timing.poll
        while True:
            seen = await self._openness(request)
            if seen is not None and (seen.is_closed or seen.is_shut_in_nsg):
                return seen
            if loop.time() >= deadline:
                return None
            await asyncio.sleep(min(pause.total_seconds(), max(0.0, deadline - loop.time())))
            pause = min(pause * 2, self._timing.poll_longest)

    async def _openness(self, request: Request) -> Openness | None:
        try:
            return await self._access.openness(request)
        except AzureError as error:
            log.warning("request %s: can't be read: %s", request.id, error.code)
            return None

    async def _record(self, request: Request, event: Event) -> None:
        op = op_id(type(event).__name__.lower(), request.id, str(request.version))
        try:
            outcome = await self._ledger.record(Change(request, event, SEKISHO), op_id=op)
        except IllegalTransition as illegal:
            log.info("request %s: %s", request.id, illegal)
            return
        if isinstance(outcome, Conflict):
            log.info("request %s moved on meanwhile", request.id)
            await self.drive(request.id)
