"""Fixtures of the gateway's tests: Resource Manager on loopback and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from defender.clients import AzureClients
from tests.defender.wire import Wire


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    """A Resource Manager that answers what the test lays out."""
    server = Wire(tmp_path)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def clients(wire: Wire) -> AsyncIterator[AzureClients]:
    """The product's own clients, pointed at it."""
    async with AzureClients(wire.settings()) as made:
        await made.warm()
        yield made
