"""From an alert in Azure to its card in Slack, beyond the wait for the next poll."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from redis.asyncio import Redis

from benchmarks.clicks import bot
from benchmarks.figures import Figure, Unit
from benchmarks.ground import Ground
from sandbox.azure import SandboxAzure
from sandbox.azure.alerts import SandboxAlert
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import demo_estate

TAG = "raised"
GRAPH = "/providers/microsoft.resourcegraph/resources"
#: A poll every 10 s, and what follows it.
CARD_SECONDS = 40.0
LOOK_SECONDS = 0.004
#: The first one opens connections.
WARM = 1


async def raised(ground: Ground, count: int) -> Figure:
    """One alert after another, each raised at another moment between two polls."""
    folder = ground.folder / "azure-raised"
    folder.mkdir()
    azure = SandboxAzure(demo_estate(), SandboxClock(), state_dir=folder)
    await azure.start()
    try:
        async with bot(ground, TAG, "benchmarks.bot_process", changes=_changes(azure)):
            await azure.wait(lambda: bool(_polls(azure)), CARD_SECONDS)
            async with Redis(unix_socket_path=str(ground.valkey.socket), protocol=2) as redis:
                samples = [await _one(azure, redis, number) for number in range(count + WARM)]
    finally:
        await azure.stop()
    return Figure(
        "raised",
        "alert's poll to card posted",
        Unit.MILLISECONDS,
        tuple(samples[WARM:]),
        note="from the arrival of the poll that shows the alert; decode, ingest, group, draw, post",
    )


def _changes(azure: SandboxAzure) -> dict[str, str]:
    return {
        "SEKISHO_AUDIT__CHANNEL": "C0GENERAL",
        "SEKISHO_AZURE__RESOURCE_MANAGER": azure.url,
        "SEKISHO_AZURE__AUTHORITY": azure.authority,
        "SEKISHO_AZURE__LOG_ANALYTICS": azure.log_analytics_url,
        "SEKISHO_AZURE__GRAPH": azure.graph_url,
        "SEKISHO_AZURE__CA_FILE": str(azure.ca_file),
        "SEKISHO_AZURE__TENANT_ID": azure.tenant_id,
        "SEKISHO_AZURE__CLIENT_ID": azure.client_id,
        "SEKISHO_AZURE__CLIENT_SECRET": azure.client_secret,
    }


def _polls(azure: SandboxAzure) -> list[float]:
    """When Resource Graph was asked, in seconds since 1970."""
    found = (exchange for exchange in azure.received if exchange.path.lower() == GRAPH)
    return [exchange.at.timestamp() for exchange in found]


async def _one(azure: SandboxAzure, redis: Redis, number: int) -> float:
    """Milliseconds from the first poll that can show the alert to the card's address in Redis."""
    await asyncio.sleep(1.3 * (number % 7))
    alert = azure.raise_alert("web-01", severity="High", title=f"Suspicious command {number}")
    shown_at = time.time()
    key = f"{{{TAG}}}:address:alert:{_key(alert)}"
    ends_at = time.monotonic() + CARD_SECONDS
    while not await cast(Any, redis.exists(key)):
        if time.monotonic() > ends_at:
            raise TimeoutError(f"alert {number} was not posted")
        await asyncio.sleep(LOOK_SECONDS)
    posted_at = time.time()
    poll = next(at for at in _polls(azure) if at >= shown_at)
    return (posted_at - poll) * 1000


def _key(alert: SandboxAlert) -> str:
    return str(alert.properties["systemAlertId"]).lower()
