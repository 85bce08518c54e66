"""FAULT-13: a replica without the last decisions is promoted: the ledger freezes and says so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from approvals.audit.anchor import Anchorer, FileSink
from approvals.events import Closing, EndCause, OpId
from approvals.ledger import Change, Ledger, LedgerFrozen
from bot.embedded import find_server
from bot.redis_client import connect
from tests.approvals.samples import ALICE, SATO, approved, file, run_to_active, step
from tests.proxy import Proxy
from tests.redis_fixtures import KEYS

Address = tuple[str, int]


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Address]:
    """A server with a TCP port, which replication needs."""
    os.mkdir(folder)
    listener = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = int(listener.sockets[0].getsockname()[1])
    listener.close()
    process = await asyncio.create_subprocess_exec(
        find_server(os.environ), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
        "--save", "", "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0",
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        client = connect(f"redis://127.0.0.1:{port}")
        await until(lambda: answers(client))
        await client.aclose()
        yield "127.0.0.1", port
    finally:
        process.kill()
        await process.wait()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False


@pytest.mark.proves("FAULT-13", "J3")
async def test_lost_decisions_freeze_every_process(tmp_path: Path) -> None:
    async with (
        server(tmp_path / "primary") as primary,
        server(tmp_path / "replica") as replica,
        Proxy(primary) as replication,
        Proxy(primary) as front,
    ):
        told: list[str] = []
        second = connect(f"redis://127.0.0.1:{replica[1]}")
        await second.execute_command("REPLICAOF", "127.0.0.1", replication.port)  # type: ignore[no-untyped-call]
        client = connect(front.url)
        sink = FileSink(tmp_path / "audit.jsonl", KEYS)
        ledger = Ledger(client, KEYS, defer=sink.defer)
        ledger.on_frozen = told.append
        session = await run_to_active(ledger, await file(ledger, "old"))
        await until(lambda: has_entries(second, 4))

        replication.black_hole()
        lost = await file(ledger, "lost", ports=(23,))
        await step(ledger, approved(lost, SATO, await ledger.now()), "yes-lost")
        await Anchorer(ledger, sink, None).step()
        await second.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
        front.point_to(replica)

        with pytest.raises(LedgerFrozen, match="head went backwards"):
            await file(ledger, "after", ports=(24,))
        assert len(told) == 1
        other_client = connect(front.url)
        other = Ledger(other_client, KEYS)
        with pytest.raises(LedgerFrozen, match="anchor knows entry 6"):
            await Anchorer(other, sink, None).start()

        # Closing never stops: it goes to the second sink.
        with pytest.raises(LedgerFrozen) as caught:
            await ledger.record(Change(session, Closing(EndCause.DONE), ALICE), op_id=OpId("done"))
        assert caught.value.deferred is not None
        assert len(await sink.deferred()) == 1
        for one in (client, other_client, second):
            await one.aclose()


async def has_entries(client: Redis, count: int) -> bool:
    return bool(await client.xlen("{sekisho}:audit") == count)
