"""Servers for tests of the ledger: one embedded Valkey for the session, clean for every test.

Import the fixtures in a folder's conftest: `from tests.redis_fixtures import *`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from approvals.entry import AuditKeys
from approvals.ledger import Ledger
from bot.embedded import Embedded, start

__all__ = ["audit_keys", "ledger", "make_ledger", "redis", "valkey", "valkey_server"]

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
    await client.config_set("maxmemory", 0)
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


@pytest.fixture
async def make_ledger(valkey: Embedded) -> AsyncIterator[Callable[[], Ledger]]:
    """Ledgers with connections of their own: each is another process of the bot."""
    clients: list[Redis] = []

    def make(offset: timedelta = timedelta(0)) -> Ledger:
        clients.append(valkey.client())
        return Ledger(clients[-1], KEYS, clock=lambda: offset)

    yield make
    for client in clients:
        await client.aclose()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def free_folder(tmp_path: Path, name: str = "valkey") -> Path:
    """A folder for a server of the test's own."""
    return tmp_path / name
