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
from datetime import datetime, timedelta

import msgspec
from redis.asyncio import Redis

from approvals import entry as entries_of
from approvals.chain import Chain, RedisClock
from approvals.consumers import Consumer
from approvals.entry import SEKISHO, AdminEvent, AuditBroken, AuditKeys, Entry, Head, Stored
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
from approvals.request import (
    Closing,
    Ended,
    IllegalTransition,
    OpId,
    PersonId,
    Request,
    RequestId,
    StillOpen,
    Submitted,
)
from approvals.store import GAP_MAX, Keys, Reply, Snapshot, Store, parse_entries
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

#: Requests that one list shows at most.
LIST_MAX = 500

#: A closed request is told from Redis for this long, then from the audit log alone.
RETENTION = timedelta(days=90)

_body_decoder = msgspec.json.Decoder(Request)

#: Steps that close a port: they go on while the ledger is frozen.
CLOSING_EVENTS = (Closing, StillOpen, Ended)


class Ledger:
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
        self.keys = keys
        self.redis = redis
        self.chain = Chain(keys)
        self.store = Store(redis, Keys(tag))
        self.people = PersonStore(self.store)
        self.leases = Leases(self.store)
        #: why only closing goes on, or None.
        self.frozen: str | None = None
        #: told once when the ledger freezes: alarm, health.
        self.on_frozen: Callable[[str], None] | None = None
        #: where steps that close go while the ledger is frozen: the second sink.
        self.defer = defer
        self._clock = RedisClock(clock, monotonic)
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

    # --- reading --------------------------------------------------------------------------------

    @property
    def highest_head(self) -> Head:
        """The newest entry that this process has checked."""
        return self.chain.head

    async def read(self, request_id: RequestId) -> Request | None:
        """The request as stored: one round trip, which brings head and TIME as well."""
        snapshot = await self._snapshot(request_id)
        return await self._open_body(request_id, snapshot.body)

    async def now(self) -> datetime:
        """Redis TIME, with the demo's offset."""
        await self._snapshot(None)
        return self._clock.now()

    @property
    def instant(self) -> datetime:
        """The TIME of the last read, carried forward by the monotonic clock; no I/O."""
        return self._clock.now()

    async def refresh(self) -> Head:
        """Read on to the head, checking every entry on the way."""
        while True:
            before = self.chain.head
            snapshot = await self._snapshot(None)
            if len(snapshot.entries) < GAP_MAX or self.chain.head == before:
                return self.chain.head

    async def find_op(self, op_id: OpId) -> Entry | None:
        """The entry that this op-id has made, if any."""
        found = await self.store.command("GET", self.store.keys.op(op_id))
        if found is None:
            return None
        text = self.store.text(found)
        return await self._entry_of_op(op_id, text) if text.isdecimal() else None

    async def entry(self, sequence: int) -> Entry | None:
        """One entry, checked."""
        rows = await self.store.command(
            "XRANGE", self.store.keys.audit, f"{sequence}-0", f"{sequence}-0"
        )
        try:
            found = parse_entries(rows)
            return entries_of.read(found[0], self.keys) if found else None
        except AuditBroken as broken:
            raise self.freeze(str(broken)) from broken

    async def open_requests(self) -> list[Request]:
        """Every request that still needs somebody or something, oldest first."""
        return await self._list(self.store.keys.open, LIST_MAX)

    async def pending(self) -> list[Request]:
        return await self._list(self.store.keys.pending, LIST_MAX)

    async def active(self) -> list[Request]:
        """Sessions: active or closing."""
        return await self._list(self.store.keys.active, LIST_MAX)

    async def by_person(self, person: PersonId, n: int = 20) -> list[Request]:
        """The newest requests of a person, newest first."""
        return await self._list(self.store.keys.by_person(person), n, newest=True)

    async def by_vm(self, resource_id: str, n: int = 20) -> list[Request]:
        return await self._list(self.store.keys.by_vm(resource_id), n, newest=True)

    async def due(self, now: datetime, n: int = 100) -> list[RequestId]:
        """Requests whose deadline is over, longest first."""
        millis = entries_of.to_micros(now) // 1000
        ids = await self.store.command(
            "ZRANGEBYSCORE", self.store.keys.deadlines, 0, millis, "LIMIT", 0, n
        )
        return [RequestId(self.store.text(found)) for found in _as_list(ids)]

    async def _list(self, key: str, n: int, *, newest: bool = False) -> list[Request]:
        verb = "ZREVRANGE" if newest else "ZRANGE"
        ids = _as_list(await self.store.command(verb, key, 0, max(0, n - 1)))
        if not ids or n < 1:
            return []
        names = [RequestId(self.store.text(found)) for found in ids]
        bodies = await self.store.pipeline(
            *(("HGET", self.store.keys.request(name), "body") for name in names)
        )
        opened = [
            await self._open_body(name, body) for name, body in zip(names, bodies, strict=True)
        ]
        return [request for request in opened if request is not None]

    async def _snapshot(self, request_id: RequestId | None) -> Snapshot:
        known = self.chain.head
        try:
            snapshot = await self.store.snapshot(request_id, known)
            self.chain.observe(snapshot.entries, known)
        except AuditBroken as broken:
            self.freeze(str(broken))
            raise self._as_frozen() from broken
        self._clock.set(snapshot.micros)
        return snapshot

    async def _open_body(self, request_id: RequestId, body: object) -> Request | None:
        if body is None:
            return None
        try:
            request = _body_decoder.decode(body)  # type: ignore[arg-type]
        except (msgspec.MsgspecError, TypeError) as error:
            raise LedgerUnavailable(f"request {request_id} can't be read from Redis") from error
        if request.id != request_id:
            await self.store.drop_connections()
            raise LedgerUnavailable("the answer belongs to another command")
        return request

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

    def freeze(self, why: str) -> LedgerFrozen:
        """Stop submitting, deciding and applying. Returns the error to raise."""
        if self.frozen is None:
            self.frozen = why
            log.critical("the ledger is frozen: %s", why)
            if self.on_frozen is not None:
                self.on_frozen(why)
        return self._as_frozen()

    def thaw(self) -> None:
        """The administrators accepted the chain as it is (`approvals.audit.resume`)."""
        self.frozen = None
        self.chain.restart()

    def _as_frozen(self) -> LedgerFrozen:
        return LedgerFrozen(self.frozen or "the chain is broken")

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
        if self.frozen is not None:
            raise self._as_frozen()
        await self._snapshot(None)
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

    async def _entry_of_op(self, op_id: OpId, sequence: str) -> Entry:
        earlier = await self.entry(int(sequence))
        if earlier is None or earlier.op != op_id:
            raise self.freeze(f"operation {op_id} points to entry {sequence}, which is not its own")
        return earlier

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


def _as_list(answer: object) -> list[object]:
    if not isinstance(answer, list):
        raise LedgerUnavailable("the answer belongs to another command")
    return answer
