"""Servers for tests of the ledger: one embedded Valkey for the session, empty for every test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from approvals.entry import AuditKeys
from approvals.ledger import Ledger
from bot.embedded import Embedded, start
from bot.redis_client import connect

KEYS = AuditKeys("k1", {"k1": b"0123456789abcdef0123456789abcdef"})


@pytest.fixture(scope="session")
def audit_keys() -> AuditKeys:
    return KEYS


@pytest.fixture(scope="session")
async def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Embedded]:
    """One server for the session, with the product's own options."""
    server = await start(tmp_path_factory.mktemp("valkey"), os.environ)
    yield server
    await server.stop()


@pytest.fixture
async def valkey(valkey_server: Embedded) -> AsyncIterator[Embedded]:
    """The session's server, empty."""
    client = valkey_server.client()
    await client.flushall()
    yield valkey_server
    await client.aclose()


@pytest.fixture
async def redis(valkey: Embedded) -> AsyncIterator[Redis]:
    """A client of the empty server, as the product makes it."""
    client = valkey.client()
    yield client
    await client.aclose()


@pytest.fixture
async def ledger(redis: Redis) -> Ledger:
    return Ledger(redis, KEYS)


MakeLedger = Callable[..., Ledger]


@pytest.fixture
async def make_ledger(valkey: Embedded) -> AsyncIterator[MakeLedger]:
    """Ledgers with connections of their own: each is another process of the bot."""
    clients: list[Redis] = []

    def make(*, url: str = "", offset: timedelta = timedelta(0), keys: AuditKeys = KEYS) -> Ledger:
        clients.append(connect(url or valkey.url))
        return Ledger(clients[-1], keys, clock=lambda: offset)

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[Embedded]:
    """A server of the test's own, to be killed and configured at will."""
    server = await start(tmp_path / "own valkey", os.environ)
    yield server
    await server.kill()
