"""The reading half of the ledger: requests, indexes, entries, and the head with every read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from approvals import entry as entries_of
from approvals.chain import Chain, RedisClock
from approvals.deeds import Subject
from approvals.entry import AuditBroken, AuditKeys, Entry, Head
from approvals.events import OpId, PersonId, RequestId
from approvals.outcomes import LedgerFrozen, LedgerUnavailable
from approvals.request import Request
from approvals.store import GAP_MAX, Snapshot, Store, parse_entries

log = logging.getLogger("sekisho.ledger")

#: Requests that one list shows at most.
LIST_MAX = 500
#: Of these so many are read and decoded between two looks at other work: 2 ms.
AT_ONCE = 25

_body_decoder = msgspec.json.Decoder(Request)


class LedgerReading:
    """What this process reads and knows. `approvals.ledger.Ledger` adds the writing."""

    def __init__(self, store: Store, keys: AuditKeys, clock: RedisClock) -> None:
        self.store = store
        self.keys = keys
        self.chain = Chain(keys)
        #: why only closing goes on, or None.
        self.frozen: str | None = None
        #: told once when the ledger freezes: alarm, health.
        self.on_frozen: Callable[[str], None] | None = None
        self._clock = clock

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
        """Read on to the head, checking every entry on the way. LedgerFrozen when that fails."""
        while True:
            before = self.chain.head
            await self._snapshot(None)
            if self.frozen is not None:
                raise self._as_frozen()
            if self.chain.head.sequence < before.sequence + GAP_MAX - 1:
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

    async def subject(self, subject: Subject) -> tuple[int, bytes | None]:
        """Version and state of what a deed is about; 0 and None before the first one."""
        row = await self.store.command("HMGET", self.store.keys.subject(subject), "version", "body")
        version, body = _as_list(row)
        if version is None or not isinstance(body, bytes):
            return 0, None
        return int(self.store.text(version)), body

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
        opened: list[Request] = []
        for start in range(0, len(names), AT_ONCE):
            if start:
                await asyncio.sleep(0)
            opened += await self._open(names[start : start + AT_ONCE])
        return opened

    async def _open(self, names: Sequence[RequestId]) -> list[Request]:
        bodies = await self.store.pipeline(
            *(("HGET", self.store.keys.request(name), "body") for name in names)
        )
        opened = [
            await self._open_body(name, body) for name, body in zip(names, bodies, strict=True)
        ]
        return [request for request in opened if request is not None]

    async def _snapshot(self, request_id: RequestId | None) -> Snapshot:
        """Read, and look at the head on the way. What is wrong with it freezes the ledger; reading
        goes on, since closing a port needs the request."""
        known = self.chain.head
        snapshot = await self.store.snapshot(request_id, known)
        self._clock.set(snapshot.micros)
        if self.frozen is None:
            try:
                self.chain.observe(parse_entries(snapshot.rows), known)
            except AuditBroken as broken:
                self.freeze(str(broken))
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

    def freeze(self, why: str) -> LedgerFrozen:
        """Stop submitting, deciding and applying. Returns the error to raise."""
        if self.frozen is None:
            self.frozen = why
            log.critical("the ledger is frozen: %s", why)
            if self.on_frozen is not None:
                self.on_frozen(why)
        return self._as_frozen()

    def _as_frozen(self) -> LedgerFrozen:
        return LedgerFrozen(self.frozen or "the chain is broken")

    async def _entry_of_op(self, op_id: OpId, sequence: str) -> Entry:
        earlier = await self.entry(int(sequence))
        if earlier is None or earlier.op != op_id:
            raise self.freeze(f"operation {op_id} points to entry {sequence}, which is not its own")
        return earlier


def _as_list(answer: object) -> list[object]:
    if not isinstance(answer, list):
        raise LedgerUnavailable("the answer belongs to another command")
    return answer
