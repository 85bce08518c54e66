"""FAULT-14: out of memory, read-only replica, disk that can't be written: refused, nothing half."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from redis.asyncio import Redis

from approvals.audit.verify import verify
from approvals.events import OpId
from approvals.ledger import Ledger, LedgerUnavailable, Recorded
from bot.embedded import Embedded, start
from tests.approvals.samples import SATO, approved, file
from tests.redis_fixtures import KEYS

ERRORS = {"OOM": "OutOfMemory", "READONLY": "ReadOnly", "NOPERM": "NoPermission"}


async def refuse(redis: Redis, how: str) -> None:
    match how:
        case "OOM":
            await redis.config_set("maxmemory", 1)
        case "READONLY":
            await redis.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
        case "NOPERM":
            await redis.execute_command("ACL", "SETUSER", "default", "-evalsha", "-eval")  # type: ignore[no-untyped-call]


async def allow(redis: Redis, how: str) -> None:
    match how:
        case "OOM":
            await redis.config_set("maxmemory", 0)
        case "READONLY":
            await redis.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
        case "NOPERM":
            await redis.execute_command("ACL", "SETUSER", "default", "+@all")  # type: ignore[no-untyped-call]


@pytest.mark.proves("FAULT-14", "J1")
@pytest.mark.parametrize("how", ["OOM", "READONLY", "NOPERM"])
async def test_refused_write_leaves_nothing_behind(own_valkey: Embedded, how: str) -> None:
    client = own_valkey.client()
    ledger = Ledger(client, KEYS)
    request = await file(ledger)
    before = {key: await client.dump(key) for key in await client.keys()}
    await refuse(client, how)
    change = approved(request, SATO, await ledger.now())
    with pytest.raises(LedgerUnavailable, match=ERRORS[how]) as caught:
        await ledger.record(change, op_id=OpId("click"))
    assert not caught.value.unknown
    assert ledger.frozen is None
    assert await ledger.read(request.id) == request
    await allow(client, how)
    assert {key: await client.dump(key) for key in await client.keys()} == before
    assert isinstance(await ledger.record(change, op_id=OpId("click")), Recorded)
    assert (await verify(ledger.store, KEYS)).head == 2
    await client.aclose()


@pytest.mark.proves("FAULT-14", "FAULT-9")
async def test_disk_that_is_full_refuses_before_anything_is_acknowledged(tmp_path: Path) -> None:
    """A file-size limit stands for a full disk: the server can't append, and says or dies so."""
    server = await start(tmp_path, os.environ)
    client = server.client()
    ledger = Ledger(client, KEYS)
    acknowledged = 0
    size = sum(path.stat().st_size for path in (tmp_path / "appendonlydir").glob("*.aof"))
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size + 20_000, size + 20_000))
    for n in range(50):
        try:
            await file(ledger, f"f{n}", ports=(1000 + n,))
        except LedgerUnavailable:
            break
        acknowledged = n + 1
    assert 0 < acknowledged < 50
    await client.aclose()
    await server.kill()

    server = await start(tmp_path, os.environ)
    client = server.client()
    report = await verify(Ledger(client, KEYS).store, KEYS)
    assert report.is_good
    assert report.head >= acknowledged
    await client.aclose()
    await server.stop()
