"""The work behind the clicks: consequences of entries, due deadlines, what Azure shows.

Consumers run in every process; what the holder of the main lease alone does is in `Leader`. Each
loop ends only when it is cancelled: a failure is logged, counted and tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
from redis.exceptions import RedisError
from slack_sdk.errors import SlackApiError

from approvals.applying import Applier
from approvals.changing import Changer
from approvals.closing import Closer
from approvals.deadlines import Due, due_event
from approvals.entry import SEKISHO, Entry
from approvals.events import (
    Approved,
    Closing,
    EndCause,
    Ended,
    Event,
    Lapsed,
    Opened,
    RequestId,
    Retried,
    State,
    Warned,
)
from approvals.ledger import Change, Consumer, Lease, Ledger, LedgerError
from approvals.operations import op_id
from approvals.request import IllegalTransition, Request
from defender.errors import AzureError
from delivery.tasks import end, stop_if_cancelled

log = logging.getLogger(__name__)

#: Requests driven towards Azure at the same time by one process.
DRIVES_MAX = 64
LEASE_TTL = timedelta(seconds=10)
LEASE_TRY = timedelta(seconds=2)
LOOK_AGAIN_SECONDS = 20.0
RETRY_SECONDS = 1.0
#: Deadlines turned in one go.
DUE_AT_ONCE = 500

#: What a loop survives: the world's failures, not ours.
WORLD = (
    LedgerError,
    AzureError,
    RedisError,
    SlackApiError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
)


Duties = Callable[[Lease], Coroutine[Any, Any, None]]


class Tasks:
    """Background tasks with strong references; a failure is logged and counted by name."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: set[asyncio.Task[None]] = set()
        self.failures: Counter[str] = Counter()

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Work that ends by itself: a stop waits for it a while."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def loop(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Work that never ends: a stop cancels it first."""
        task = asyncio.create_task(work, name=name)
        self._loops.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._loops.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        self.failures[task.get_name().split()[0]] += 1
        log.error("%s failed", task.get_name(), exc_info=task.exception())

    async def finish(self, within: timedelta) -> None:
        """Nothing new; let what is under way end by itself for a while, then cancel it."""
        await end(self._loops)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within.total_seconds())
        await end(self._tasks)


async def forever(name: str, step: Callable[[], Awaitable[None]], every: timedelta) -> None:
    """Run `step` again and again; the world's failures are logged and waited out."""
    while True:
        pause = every.total_seconds()
        try:
            await step()
        except WORLD as error:
            log.warning("%s: %s: %s", name, type(error).__name__, error)
            pause += RETRY_SECONDS
        except Exception:
            log.exception("%s", name)
            pause += RETRY_SECONDS
        stop_if_cancelled()
        await asyncio.sleep(pause)


class Drives:
    """Which requests this process is taking to Azure right now, one drive of each at a time.

    A second one waits and then looks afresh: an order to close that comes while the opening is just
    being entered must not be taken for done.
    """

    def __init__(self, applier: Applier, changer: Changer, closer: Closer) -> None:
        self._applier = applier
        self._changer = changer
        self._closer = closer
        self._locks: dict[RequestId, asyncio.Lock] = {}
        self._waiting: Counter[RequestId] = Counter()
        self._room = asyncio.Semaphore(DRIVES_MAX)

    def is_driving(self, request_id: RequestId) -> bool:
        return request_id in self._locks

    async def open(self, request_id: RequestId) -> None:
        async with self._alone(request_id):
            await self._applier.drive(request_id)
            await self._changer.drive(request_id)

    async def close(self, request_id: RequestId) -> None:
        async with self._alone(request_id):
            await self._closer.drive(request_id)

    async def check(self, request_id: RequestId) -> None:
        async with self._alone(request_id):
            await self._closer.check(request_id)

    async def watch_others(self, request_id: RequestId) -> None:
        """Sessions on the same VM and ports: has Azure ended one because of this request?"""
        await self._closer.watch_others(request_id)

    @asynccontextmanager
    async def _alone(self, request_id: RequestId) -> AsyncIterator[None]:
        lock = self._locks.setdefault(request_id, asyncio.Lock())
        self._waiting[request_id] += 1
        try:
            async with lock, self._room:
                yield
        finally:
            self._waiting[request_id] -= 1
            if not self._waiting[request_id]:
                del self._waiting[request_id], self._locks[request_id]


