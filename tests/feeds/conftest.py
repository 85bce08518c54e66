"""A store of alerts on a real server, and the posting side behind it."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from feeds.store import AlertStore
from tests.delivery.conftest import desk, outbox, slack

__all__ = ["desk", "outbox", "slack", "store"]


@pytest.fixture
async def store(redis: Redis) -> AlertStore:
    return AlertStore(redis, tag="test")
