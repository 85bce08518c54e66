"""What every way from an approval to Azure shares: one attempt at a time, each step on record.

`approvals.applying` opens ports, `approvals.changing` makes changes; both are driven from here.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from approvals.entry import SEKISHO
from approvals.events import (
    Event,
    Failed,
    Lapsed,
    OpId,
    PersonId,
    Postponed,
    RequestId,
    State,
)
from approvals.ledger import Change, Conflict, Ledger
from approvals.operations import op_id
from approvals.proof import ProofFailed
from approvals.request import IllegalTransition, Request
from defender.errors import AzureBusy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take. Tests shorten them; the product uses the defaults."""

    send_within: timedelta = timedelta(seconds=20)
    look_again: timedelta = timedelta(seconds=10)
    looks: int = 3
    poll: timedelta = timedelta(seconds=0.25)
    poll_longest: timedelta = timedelta(seconds=10)
    busy_default: timedelta = timedelta(seconds=15)
    prove_closed_within: timedelta = timedelta(seconds=60)
    attempts: int = 5
    #: how long one attempt of a change may be at work, before another process takes it over.
    change_within: timedelta = timedelta(seconds=60)


class Stop(Exception):
    """This request needs nothing more from this driver."""


#: Called where a test kills the process (rows 7 of FAULTS); does nothing in the product.
Failpoint = Callable[[str], Awaitable[None]]


async def nowhere(_name: str) -> None:
    return None


class Driver(ABC):
    """Drives approved requests. One per process; `drive` may run for many requests at once."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        new_op: Callable[[], OpId],
        timing: Timing | None = None,
        alarm: Callable[[RequestId, str], Awaitable[None]],
        failpoint: Failpoint = nowhere,
    ) -> None:
        self._ledger = ledger
        self._new_op = new_op
        self._timing = timing or Timing()
        self._alarm = alarm
        self._failpoint = failpoint

    @abstractmethod
    def _is_mine(self, request: Request) -> bool:
        """Whether this driver is for such requests."""

    @abstractmethod
    async def _begin(self, request: Request) -> None:
        """Enter the next attempt and send it."""

    @abstractmethod
    async def _take_over(self, request: Request) -> None:
        """The outcome of the newest attempt is not known here."""

    async def drive(self, request_id: RequestId) -> None:
        """Until the request needs nothing more of Azure. Safe to run again."""
        try:
            while True:
                request = await self._read(request_id)
                if not self._is_mine(request):
                    return
                if request.state is State.APPROVED:
                    await self._begin(request)
                elif request.state is State.APPLYING:
                    await self._take_over(request)
                else:
                    return
        except Stop:
            return

    async def _read(self, request_id: RequestId) -> Request:
        request = await self._ledger.read(request_id)
        if request is None:
            raise Stop
        return request

    async def _unproved(self, request: Request, failed: ProofFailed) -> NoReturn:
        """Nothing is sent. A cancel that came between the entry and its proof is no forgery."""
        current = await self._read(request.id)
        if current.cancel_wanted:
            await self._fail(current, "Cancelled", "", retryable=False)
        await self._alarm(request.id, str(failed))
        await self._fail(request, "ProofFailed", str(failed), retryable=False)

    async def _postpone(self, request: Request, busy: AzureBusy) -> None:
        """A proven refusal for now: wait as asked, then a new attempt (FAULTS 20, 21)."""
        now = await self._ledger.now()
        retry_at = now + (busy.retry_after or self._timing.busy_default)
        if request.start_by is None or retry_at >= request.start_by:
            await self._fail(request, busy.code, busy.message, retryable=False)
        await self._record(
            request, Postponed(len(request.attempts), retry_at, busy.code, busy.message)
        )
        await self._after_wait(request.id, retry_at)

    async def _after_wait(self, request_id: RequestId, retry_at: datetime) -> None:
        """Wait by the ledger's clock (which the demo's director may move), then begin again.

        A proven refusal left nothing open, so a cancel need not wait for the next try.
        """
        while True:
            current = await self._read(request_id)
            if current.state is not State.APPLYING or current.postponed is None:
                return
            left = retry_at - await self._ledger.now()
            if left <= timedelta(0) or current.cancel_wanted:
                return await self._begin(current)
            await asyncio.sleep(min(left.total_seconds(), 1.0))

    async def _give_up(self, request: Request, code: str) -> NoReturn:
        """It can't be opened any more: nothing was sent, or what was sent is proved refused."""
        if request.state is State.APPROVED:
            await self._record(request, Lapsed(code))
            raise Stop
        await self._fail(request, code, "", retryable=False)

    # --- entries ---

    async def _fail(
        self, request: Request, code: str, message: str, *, retryable: bool
    ) -> NoReturn:
        await self._record(request, Failed(code, message, retryable))
        raise Stop

    async def _record(self, request: Request, event: Event, actor: PersonId = SEKISHO) -> None:
        """Record as Sekisho, on the newest version; a step that is no longer legal is dropped.

        What is known here is about the attempt known here: a newer one is somebody else's.
        """
        while True:
            current = await self._read(request.id)
            if len(current.attempts) != len(request.attempts):
                raise Stop
            name = type(event).__name__.lower()
            op = op_id(name, request.id, str(len(current.attempts)), str(current.version))
            try:
                outcome = await self._ledger.record(Change(current, event, actor), op_id=op)
            except IllegalTransition as illegal:
                log.info("request %s: %s", request.id, illegal)
                raise Stop from illegal
            if not isinstance(outcome, Conflict):
                return
