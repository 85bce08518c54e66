"""From 'close it' to 'proved closed': by strategy, verified by reading back, or said plainly.

Driven from the `Closing` entry. `ended` is entered only when Azure shows it closed; what can't be
closed early stays *closing* and says until when (DESIGN, Requests).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import datetime, timedelta

from approvals.actions.jit_access import CannotClose, JitAccess, Openness, Standing
from approvals.driving import Failpoint, Timing, nowhere
from approvals.entry import SEKISHO
from approvals.events import EndCause, Ended, Event, RequestId, State, StillOpen
from approvals.ledger import Change, Conflict, Ledger, LedgerFrozen
from approvals.operations import op_id
from approvals.request import IllegalTransition, Request, apply_event
from defender.errors import AzureBusy, AzureError

log = logging.getLogger(__name__)

#: Newest requests for one VM that are looked at for a session on the same port.
OTHERS_MAX = 50

#: Codes of `StillOpen` when the end is over and the port is not proved closed: an alarm, since
#: Azure should have closed it.
RULE_LEFT = "rule_left"
STILL_LISTED = "still_listed"
UNREAD = "unread"
AFTER_END = frozenset({RULE_LEFT, STILL_LISTED, UNREAD})

#: A rule that is gone is looked for twice, since Azure replaces rules with a gap of seconds.
GONE_LOOKS = 2


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
        #: sessions whose rule was gone when last looked at, and how often in a row.
        self._gone: Counter[RequestId] = Counter()

    async def drive(self, request_id: RequestId) -> None:
        """Until the request has ended or it is said that it is still open."""
        request = await self._ledger.read(request_id)
        if request is None or request.state is not State.CLOSING:
            return
        if request.still_open is None:  # said once for each order to close
            await self._record(request, await self.close(request))

    async def close_frozen(self, request: Request) -> Request:
        """While the ledger is frozen: `request` is in `closing` as the second sink has it.

        What came of it goes to the second sink, too. Returns the request after that.
        """
        outcome = await self.close(request)
        await self._record(request, outcome)
        return apply_event(request, outcome, actor=SEKISHO, at=self._ledger.instant)

    async def close(self, request: Request) -> Ended | StillOpen:
        """Ask Azure to close it, read it back, say what came of it. Records nothing."""
        closing = request.closing
        if closing is None or request.opening is None:
            raise ValueError(f"request {request.id} is not being closed")
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._timing.prove_closed_within.total_seconds()
        # at its end Azure closes the port by itself; what it left there, a person may order again
        by_itself = closing.cause is EndCause.EXPIRED and request.closed_by == SEKISHO
        ask_at = None if by_itself else loop.time()
        pause = self._timing.poll.total_seconds()
        while True:
            if ask_at is not None and loop.time() >= ask_at:
                try:
                    wait = await self._ask(request)
                except CannotClose as cannot:
                    seen = await self._look(request)
                    if seen is not None and _is_closed(seen):
                        return Ended(closing.cause, seen.proof)
                    return self._not_closed(request, seen, cannot.code, cannot.message)
                ask_at = None if wait is None else loop.time() + wait.total_seconds()
            seen = await self._look(request)
            if seen is not None and _is_closed(seen):
                return Ended(closing.cause, seen.proof)
            if (left := give_up_at - loop.time()) <= 0:
                return self._not_closed(request, seen, "not_proved")
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, self._timing.poll_longest.total_seconds())

    def _not_closed(
        self, request: Request, seen: Openness | None, code: str, message: str = ""
    ) -> StillOpen:
        """Before its end: why, and until when it stays open. After it: what still stands."""
        assert request.opening is not None
        ends_at = request.opening.ends_at
        is_expired = request.closing is not None and request.closing.cause is EndCause.EXPIRED
        if is_expired or self._ledger.instant >= ends_at:
            return _left(seen, ends_at)
        return StillOpen(code, message, ends_at)

    async def check(self, request_id: RequestId) -> None:
        """Once more after the end instant: has Azure closed what we could not?

        What is still there a while after the end is said once more, as an alarm; looking goes on.
        """
        request = await self._ledger.read(request_id)
        if request is None or request.state is not State.CLOSING or request.closing is None:
            return
        seen = await self._look(request)
        if seen is not None and _is_closed(seen):
            await self._record(request, Ended(request.closing.cause, seen.proof))
            return
        still = request.still_open
        if still is None or still.code in AFTER_END:
            return
        if await self._ledger.now() >= still.until + self._timing.prove_closed_within:
            await self._record(request, _left(seen, still.until))

    async def watch(self, request: Request) -> None:
        """An active session that Azure no longer shows has vanished or was superseded."""
        if request.state is not State.ACTIVE or request.opening is None:
            return
        try:
            standing = await self._access.standing(request)
            if standing in (Standing.OPEN, Standing.UNKNOWN):
                await self._watch_rule(request, standing)
                return
            seen = await self._access.openness(request)
        except AzureError as error:
            log.warning("request %s: can't be read: %s", request.id, error.code)
            return
        if not seen.is_closed or await self._ledger.now() >= request.opening.ends_at:
            return  # the end instant leads to closing by its own deadline
        if standing is Standing.ENDED:
            await self._record(request, Ended(EndCause.VANISHED, seen.proof))
            return
        others = await self._same_ports(request)
        if any(other.extends == request.id and other.state is State.APPLYING for other in others):
            return  # its own extension is taking its place and says so in the same step
        await self._record(
            request, Ended(EndCause.SUPERSEDED, seen.proof, by=_newer(request, others))
        )

    async def _watch_rule(self, request: Request, standing: Standing) -> None:
        """Azure says open, but is the rule still there? A redeployment takes it away (C7)."""
        if standing is not Standing.OPEN or request.opening is None:
            self._gone.pop(request.id, None)
            return
        seen = await self._access.openness(request)
        if not seen.records or not seen.is_shut_in_nsg:
            self._gone.pop(request.id, None)
            return
        self._gone[request.id] += 1
        if self._gone[request.id] < GONE_LOOKS:
            return
        del self._gone[request.id]
        if await self._ledger.now() < request.opening.ends_at:
            await self._record(request, Ended(EndCause.VANISHED, seen.proof))

    async def watch_others(self, request_id: RequestId) -> None:
        """After an opening or an early end: has it cost another session its port?"""
        request = await self._ledger.read(request_id)
        if request is None or request.opening is None:
            return
        for other in await self._same_ports(request):
            await self.watch(other)

    async def _same_ports(self, request: Request) -> list[Request]:
        found = await self._ledger.by_vm(request.target.resource_id, OTHERS_MAX)
        ports = set(request.terms.ports)
        return [r for r in found if r.id != request.id and ports & set(r.terms.ports)]

    async def _ask(self, request: Request) -> timedelta | None:
        """Ask Azure to close it. The wait before asking again, or None: it was taken."""
        try:
            await self._failpoint("before-close")
            await self._access.close(request, await self._ledger.now())
            await self._failpoint("after-close")
        except AzureError as error:
            log.warning("request %s: closing: %s", request.id, error.code)
            asked = error.retry_after if isinstance(error, AzureBusy) else None
            return asked or self._timing.look_again
        return None

    async def _look(self, request: Request) -> Openness | None:
        """What Azure shows; None where it can't be read."""
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
        except LedgerFrozen as frozen:
            if frozen.deferred is None:
                raise
            log.warning("request %s: entered after the resume", request.id)
            return
        if isinstance(outcome, Conflict):
            log.info("request %s moved on meanwhile", request.id)
            await self.drive(request.id)


def _is_closed(seen: Openness) -> bool:
    return seen.is_closed or seen.is_shut_in_nsg


def _left(seen: Openness | None, until: datetime) -> StillOpen:
    """What stands in Azure although the end is over; `message` names the resource."""
    if seen is None:
        return StillOpen(UNREAD, "", until)
    if seen.rules:
        rule = seen.rules[0]
        return StillOpen(RULE_LEFT, f"{rule.nsg_id}/securityRules/{rule.name}", until)
    return StillOpen(STILL_LISTED, "", until)


def _newer(request: Request, others: list[Request]) -> RequestId | None:
    """Which of our own sessions took its place, if it was one of ours."""
    opened = [
        (other.opening.opened_at, other.id)
        for other in others
        if other.opening and request.opening and other.opening.opened_at > request.opening.opened_at
    ]
    return max(opened)[1] if opened else None