class ApplyConsumer:
    """Takes what was decided to Azure. An entry stays pending until its outcome is recorded."""

    def __init__(self, ledger: Ledger, consumer: Consumer, drives: Drives, tasks: Tasks) -> None:
        self._ledger = ledger
        self._consumer = consumer
        self._drives = drives
        self._tasks = tasks

    async def run(self) -> None:
        async for entry in self._consumer.entries():
            work = self._work(entry)
            if work is None:
                await self._consumer.done(entry)
            else:
                self._tasks.start(self._until_done(entry, work), name=f"apply {entry.sequence}")

    def _work(self, entry: Entry) -> Callable[[], Awaitable[None]] | None:
        request_id = entry.request
        if request_id is None:
            return None
        match entry.event:
            case Approved(start_by=start_by) if start_by is not None:
                return lambda: self._drives.open(request_id)
            case Retried():
                return lambda: self._drives.open(request_id)
            case Closing():
                return lambda: self._drives.close(request_id)
            case Opened():
                return lambda: self._drives.watch_others(request_id)
            case Ended():
                return lambda: self._after_end(request_id)
            case _:
                return None

    async def _until_done(self, entry: Entry, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
                await self._consumer.done(entry)
                return
            except LedgerError as error:
                log.warning("entry %s: %s; again soon", entry.sequence, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _after_end(self, ended: RequestId) -> None:
        await self._lapse_extensions(ended)
        await self._drives.watch_others(ended)

    async def _lapse_extensions(self, ended: RequestId) -> None:
        """An extension that was not open yet has nothing left to extend."""
        session = await self._ledger.read(ended)
        if session is None:
            return
        for other in await self._ledger.by_person(session.requester):
            if other.extends == ended and other.state in (State.PENDING, State.APPROVED):
                await record_due(self._ledger, other, Lapsed("session_ended"))


class Leader:
    """What one process does for all: deadlines, watching sessions. Stops when the lease is lost."""

    def __init__(
        self,
        ledger: Ledger,
        drives: Drives,
        closer: Closer,
        tasks: Tasks,
        *,
        lease_ttl: timedelta = LEASE_TTL,
    ) -> None:
        self._ledger = ledger
        self._drives = drives
        self._closer = closer
        self._tasks = tasks
        self._ttl = lease_ttl
        self._lease: Lease | None = None
        self._looked: dict[RequestId, float] = {}

    @property
    def is_leading(self) -> bool:
        return self._lease is not None

    async def run(self, holder: str, duties: Duties) -> None:
        """Hold the lease and run `duties` under it, whenever it can be had."""
        while True:
            try:
                lease = await self._ledger.lease("main", holder, self._ttl)
            except LedgerError as error:
                log.warning("lease: %s", error)
                lease = None
            if lease is not None:
                await self._lead(lease, duties)
            await asyncio.sleep(min(LEASE_TRY, self._ttl / 2).total_seconds())

    async def _lead(self, lease: Lease, duties: Duties) -> None:
        self._lease = lease
        work = asyncio.create_task(duties(lease), name="leader")
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=self._ttl.total_seconds() / 4)
                if not await self._ledger.renew(lease):
                    log.warning("the main lease is lost")
                    return
        except LedgerError as error:
            log.warning("lease: %s", error)
        finally:
            self._lease = None
            await end([work])
            if not work.cancelled() and (failure := work.exception()) is not None:
                self._tasks.failures["leader"] += 1
                log.error("the leader's work ended", exc_info=failure)
            await self._give_back(lease)

    async def _give_back(self, lease: Lease) -> None:
        """So that another process need not wait for its end; it ends by itself anyway."""
        try:
            await self._ledger.release(lease)
        except LedgerError as error:
            log.info("the main lease ends by itself: %s", error)

    async def turn_due(self) -> None:
        """Every deadline that is over, by Redis TIME. One that can't be read stops no other."""
        if self._ledger.frozen is not None:
            return  # nothing may be entered; Azure closes what is open at its end
        now = await self._ledger.now()
        for request_id in await self._ledger.due(now, DUE_AT_ONCE):
            try:
                request = await self._ledger.read(request_id)
                due = due_event(request, now) if request is not None else None
                if request is not None and due is not None:
                    await self._turn(request, due)
            except LedgerError as error:
                log.warning("deadline of request %s: %s", request_id, error)

    async def _turn(self, request: Request, due: Due) -> None:
        match due:
            case Due.LAPSE if request.state is State.PENDING:
                await self._record(request, Lapsed())
            case Due.LAPSE:
                await self._record(request, Lapsed("start_deadline"))
            case Due.WARN:
                await self._record(request, Warned())
            case Due.CLOSE:
                await self._record(request, Closing(EndCause.CANCELLED))
            case Due.LOOK:
                self._again(request.id, self._drives.open(request.id))
            case Due.STILL_OPEN:
                self._again(request.id, self._drives.close(request.id))
            case Due.END if request.state is State.ACTIVE:
                await self._record(request, Closing(EndCause.EXPIRED))
            case Due.END:
                self._again(request.id, self._drives.check(request.id))

    async def _record(self, request: Request, event: Event) -> None:
        """Fenced: refused once another process holds the lease, however long this one slept."""
        await record_due(self._ledger, request, event, lease=self._lease)

    def _again(self, request_id: RequestId, work: Coroutine[Any, Any, None]) -> None:
        """Start `work` unless it was started a moment ago or is under way."""
        now = asyncio.get_running_loop().time()
        too_soon = now - self._looked.get(request_id, -LOOK_AGAIN_SECONDS) < LOOK_AGAIN_SECONDS
        if too_soon or self._drives.is_driving(request_id):
            work.close()
            return
        self._looked = {k: at for k, at in self._looked.items() if now - at < LOOK_AGAIN_SECONDS}
        self._looked[request_id] = now
        self._tasks.start(work, name=f"due {request_id}")

    async def watch_sessions(self) -> None:
        """Has Azure ended what should still be open?"""
        if self._ledger.frozen is not None:
            return
        for request in await self._ledger.active():
            if request.state is State.ACTIVE:
                await self._closer.watch(request)


async def record_due(
    ledger: Ledger, request: Request, event: Event, *, lease: Lease | None = None
) -> None:
    """A transition of Sekisho's own. Somebody faster is as good."""
    op = op_id("due", request.id, str(request.version), type(event).__name__)
    try:
        await ledger.record(Change(request, event, SEKISHO), op_id=op, lease=lease)
    except IllegalTransition as illegal:
        log.info("request %s: %s", request.id, illegal)
