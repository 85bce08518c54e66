"""The sandbox's Azure and the product's own clients in front of it, over https on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from defender.clients import AzureClients
from defender.settings import AzureSettings
from sandbox.azure import SandboxAzure
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import demo_estate


def settings_of(azure: SandboxAzure, *subscriptions: str) -> AzureSettings:
    """What the product is told, to reach every service of this sandbox."""
    return AzureSettings(
        subscriptions=subscriptions,
        resource_manager=azure.url,
        log_analytics=azure.log_analytics_url,
        graph=azure.graph_url,
        authority=azure.authority,
        ca_file=azure.ca_file,
        tenant_id=azure.tenant_id,
        client_id=azure.client_id,
        client_secret=azure.client_secret,
        disable_instance_discovery=True,
    )


@asynccontextmanager
async def sandboxed(
    folder: Path, *, clock: SandboxClock | None = None, settle: timedelta = timedelta()
) -> AsyncIterator[tuple[SandboxAzure, AzureClients]]:
    """The demo estate from here to the end; `settle`: how long Azure takes for what it was told."""
    clock = clock or SandboxClock()
    azure = SandboxAzure(demo_estate(), clock, state_dir=folder, settle=settle)
    await azure.start()
    try:
        async with AzureClients(settings_of(azure)) as clients:
            await clients.warm()
            yield azure, clients
    finally:
        await azure.stop()
