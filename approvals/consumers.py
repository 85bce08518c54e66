"""Consequences read the audit log by consumer group; what a dead process left is claimed.

Every entry is checked (number, MAC) before it is handed out. Blocking reads have a connection of
their own with a time-out of at least twice their BLOCK, so that a quiet log is never an error.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from approvals import entry as entries_of
from approvals.entry import AuditBroken, Entry
from approvals.outcomes import LedgerUnavailable
from approvals.store import UNREACHABLE, parse_entry

if TYPE_CHECKING:
    from approvals.ledger import Ledger

log = logging.getLogger("sekisho.consumers")

#: Entries of a process that has done nothing for this long are taken over.
CLAIM_IDLE = timedelta(seconds=60)

#: How long one read waits for something new.
BLOCK = timedelta(seconds=5)

#: Entries asked for at once: few, since each may mean a talk with Azure.
BATCH = 10

#: The wait after Redis could not be reached, growing up to the second value.
RETRY_SECONDS = (0.1, 5.0)


class Consumer:
    """One reader of a group. `entries()` ends only when it is closed or cancelled."""

    def __init__(
        self,
        ledger: Ledger,
        group: str,
        name: str,
        *,
        claim_idle: timedelta = CLAIM_IDLE,
        block: timedelta = BLOCK,
        start: str = "0",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._group = group
        self._name = name
        self._claim_idle_ms = int(claim_idle.total_seconds() * 1000)
        self._claim_every = min(claim_idle.total_seconds() / 2, 15.0)
        self._block_ms = max(1, int(block.total_seconds() * 1000))
        self._start = start
        self._monotonic = monotonic
        self._redis = blocking_client(ledger.redis, block)
        self._next_claim = 0.0
        self._ready = False

    async def entries(self) -> AsyncIterator[Entry]:
        """Own unfinished entries first, then what others left, then what is new."""
        wait, own_from = RETRY_SECONDS[0], "0"
        while True:
            try:
                await self._create_group()
                rows, own_from = await self._next_rows(own_from)
                wait = RETRY_SECONDS[0]
            except UNREACHABLE as error:
                log.warning("group %s: Redis can't be reached: %s", self._group, error)
                await asyncio.sleep(wait)
                wait, own_from, self._ready = min(wait * 2, RETRY_SECONDS[1]), "0", False
                continue
            for row in rows:
                entry = await self._checked(row)
                if entry is not None:
                    yield entry

    async def done(self, entry: Entry) -> None:
        """The consequence is complete; the entry is not handed out again."""
        await self._ack(f"{entry.sequence}-0")

    async def close(self) -> None:
        await self._redis.aclose()

    async def _next_rows(self, own_from: str) -> tuple[list[object], str]:
        if own_from:
            rows = await self._read_group(own_from)
            last = _row_id(rows[-1]) if rows else ""
            return rows, last
        if self._monotonic() >= self._next_claim:
            rows, more = await self._claim()
            if not more:
                self._next_claim = self._monotonic() + self._claim_every
            if rows:
                return rows, ""
        return await self._read_group(">"), ""

    async def _read_group(self, start: str) -> list[object]:
        """XREADGROUP; a time-out of the blocking read is 'nothing new'."""
        keys = self._ledger.store.keys
        command: list[str | int] = ["XREADGROUP", "GROUP", self._group, self._name, "COUNT", BATCH]
        if start == ">":
            command += ["BLOCK", self._block_ms]
        answer = await self._command(*command, "STREAMS", keys.audit, start)
        if not answer:
            return []
        return list(_as_sequence(_as_sequence(_as_sequence(answer)[0])[1]))

    async def _claim(self) -> tuple[list[object], bool]:
        """Entries that another reader left; whether there may be more."""
        answer = await self._command(
            "XAUTOCLAIM", self._ledger.store.keys.audit, self._group, self._name,
            self._claim_idle_ms, "0-0", "COUNT", BATCH,
        )  # fmt: skip
        _, rows, *deleted = _as_sequence(answer)
        for entry_id in _as_sequence(deleted[0]) if deleted else ():
            self._tell_deleted(self._ledger.store.text(entry_id))
        return list(_as_sequence(rows)), bool(rows)

    async def _command(self, *args: str | int) -> object:
        try:
            return await self._redis.execute_command(*args)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            if str(error).startswith(("NOGROUP", "UNBLOCKED")):
                # The stream was deleted or the group with it: make it again, the chain is
                # checked by the ledger's own reads.
                self._ready = False
                return [b"0-0", [], []] if args[0] == "XAUTOCLAIM" else []
            raise

    async def _create_group(self) -> None:
        if self._ready:
            return
        try:
            await self._redis.execute_command(  # type: ignore[no-untyped-call]
                "XGROUP", "CREATE", self._ledger.store.keys.audit, self._group, self._start,
                "MKSTREAM",
            )  # fmt: skip
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        self._ready = True

    async def _checked(self, row: object) -> Entry | None:
        """The entry, or None when it is no longer there (trimmed): told and finished."""
        if not isinstance(row, list | tuple) or len(row) < 2 or not row[1]:
            lost = _row_id(row) if isinstance(row, list | tuple) else ""
            self._tell_deleted(lost)
            if lost:
                await self._ack(lost)
            return None
        try:
            return entries_of.read(parse_entry(row), self._ledger.keys)
        except AuditBroken as broken:
            self._ledger.freeze(str(broken))
            raise

    def _tell_deleted(self, entry_id: str) -> None:
        log.error(
            "group %s: entry %s is gone from the audit log before it was finished; the request's "
            "state is taken as it is stored",
            self._group,
            entry_id or "of an unknown id",
        )

    async def _ack(self, entry_id: str) -> None:
        try:
            await self._ledger.redis.execute_command(  # type: ignore[no-untyped-call]
                "XACK", self._ledger.store.keys.audit, self._group, entry_id
            )
        except (*UNREACHABLE, RedisError) as error:
            raise LedgerUnavailable(f"entry {entry_id} could not be finished: {error}") from error


def blocking_client(redis: Redis, block: timedelta) -> Redis:
    """A client like `redis` with one connection, which waits at least twice as long as BLOCK."""
    pool = redis.connection_pool
    kwargs = dict(pool.connection_kwargs)
    kwargs["socket_timeout"] = max(2 * block.total_seconds(), block.total_seconds() + 5)
    # `from_pool` alone closes the pool together with the client.
    return Redis.from_pool(
        type(pool)(connection_class=pool.connection_class, max_connections=2, **kwargs)
    )


def _as_sequence(answer: object) -> Sequence[object]:
    if not isinstance(answer, list | tuple):
        raise LedgerUnavailable("the answer belongs to another command")
    return answer


def _row_id(row: object) -> str:
    value = _as_sequence(row)[0]
    return value.decode() if isinstance(value, bytes) else str(value)
