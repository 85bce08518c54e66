"""From a complete approval to an open port: one attempt at a time, looked up before it is repeated.

The entry that completes the quorum (or `Retried`) is driven here until Azure shows the outcome. An
attempt is one `Applying` entry: only the process whose op-id it carries sends it, once. Whoever
takes over after a crash reads only, and enters a new attempt with the same end when three readings
after the send-by do not show the old one (DESIGN, Azure edge).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NoReturn

from approvals.actions.jit_access import JitAccess
from approvals.driving import Driver, Failpoint, Stop, Timing, nowhere
from approvals.entry import SEKISHO, Entry
from approvals.events import (
    SHORTEST_WINDOW,
    Applying,
    Attempt,
    Closing,
    EndCause,
    Ended,
    Opened,
    Opening,
    OpId,
    RequestId,
    State,
    Until,
)
from approvals.ledger import Change, Conflict, Ledger, Recorded
from approvals.operations import op_id
from approvals.proof import ProofFailed, prove
from approvals.request import Request
from defender.errors import AzureBusy, AzureError, AzureRefused, AzureUnavailable, OutcomeUnknown
from defender.jit import AccessRecord

log = logging.getLogger(__name__)


#: A length was as long as approved when it was first sent; tried again it keeps its end.
LEAST_LEFT = timedelta(minutes=1)


class Applier(Driver):
    """Opens the ports of approved requests."""

    def __init__(
        self,
        ledger: Ledger,
        access: JitAccess,
        *,
        new_op: Callable[[], OpId],
        timing: Timing | None = None,
        alarm: Callable[[RequestId, str], Awaitable[None]],
        failpoint: Failpoint = nowhere,
    ) -> None:
        super().__init__(ledger, new_op=new_op, timing=timing, alarm=alarm, failpoint=failpoint)
        self._access = access

    def _is_mine(self, request: Request) -> bool:
        return request.change is None

    # --- one attempt ---

    async def _begin(self, request: Request, *, same_end: datetime | None = None) -> None:
        """Enter the next attempt and send it."""
        now = await self._ledger.now()
        if request.cancel_wanted:
            await self._fail(request, "Cancelled", "", retryable=False)
        if request.start_by is not None and now >= request.start_by and same_end is None:
            await self._give_up(request, "start_deadline")
        ends_at = same_end or await self._end(request, now)
        if ends_at - now < _least(request):
            await self._give_up(request, "window_over")
        attempt = Attempt(
            number=len(request.attempts) + 1,
            ends_at=ends_at,
            send_by=now + self._timing.send_within,
            op=self._new_op(),
        )
        await self._failpoint("before-applying")
        outcome = await self._ledger.record(
            Change(request, Applying(attempt, request.terms), SEKISHO), op_id=attempt.op
        )
        if not isinstance(outcome, Recorded):
            return  # somebody was faster: read again
        await self._failpoint("after-applying")
        await self._send(outcome.request, outcome.entry)

    async def _end(self, request: Request, now: datetime) -> datetime:
        """An extension is added to the old end; it lapses when that session is over."""
        if request.extends is None:
            return self._access.end_of(request.terms, now)
        session = await self._extended(request, request.extends)
        return self._access.end_of(request.terms, now, after=session.ends_at)

    async def _extended(self, request: Request, session_id: RequestId) -> Opening:
        """The session that is extended; nothing was sent yet, so its end is the end of this."""
        session = await self._ledger.read(session_id)
        if session is None or session.state is not State.ACTIVE or session.opening is None:
            return await self._give_up(request, "session_ended")
        return session.opening

    async def _send(self, request: Request, entry: Entry) -> None:
        attempt = request.attempts[-1]
        try:
            # What is sent is what the audit log proves, never what the request's hash says.
            request = (await prove(self._ledger, request.id, entry)).request
        except ProofFailed as failed:
            await self._unproved(request, failed)
        await self._failpoint("after-proof")
        if await self._seen(request):
            await self._watch(request)
        if request.extends is not None:
            await self._extended(request, request.extends)  # it may be over since the entry
        left = attempt.send_by - await self._ledger.now()
        if left <= timedelta(0):
            return  # too late to send: look, then a new attempt with the same end
        try:
            await self._failpoint("before-send")
            await self._access.send(request, attempt.ends_at, left)
            await self._failpoint("after-send")
        except AzureBusy as busy:
            await self._busy(request, busy)
        except AzureRefused as refused:
            await self._refused(request, refused)
        except (OutcomeUnknown, AzureUnavailable) as unknown:
            log.warning("request %s: outcome unknown: %s", request.id, unknown.code)
            return  # the loop takes over by reading
        await self._watch(request)

    async def _busy(self, request: Request, busy: AzureBusy) -> None:
        """A proven refusal for now: wait as asked, then a new attempt (FAULTS 20, 21)."""
        if await self._seen(request):
            await self._watch(request)
        await self._postpone(request, busy)

    async def _refused(self, request: Request, refused: AzureRefused) -> None:
        if refused.status == 409 and await self._seen(request):
            await self._watch(request)
        await self._fail(request, refused.code, refused.message, retryable=True)

    async def _take_over(self, request: Request) -> None:
        """The outcome of the newest attempt is not known here: read, never send it again."""
        if request.postponed is not None:
            return await self._after_wait(request.id, request.postponed.retry_at)
        attempt = request.attempts[-1]
        looks = 0
        while looks < self._timing.looks:
            if await self._seen(request):
                await self._watch(request)
            if await self._ledger.now() >= attempt.send_by:
                looks += 1
            await asyncio.sleep(self._timing.look_again.total_seconds())
        current = await self._read(request.id)
        if len(current.attempts) != len(request.attempts) or current.state is not State.APPLYING:
            return  # somebody else has gone on meanwhile
        if len(request.attempts) >= self._timing.attempts:
            await self._fail(request, "OutcomeUnknown", "", retryable=False)
        await self._begin(current, same_end=attempt.ends_at)

    # --- what Azure shows ---

    async def _seen(self, request: Request) -> bool:
        """Whether Azure has any record of this request. A read that fails says nothing: again."""
        while True:
            try:
                return bool(await self._access.records(request))
            except AzureBusy as busy:
                wait = busy.retry_after or self._timing.look_again
            except AzureError as error:
                log.warning("request %s: can't be looked up: %s", request.id, error.code)
                wait = self._timing.look_again
            if await self._ledger.now() >= request.attempts[-1].ends_at:
                await self._fail(request, "OutcomeUnknown", "", retryable=False)
            await asyncio.sleep(min(wait, timedelta(minutes=1)).total_seconds())

    async def _watch(self, request: Request) -> None:
        """Until Azure shows every port open, or shows that they will not be.

        Returns when Azure took the request (whatever 2xx it said) and shows nothing of it once
        the time to send is over: then it is looked up as any other unknown outcome.
        """
        pause = self._timing.poll
        attempt = request.attempts[-1]
        while True:
            now = await self._ledger.now()
            try:
                opening, records = await self._access.look(request, now)
            except AzureError as error:
                log.warning("request %s: can't be read: %s", request.id, error.code)
            else:
                if opening is not None:
                    await self._failpoint("before-opened")
                    await self._opened(request, opening)
                if records and not any(record.is_live for record in records):
                    await self._fail(request, "AzureEnded", _reasons(records), retryable=True)
                if not records and now >= attempt.send_by:
                    return
            if now >= attempt.ends_at:
                await self._fail(request, "NotShown", "", retryable=False)
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, self._timing.poll_longest)

    async def _opened(self, request: Request, opening: Opening) -> NoReturn:
        """Enter that it is open; an extension ends the session it extends in the same step."""
        while True:
            current = await self._read(request.id)
            if current.state is not State.APPLYING:
                raise Stop
            changes = [Change(current, Opened(opening), SEKISHO)]
            old = await self._ledger.read(current.extends) if current.extends else None
            if old is not None and old.state in (State.ACTIVE, State.CLOSING):
                ended = Ended(EndCause.SUPERSEDED, "azure", by=current.id)
                changes.insert(0, Change(old, ended, SEKISHO))
            outcome = await self._ledger.record(
                changes, op_id=op_id("opened", request.id, str(len(current.attempts)))
            )
            if isinstance(outcome, Conflict):
                continue
            await self._failpoint("after-opened")
            if current.cancel_wanted:
                await self._close_now(request.id)
            raise Stop

    async def _close_now(self, request_id: RequestId) -> None:
        """A cancel that came while the outcome was unknown."""
        opened = await self._read(request_id)
        await self._record(opened, Closing(EndCause.CANCELLED), opened.closed_by or SEKISHO)


def _least(request: Request) -> timedelta:
    """What must be left for an opening to be worth while: less of a length only after a crash."""
    is_until = isinstance(request.terms.window, Until)
    return SHORTEST_WINDOW if is_until else LEAST_LEFT


def _reasons(records: tuple[AccessRecord, ...]) -> str:
    return ", ".join(sorted({record.status_reason or record.status for record in records}))
