"""From the entry `approved` to Azure's receipt of `initiate`."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from redis.asyncio import Redis

from approvals import entry as entries_of
from approvals.events import Approved, RequestId
from approvals.request import Request
from approvals.store import parse_entries
from benchmarks import payloads
from benchmarks.clicks import VMS, bot, prepare
from benchmarks.figures import Figure, Unit
from benchmarks.ground import Ground, ledger_of, read_settings
from benchmarks.load import client
from bot.locales import load
from sandbox.azure import SandboxAzure
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import demo_estate

TAG = "initiate"
#: The first ones fetch a token and open connections.
WARM = 3
#: An opening that takes longer has failed.
OPENING_SECONDS = 45.0
#: One opening reads Azure about ten times, all told, and the bot takes ten reads a second of each
#: subscription's share at length (`defender.pacing`): faster clicks would measure that.
REST_SECONDS = 1.2


async def initiate(ground: Ground, count: int) -> Figure:
    """Clicks one after another; Azure is in this process, to note when each request arrives."""
    azure = SandboxAzure(demo_estate(), SandboxClock(), state_dir=_folder(ground))
    await azure.start()
    try:
        requests = await prepare(ground, TAG, count + WARM, vms=VMS)
        changes = {
            # another figure's bot has put its anchors into the usual one: ours would freeze
            "SEKISHO_AUDIT__CHANNEL": "C0GENERAL",
            "SEKISHO_AZURE__RESOURCE_MANAGER": azure.url,
            "SEKISHO_AZURE__AUTHORITY": azure.authority,
            "SEKISHO_AZURE__CA_FILE": str(azure.ca_file),
            "SEKISHO_AZURE__TENANT_ID": azure.tenant_id,
            "SEKISHO_AZURE__CLIENT_ID": azure.client_id,
            "SEKISHO_AZURE__CLIENT_SECRET": azure.client_secret,
        }
        async with bot(ground, TAG, "benchmarks.bot_process", changes=changes) as port:
            await _click_all(ground, port, requests, azure)
        received = _received(azure)
        approved = await _approved(ground)
    finally:
        await azure.stop()
    samples = [received[name] - approved[name] for name in approved if name in received]
    return Figure(
        "initiate",
        "approved to initiate received",
        Unit.MILLISECONDS,
        tuple(samples[WARM:]),
        note="from the instant of the entry; Azure is the sandbox, https on loopback",
    )


def _folder(ground: Ground) -> Path:
    folder = ground.folder / "azure"
    folder.mkdir()
    return folder


async def _click_all(
    ground: Ground, port: int, requests: list[Request], azure: SandboxAzure
) -> None:
    signer, locale = payloads.signer(ground), payloads.english(load("en"))
    await azure.wait(lambda: bool(azure.received), OPENING_SECONDS)  # the bot has reached Azure
    with client(port) as ours:
        for number, request in enumerate(requests, start=1):
            sent = signer.interactive(payloads.click(request, locale))
            await asyncio.to_thread(ours.acked, sent)
            await azure.wait(partial(_has_received, azure, number), OPENING_SECONDS)
            await asyncio.sleep(REST_SECONDS)


def _has_received(azure: SandboxAzure, count: int) -> bool:
    return len(azure.initiates) >= count


def _received(azure: SandboxAzure) -> dict[RequestId, float]:
    """When each request's `initiate` arrived, in ms since 1970."""
    found = {}
    for exchange in azure.initiates:
        marker = str((exchange.body or {})["justification"]).split()[0]
        found[RequestId(marker.rpartition(":")[2])] = exchange.at.timestamp() * 1000
    return found


async def _approved(ground: Ground) -> dict[RequestId, float]:
    """The instant of each approval's entry, in ms since 1970."""
    settings = read_settings(ground.environment(TAG))
    async with Redis(unix_socket_path=str(ground.valkey.socket), protocol=2) as redis:
        store = ledger_of(settings, redis).store
        rows = await store.command("XRANGE", store.keys.audit, "-", "+")
    entries = [entries_of.decode(row) for row in parse_entries(rows)]
    return {
        entry.request: entry.at.timestamp() * 1000
        for entry in entries
        if isinstance(entry.event, Approved) and entry.request is not None
    }
