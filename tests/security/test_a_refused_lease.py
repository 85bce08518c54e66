"""A Redis that refuses writes for a while ends no leader for ever: deadlines go on afterwards."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from approvals.ledger import Ledger, LedgerUnavailable
from bot import embedded
from tests.redis_fixtures import KEYS

TTL = timedelta(seconds=5)


@pytest.mark.proves("FAULT-14", "M7")
async def test_a_lease_that_redis_refuses_is_unavailable_and_had_later(tmp_path: Path) -> None:
    server = await embedded.start(tmp_path, os.environ)
    client = server.client()
    ledger = Ledger(client, KEYS)
    try:
        lease = await ledger.lease("main", "here", TTL)
        assert lease is not None
        await client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
        with pytest.raises(LedgerUnavailable, match="ReadOnly"):
            await ledger.lease("main", "here", TTL)
        with pytest.raises(LedgerUnavailable, match="ReadOnly"):
            await ledger.renew(lease)
        with pytest.raises(LedgerUnavailable, match="ReadOnly"):
            await ledger.release(lease)
        await client.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
        assert await ledger.renew(lease)
    finally:
        await client.aclose()
        await server.stop()
