"""FAULT-15: a Redis that may evict is refused at start; what was deleted is found and freezes."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis

from approvals.audit.anchor import Anchorer, FileSink
from approvals.events import OpId
from approvals.ledger import Ledger, LedgerFrozen, LedgerUnavailable
from bot.embedded import Embedded
from bot.redis_client import NotDurable, require_durable
from tests.approvals.samples import SATO, approved, file, step
from tests.redis_fixtures import KEYS, MakeLedger


@pytest.mark.proves("FAULT-15")
@pytest.mark.parametrize(
    ("setting", "value"),
    [("maxmemory-policy", "allkeys-lru"), ("appendfsync", "everysec"), ("appendonly", "no")],
)
async def test_redis_that_may_lose_something_is_refused(
    own_valkey: Embedded, setting: str, value: str
) -> None:
    client = own_valkey.client()
    await require_durable(client)
    await client.config_set(setting, value)
    with pytest.raises(NotDurable, match=setting):
        await require_durable(client)
    with pytest.raises(NotDurable, match=setting):
        await require_durable(client, accepted="the platform keeps it")
    await client.aclose()


@pytest.mark.proves("FAULT-15", "C133")
@pytest.mark.parametrize("how", ["NOPERM", "empty"])
async def test_settings_that_cannot_be_read_must_be_accepted(
    own_valkey: Embedded, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    client = own_valkey.client()
    if how == "NOPERM":
        await client.execute_command("ACL", "SETUSER", "default", "-config")  # type: ignore[no-untyped-call]
    else:

        async def nothing(*_: object, **__: object) -> dict[str, str]:
            return {}

        monkeypatch.setattr(client, "execute_command", nothing)
    with pytest.raises(NotDurable, match="can't be checked"):
        await require_durable(client)
    found = await require_durable(client, accepted="Azure Managed Redis, AOF each second")
    assert found.unknown == ("appendonly", "appendfsync", "maxmemory-policy")
    await client.aclose()


@pytest.mark.proves("FAULT-15", "J3")
async def test_flush_freezes_the_ledger(ledger: Ledger, redis: Redis) -> None:
    told: list[str] = []
    ledger.on_frozen = told.append
    request = await file(ledger)
    await redis.flushall()
    assert await ledger.read(request.id) is None
    with pytest.raises(LedgerFrozen, match="went backwards"):
        await file(ledger, "more")
    assert len(told) == 1


@pytest.mark.proves("FAULT-15", "J3")
async def test_flush_while_every_process_was_down_is_found_by_the_file(
    make_ledger: MakeLedger, redis: Redis, tmp_path: Path
) -> None:
    sink = FileSink(tmp_path / "audit.jsonl", KEYS)
    before = make_ledger()
    await file(before)
    await Anchorer(before, sink, None).step()
    await redis.flushall()
    after = make_ledger()
    with pytest.raises(LedgerFrozen, match="anchor knows entry 1"):
        await Anchorer(after, sink, None).start()
    with pytest.raises(LedgerFrozen):
        await file(after, "more")


@pytest.mark.proves("FAULT-15")
@pytest.mark.parametrize("fresh", [True, False], ids=["fresh process", "same process"])
async def test_deleted_newest_entry_freezes(
    make_ledger: MakeLedger, redis: Redis, fresh: bool
) -> None:
    ledger = make_ledger()
    request = await file(ledger)
    change = approved(request, SATO, await ledger.now())
    await step(ledger, change, "yes")
    await redis.xdel("{sekisho}:audit", "2-0")
    other = make_ledger() if fresh else ledger
    with pytest.raises(LedgerFrozen):
        await file(other, "more", ports=(23,))


@pytest.mark.proves("FAULT-15")
async def test_deleted_request_is_said_and_nothing_is_written(ledger: Ledger, redis: Redis) -> None:
    request = await file(ledger)
    await redis.delete(f"{{sekisho}}:request:{request.id}")
    change = approved(request, SATO, await ledger.now())
    with pytest.raises(LedgerUnavailable, match="is gone from Redis"):
        await ledger.record(change, op_id=OpId("click"))
    assert ledger.highest_head.sequence == 1
