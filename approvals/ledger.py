"""The ledger: requests and their audit log in Redis, each step one atomic script call.

A click costs one read (`read`) and one script (`record`). The MAC is computed here over the head
that the script then compares; each process writes one at a time, and a head lost to another process
is tried again with jitter. What a step becomes (`approvals.request`) is computed here as well, the
script compares version and state and keeps the four eyes once more.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from redis.asyncio import Redis

from approvals import entry as entries_of
from approvals.chain import RedisClock
from approvals.consumers import Consumer
from approvals.deeds import Deed, Stale
from approvals.entry import SEKISHO, AdminEvent, AuditBroken, AuditKeys, Entry, Stored
from approvals.events import Closing, Ended, OpId, PersonId, RequestId, StillOpen, Submitted
from approvals.leases import Lease, Leases
from approvals.outcomes import (
    Change,
    Conflict,
    LedgerBusy,
    LedgerError,
    LedgerFrozen,
    LedgerUnavailable,
    Outcome,
    Recorded,
    Repeated,
    Same,
    Submission,
)
from approvals.people import DRAFT_LIFE, PersonRecord, PersonStore, SavedSource
from approvals.reading import LedgerReading
from approvals.request import IllegalTransition, Request
from approvals.store import GAP_MAX, Keys, Reply, Store, parse_entries
from approvals.writing import LOST_HEADS_MAX, Step, Writer, after, drafts, same_key

__all__ = [
    "Change",
    "Conflict",
    "Consumer",
    "Lease",
    "Ledger",
    "LedgerBusy",
    "LedgerError",
    "LedgerFrozen",
    "LedgerUnavailable",
    "Outcome",
    "PersonRecord",
    "Recorded",
    "Repeated",
    "Same",
    "SavedSource",
    "Submission",
]

log = logging.getLogger("sekisho.ledger")

#: A click is answered within 2.5 s, also when Redis is not: what is left is for Slack.
WRITE_BUDGET_SECONDS = 2.2

#: A closed request is told from Redis for this long, then from the audit log alone.
RETENTION = timedelta(days=90)

#: Steps that close a port: they go on while the ledger is frozen.
CLOSING_EVENTS = (Closing, StillOpen, Ended)


class Ledger(LedgerReading):
    """See the module. One per process; `clock` is the demo's offset, zero everywhere else."""

    def __init__(
        self,
        redis: Redis,
        keys: AuditKeys,
        *,
        tag: str = "sekisho",
        clock: Callable[[], timedelta] = timedelta,
        retention: timedelta = RETENTION,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        defer: Callable[[Stored], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(Store(redis, Keys(tag)), keys, RedisClock(clock, monotonic))
        self.redis = redis
        self.people = PersonStore(self.store)
        self.leases = Leases(self.store)
        #: where steps that close go while the ledger is frozen: the second sink.
        self.defer = defer
        self._monotonic = monotonic
        self._writer = Writer(
            self.store,
            self.chain,
            self._clock,
            keys,
            retention=retention,
            monotonic=monotonic,
            chance=chance,
        )
        self._turn_lock = asyncio.Lock()
        self._unreachable_at = float("-inf")

    # --- people and leases (not audited) ---------------------------------------------------------

    async def person(self, person_id: PersonId) -> PersonRecord:
        return await self.people.person(person_id)

    async def save_person(self, person_id: PersonId, record: PersonRecord) -> None:
        await self.people.save_person(person_id, record)

    async def put_draft(
        self, user: PersonId, draft_id: str, draft: bytes, ttl: timedelta = DRAFT_LIFE
    ) -> None:
        """Keep a form that was begun; only `user` finds it again."""
        await self.people.put_draft(user, draft_id, draft, ttl)

    async def get_draft(self, user: PersonId, draft_id: str) -> bytes | None:
        return await self.people.get_draft(user, draft_id)

    async def lease(self, name: str, holder: str, ttl: timedelta) -> Lease | None:
        """Take (or hold on to) the lease; None while another process has it."""
        return await self.leases.take(name, holder, ttl)

    async def renew(self, lease: Lease) -> bool:
        """False when the lease is lost: stop the work."""
        return await self.leases.renew(lease)

    async def release(self, lease: Lease) -> None:
        await self.leases.release(lease)

    # --- writing --------------------------------------------------------------------------------

    async def submit(
        self, event: Submitted, *, actor: PersonId, op_id: OpId, trace: str = ""
    ) -> Submission:
        """File a request under the next number, unless the same one is open already."""
        change = Change(None, event, actor, trace)
        if any("," in person for person in (actor, *event.same_person)):
            raise IllegalTransition(None, event, "the id of a person has no comma")
        async with self._turn() as deadline:
            for _ in range(LOST_HEADS_MAX):
                answer = await self._try_submission(change, op_id, deadline)
                if not isinstance(answer, Reply):
                    return answer
                if answer.status not in ("number", "exists", "same"):
                    raise self._failure(answer, [change])
            raise LedgerBusy("other requests took the number at every try: nothing was recorded")

    async def record(
        self, changes: Sequence[Change] | Change, *, op_id: OpId, lease: Lease | None = None
    ) -> Outcome:
        """All of `changes` in one step, or none. IllegalTransition: nothing was written."""
        listed = (changes,) if isinstance(changes, Change) else tuple(changes)
        if len({c.request.id for c in listed if c.request}) != len(listed):
            raise ValueError("one step of each request that is there already")
        held = (self.store.keys.lease(lease.name), lease.value) if lease else None
        async with self._turn() as deadline:
            try:
                await self._refuse_frozen(listed, op_id)
                reply = await self._commit(Step(op_id, listed, lease=held), deadline)
            except IllegalTransition:
                # A repeated delivery finds the request moved on by its own first success.
                earlier = await self.find_op(op_id)
                if earlier is None:
                    raise
                return Repeated(earlier, await self._request_of(earlier))
            match reply:
                case Recorded():
                    return reply
                case Reply(status="repeated"):
                    return await self._repeated(op_id, reply.text())
                case Reply(status="conflict"):
                    return Conflict(await self._current(RequestId(reply.text())))
            raise self._failure(reply, listed)

    async def note(self, event: AdminEvent, *, actor: PersonId = SEKISHO, op_id: OpId) -> Entry:
        """An entry that belongs to no request: a found opening, a resume, an archive."""
        async with self._turn() as deadline:
            if self.frozen is not None:
                raise self._as_frozen()
            reply = await self._commit(Step(op_id, note=(event, actor)), deadline)
            match reply:
                case Recorded():
                    return reply.entry
                case Reply(status="repeated"):
                    return (await self._repeated(op_id, reply.text())).entry
            raise self._failure(reply, ())

    async def do(
        self, deed: Deed, *, actor: PersonId, op_id: OpId, version: int, body: bytes
    ) -> Entry | Stale:
        """A deed and its subject's new state `body`, decided on `version` (0: none yet), at once.

        A repeated delivery gets the entry of its own first success.
        """
        subject = (self.store.keys.subject(deed.subject), version, body)
        async with self._turn() as deadline:
            if self.frozen is not None:
                raise self._as_frozen()
            step = Step(op_id, note=(deed, actor), subject=subject)
            reply = await self._commit(step, deadline)
            match reply:
                case Recorded():
                    return reply.entry
                case Reply(status="repeated"):
                    return (await self._repeated(op_id, reply.text())).entry
                case Reply(status="stale"):
                    found = reply.rest[1]
                    return Stale(
                        int(reply.text()), found if isinstance(found, bytes) and found else None
                    )
            raise self._failure(reply, ())

    def thaw(self) -> None:
        """The administrators accepted the chain as it is (`approvals.audit.resume`)."""
        self.frozen = None
        self.chain.restart()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[float]:
        """This process writes one step at a time. Gives the monotonic instant of giving up.

        Who has waited behind a write that Redis did not answer does not wait as long once more.
        """
        begun = self._monotonic()
        try:
            async with asyncio.timeout(WRITE_BUDGET_SECONDS):
                await self._turn_lock.acquire()
        except TimeoutError as error:
            raise LedgerBusy("earlier writes are not through: nothing was recorded") from error
        try:
            if self._unreachable_at > begun:
                raise LedgerUnavailable("Redis did not answer the write before this one")
            yield begun + WRITE_BUDGET_SECONDS
        except LedgerUnavailable as error:
            if not isinstance(error, LedgerBusy):
                self._unreachable_at = self._monotonic()
            raise
        finally:
            self._turn_lock.release()

    async def _commit(self, step: Step, deadline: float) -> Recorded | Reply:
        if not self._clock.is_set or self.chain.head.sequence == 0:
            await self._snapshot(None)
            if self.frozen is not None:
                raise self._as_frozen()
        try:
            return await self._writer.commit(step, deadline)
        except AuditBroken as broken:
            raise self.freeze(str(broken)) from broken

    async def _refuse_frozen(self, changes: Sequence[Change], op_id: OpId) -> None:
        """On a frozen ledger, closing goes to the second sink; everything else is refused."""
        if self.frozen is None:
            return
        if self.defer is None or not all(isinstance(c.event, CLOSING_EVENTS) for c in changes):
            raise self._as_frozen()
        now = self._clock.now()
        requests = [after(change, RequestId(""), now) for change in changes]
        for draft in drafts(Step(op_id, tuple(changes)), requests, now):
            await self.defer(entries_of.seal(draft, entries_of.DEFERRED, self.keys)[1])
        raise LedgerFrozen(self.frozen, deferred=requests[0])

    async def _try_submission(
        self, change: Change, op_id: OpId, deadline: float
    ) -> Submission | Reply:
        await self._snapshot(None)
        if self.frozen is not None:
            raise self._as_frozen()
        fingerprint = same_key(after(change, RequestId(""), self._clock.now()))
        keys = self.store.keys
        op, number, same = await self.store.pipeline(
            ("GET", keys.op(op_id)), ("GET", keys.number), ("GET", keys.same(fingerprint))
        )
        if op is not None:
            return await self._repeated(op_id, self.store.text(op))
        existing = await self.read(RequestId(self.store.text(same))) if same is not None else None
        if existing is not None and existing.is_open:
            return Same(existing)
        counter = "0" if number is None else self.store.text(number)
        reply = await self._commit(
            Step(
                op_id,
                (change,),
                new_id=await self._next_id(counter),
                number=counter,
                takes_over="" if same is None else self.store.text(same),
            ),
            deadline,
        )
        if isinstance(reply, Reply) and reply.status == "repeated":
            return await self._repeated(op_id, reply.text())
        return reply

    async def _next_id(self, counter: str) -> RequestId:
        """One more than the counter; where that is wrong (lost, set back), than the newest."""
        if counter.isdecimal() and counter != "0":
            taken = await self.store.command(
                "EXISTS", self.store.keys.request(RequestId(str(int(counter) + 1)))
            )
            if taken == 0:
                return RequestId(str(int(counter) + 1))
        return RequestId(str(await self._newest_number() + 1))

    async def _newest_number(self) -> int:
        """The number of the newest request in the audit log, walking back from the head."""
        start = "+"
        while rows := await self._rows("XREVRANGE", start, "-", "COUNT", GAP_MAX):
            for row in rows:
                entry = entries_of.read(row, self.keys)
                if isinstance(entry.event, Submitted) and entry.request is not None:
                    return int(entry.request)
            start = f"({rows[-1].sequence}-0"
        return 0

    async def _rows(self, verb: str, *args: str | int) -> tuple[Stored, ...]:
        return parse_entries(await self.store.command(verb, self.store.keys.audit, *args))

    async def _repeated(self, op_id: OpId, found: str) -> Repeated:
        """What this op-id did before; a void means that it was given up."""
        if not found.isdecimal():
            raise LedgerUnavailable("this operation was given up a moment ago")
        earlier = await self._entry_of_op(op_id, found)
        return Repeated(earlier, await self._request_of(earlier))

    async def _request_of(self, entry: Entry) -> Request | None:
        return await self.read(entry.request) if entry.request is not None else None

    async def _current(self, request_id: RequestId) -> Request:
        current = await self.read(request_id)
        if current is None:
            raise LedgerUnavailable(f"request {request_id} is gone from Redis")
        return current

    def _failure(self, reply: Reply, changes: Sequence[Change]) -> Exception:
        """The script's refusals that only tampering or our own mistake can bring about."""
        match reply.status:
            case "refused" if changes:
                by_id = {c.request.id: c for c in changes if c.request is not None}
                change = by_id[RequestId(reply.text(1))]
                return IllegalTransition(change.request, change.event, _REFUSALS[reply.text()])
            case "lease":
                return LedgerUnavailable("the lease is lost: another process does this work")
            case "type":
                return LedgerUnavailable(f"the key {reply.text()} in Redis has a wrong type")
            case "missing":
                return LedgerUnavailable(f"request {reply.text()} is gone from Redis")
            case "cut":
                return self.freeze(f"entry {reply.text()} is gone: the audit log was cut")
            case _:
                return LedgerUnavailable(f"the script answers {reply.status!r}")


_REFUSALS = {
    "same_person": "the requester never decides",
    "lapsed": "the time to decide is over",
}
