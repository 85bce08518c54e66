"""FAULT-16: a key of the wrong type, each in turn: no state without its entry, nor the reverse."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from approvals.events import OpId
from approvals.ledger import Ledger, LedgerError
from tests.approvals.samples import ALICE, SATO, WEB_01, approved, file, submitted

KEYS_OF_A_STEP = [
    "audit",
    "op:click",
    "deadlines",
    "requests:open",
    "requests:pending",
    "requests:active",
    "number",
    "request:1",
    f"requests:person:{ALICE}",
    f"requests:vm:{WEB_01.resource_id.casefold()}",
    "same",
]


async def spoil(redis: Redis, name: str) -> str:
    """Replace the key by a list, which the ledger uses nowhere."""
    key = f"{{sekisho}}:{name}"
    if name == "same":
        found = [k async for k in redis.scan_iter("{sekisho}:same:*")]
        key = found[0].decode() if isinstance(found[0], bytes) else str(found[0])
    await redis.delete(key)
    await redis.rpush(key, "spoilt")
    return key


async def everything(redis: Redis) -> dict[bytes | str, bytes | None]:
    return {key: await redis.dump(key) for key in sorted(await redis.keys())}


@pytest.mark.proves("FAULT-16", "J1")
@pytest.mark.parametrize("name", KEYS_OF_A_STEP)
async def test_decision_over_a_spoilt_key_writes_nothing(
    ledger: Ledger, redis: Redis, name: str
) -> None:
    request = await file(ledger)
    change = approved(request, SATO, await ledger.now())
    await spoil(redis, name)
    before = await everything(redis)
    with pytest.raises(LedgerError):
        await ledger.record(change, op_id=OpId("click"))
    assert await everything(redis) == before


@pytest.mark.proves("FAULT-16")
@pytest.mark.parametrize("name", [n for n in KEYS_OF_A_STEP if n not in ("request:1", "same")])
async def test_submission_over_a_spoilt_key_writes_nothing(
    ledger: Ledger, redis: Redis, name: str
) -> None:
    event = submitted(await ledger.now())
    await spoil(redis, name)
    before = await everything(redis)
    with pytest.raises(LedgerError):
        await ledger.submit(event, actor=ALICE, op_id=OpId("click"))
    assert await everything(redis) == before
