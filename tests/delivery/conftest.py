"""A deliverer between the sandbox's Slack and a real Redis server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from delivery.outbox import Outbox
from sandbox.slack import SandboxSlack
from sandbox.world.clock import SandboxClock
from tests.delivery.desk import Desk


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    """A workspace without a speed limit; a test that is about the limit sets it."""
    sandbox = SandboxSlack(SandboxClock())
    sandbox.limits.messages_per_second = 10_000.0
    sandbox.limits.message_burst = 10_000
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def outbox(redis: Redis) -> Outbox:
    return Outbox(redis, tag="test")


@pytest.fixture
async def desk(slack: SandboxSlack, outbox: Outbox) -> AsyncIterator[Desk]:
    """One process that posts."""
    made = Desk(slack, outbox)
    yield made
    await made.close()
