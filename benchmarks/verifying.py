"""`sekisho audit verify` on a long log, as an auditor runs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from redis.asyncio import Redis

from approvals.entry import EMPTY, AuditKeys, Draft, Head, Stored, seal
from approvals.events import Denied, OpId, RequestId
from benchmarks.children import ChildFailed, spawn
from benchmarks.figures import Figure, Unit
from benchmarks.ground import APPROVER, Ground, ledger_of, read_settings
from bot.clock import Clock

ENTRIES = 100_000
TAG = "verify"
_BATCH = 2_000


async def verify(ground: Ground, rounds: int) -> Figure:
    """The whole command: interpreter, settings, Redis, every MAC, the verdict."""
    await _fill(ground)
    samples = [await _verify(ground) for _ in range(rounds + 1)]
    title = f"audit verify, {ENTRIES:,} entries"
    return Figure("verify", title, Unit.SECONDS, tuple(samples[1:]), note="start included")


async def _fill(ground: Ground) -> None:
    settings = read_settings(ground.environment(TAG))
    async with Redis(unix_socket_path=str(ground.valkey.socket), protocol=2) as redis:
        stream = ledger_of(settings, redis).store.keys.audit
        rows = _chain(settings.audit.keys)
        while batch := list(islice(rows, _BATCH)):
            pipe = redis.pipeline(transaction=False)
            for row in batch:
                pipe.xadd(
                    stream,
                    {"entry": row.canonical, "mac": row.mac, "at": row.at_micros},
                    id=f"{row.sequence}-0",
                )
            await pipe.execute()


def _chain(keys: AuditKeys) -> Iterator[Stored]:
    """Entries that the ledger itself has sealed, one behind the other."""
    head, at = EMPTY, Clock().now() - timedelta(days=1)
    for number in range(ENTRIES):
        event = Denied("not before the change window", "S0SECURITY", "production", "v1", at)
        op = OpId(f"{number:064x}")
        draft = Draft(at, APPROVER, RequestId(str(number + 1)), op, event, 2, "0123456789ab")
        _, row = seal(draft, head, keys)
        yield row
        head = Head(row.sequence, row.mac, row.at_micros)


async def _verify(ground: Ground) -> float:
    # Other figures' bots have put their anchors into the audit channel.
    environ = ground.environment(TAG, changes={"SEKISHO_AUDIT__CHANNEL": "C0JA"})
    began = time.perf_counter()
    child = await spawn(TAG, ["bot.cli", "audit", "verify"], environ, ground.folder)
    out, _ = await asyncio.wait_for(child.process.communicate(), 60)
    seconds = time.perf_counter() - began
    if child.process.returncode != 0 or f"{ENTRIES:,}".encode() not in out:
        raise ChildFailed(f"verify said {out!r}")
    return seconds
