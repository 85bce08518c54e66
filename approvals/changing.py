"""From a complete approval to a change in Azure, read back: the way of every kind of change.

An attempt is one `Applying` entry, written with what Azure had before anything is sent. Whoever
takes over from a dead process waits until that one can't send any more and then begins an attempt
of its own: an action reads first and writes only what differs, so doing it again does no harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NoReturn

from approvals.actions.base import Action, Actions
from approvals.changes import Outcome
from approvals.driving import Driver, Failpoint, Stop, Timing, nowhere
from approvals.entry import SEKISHO, Entry
from approvals.events import Applied, Applying, Attempt, Failed, OpId, RequestId, State, Undone
from approvals.ledger import Change, Conflict, Ledger, Recorded
from approvals.operations import op_id
from approvals.proof import ProofFailed, prove
from approvals.request import Request
from defender.errors import AzureBusy, AzureError, AzureRefused

log = logging.getLogger(__name__)

#: How long a process sleeps at most before it looks at the ledger's clock again.
LOOK_EVERY = timedelta(seconds=1)


class Changer(Driver):
    """Makes the changes of approved requests."""

    def __init__(
        self,
        ledger: Ledger,
        actions: Actions,
        *,
        new_op: Callable[[], OpId],
        timing: Timing | None = None,
        alarm: Callable[[RequestId, str], Awaitable[None]],
        announce: Callable[[Request], Awaitable[None]],
        failpoint: Failpoint = nowhere,
    ) -> None:
        super().__init__(ledger, new_op=new_op, timing=timing, alarm=alarm, failpoint=failpoint)
        self._actions = actions
        #: notes beforehand that what will be seen in Azure is our own doing.
        self._announce = announce

    def _is_mine(self, request: Request) -> bool:
        return request.change is not None

    async def _begin(self, request: Request) -> None:
        now = await self._ledger.now()
        if request.cancel_wanted:
            await self._fail(request, "Cancelled", "", retryable=False)
        if request.start_by is not None and now >= request.start_by and not request.attempts:
            await self._give_up(request, "start_deadline")
        action = await self._action(request)
        before = request.before or await self._before(request, action)
        now = await self._ledger.now()
        send_by = now + action.apply_within
        attempt = Attempt(len(request.attempts) + 1, send_by, send_by, self._new_op())
        await self._failpoint("before-applying")
        outcome = await self._ledger.record(
            Change(request, Applying(attempt, request.terms, before), SEKISHO), op_id=attempt.op
        )
        if not isinstance(outcome, Recorded):
            return  # somebody was faster: read again
        await self._failpoint("after-applying")
        await self._send(outcome.request, outcome.entry, action)

    async def _action(self, request: Request) -> Action:
        action = self._actions.get(request.kind)
        if action is None:  # filed by a newer version, or this kind was switched off since
            await self._fail(request, "UnknownKind", request.kind.value, retryable=False)
        return action

    async def _before(self, request: Request, action: Action) -> str:
        """What Azure has. Nothing is sent without it, so a read that fails is tried again."""
        if request.change is None:
            raise Stop
        while True:
            try:
                return await action.before(request.change)
            except AzureBusy as busy:
                wait = busy.retry_after or self._timing.busy_default
            except AzureRefused as refused:
                await self._fail(request, refused.code, refused.message, retryable=True)
            except AzureError as error:
                log.warning("request %s: can't be read: %s", request.id, error.code)
                wait = self._timing.busy_default
            if request.start_by is None or await self._ledger.now() + wait >= request.start_by:
                await self._fail(request, "Unreadable", "", retryable=False)
            await asyncio.sleep(wait.total_seconds())

    async def _send(self, request: Request, entry: Entry, action: Action) -> None:
        try:
            # What is sent is what the audit log proves, never what the request's hash says.
            request = (await prove(self._ledger, request.id, entry)).request
        except ProofFailed as failed:
            await self._unproved(request, failed)
        if request.change is None:
            raise Stop
        left = request.attempts[-1].send_by - await self._ledger.now()
        if left <= timedelta(0):
            return  # too late to send: the loop begins another attempt
        await self._announce(request)
        await self._failpoint("before-send")
        try:
            outcome = await action.apply(request.change, request.before, left)
        except AzureBusy as busy:
            return await self._postpone(request, busy)
        except AzureRefused as refused:
            await self._fail(request, refused.code, refused.message, retryable=True)
        except AzureError as unknown:
            log.warning("request %s: outcome unknown: %s", request.id, unknown.code)
            return  # the loop waits, then looks again by doing it again
        await self._failpoint("after-send")
        await self._settle(request, action, outcome)

    async def _settle(self, request: Request, action: Action, outcome: Outcome) -> NoReturn:
        """Done, or not, or in part: each is on record with what Azure showed."""
        now = await self._ledger.now()
        is_undo = request.change is not None and request.change.undoes is not None
        can_undo = bool(outcome.done) and bool(action.undo_within) and not is_undo
        undo_until = now + action.undo_within if can_undo else None
        if not outcome.failed:
            await self._applied(request, outcome, undo_until)
        first = outcome.failed[0]
        message = f"{first.name}: {first.message}" if first.message else first.name
        failed = Failed(first.code, message, True, outcome, undo_until)
        await self._record(request, failed)
        raise Stop

    async def _applied(
        self, request: Request, outcome: Outcome, undo_until: datetime | None
    ) -> NoReturn:
        """Enter that it is done; an undoing marks what it undoes in the same step."""
        while True:
            current = await self._read(request.id)
            if current.state is not State.APPLYING or current.change is None:
                raise Stop
            changes = [Change(current, Applied(outcome, undo_until), SEKISHO)]
            undone = current.change.undoes
            old = await self._ledger.read(undone) if undone is not None else None
            if old is not None and (old.state is State.APPLIED or old.is_partial):
                changes.insert(0, Change(old, Undone(by=current.id), SEKISHO))
            recorded = await self._ledger.record(
                changes, op_id=op_id("applied", request.id, str(len(current.attempts)))
            )
            if isinstance(recorded, Conflict):
                continue
            await self._failpoint("after-applied")
            raise Stop

    async def _take_over(self, request: Request) -> None:
        """Whoever began this attempt may be at work until its send-by; then it is done again."""
        if request.postponed is not None:
            return await self._after_wait(request.id, request.postponed.retry_at)
        attempt = request.attempts[-1]
        while (left := attempt.send_by - await self._ledger.now()) > timedelta(0):
            current = await self._read(request.id)
            if current.version != request.version:
                return  # it is settled, or somebody else has gone on: look afresh
            await asyncio.sleep(min(left, LOOK_EVERY).total_seconds())
        if len(request.attempts) >= self._timing.attempts:
            await self._fail(request, "OutcomeUnknown", "", retryable=True)
        current = await self._read(request.id)
        if len(current.attempts) == len(request.attempts) and current.state is State.APPLYING:
            await self._begin(current)
