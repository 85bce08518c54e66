"""A sandbox with a real Bolt app connected to it by Socket Mode."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.slack import SandboxSlack
from sandbox.world.clock import SandboxClock
from tests.sandbox_slack.peer import Peer


@pytest.fixture
def clock() -> SandboxClock:
    """The sandbox's clock."""
    return SandboxClock()


@pytest.fixture
async def slack(clock: SandboxClock) -> AsyncIterator[SandboxSlack]:
    """A running sandbox that nobody is connected to."""
    sandbox = SandboxSlack(clock)
    sandbox.limits.messages_per_second = 1000.0
    sandbox.limits.message_burst = 1000
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def peer(slack: SandboxSlack) -> AsyncIterator[Peer]:
    """A Bolt app without listeners, connected."""
    bolt = Peer(slack)
    await bolt.connect()
    yield bolt
    await bolt.close()
