"""`sekisho run` from nothing to the first payload answered, and what it then holds in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from benchmarks import payloads
from benchmarks.children import Child, spawn
from benchmarks.children import child as started
from benchmarks.figures import Figure, Unit
from benchmarks.ground import Ground, free_port
from benchmarks.link import Link
from benchmarks.load import NoAnswer, client
from bot import embedded

#: The line that everybody may type and that needs neither Azure nor the ledger.
LINE = "help"
POLL_SECONDS = 0.01
START_SECONDS = 60.0
#: After this the estate is read, the groups too, and nothing is under way.
IDLE_AFTER_SECONDS = 8.0


async def ready(ground: Ground, rounds: int) -> list[Figure]:
    """Both modes, and the memory of one that is left alone. The first start compiles."""
    by_socket: list[float] = []
    by_http: list[float] = []
    bare: list[float] = []
    memory: list[float] = []
    bare_memory: list[float] = []
    link = Link()
    await link.start()
    try:
        for number in range(rounds + 1):
            seconds, megabytes = await _bare(ground)
            bare.append(seconds)
            bare_memory = [megabytes]
            async with _started(ground, f"start-{number}", "socket", link) as (seconds, _):
                by_socket.append(seconds)
            async with _started(ground, f"begin-{number}", "http", link) as (seconds, child):
                by_http.append(seconds)
                if number == rounds:
                    await asyncio.sleep(IDLE_AFTER_SECONDS)
                    memory.append(resident_megabytes(child.pid))
    finally:
        await link.stop()
    # The first start of each compiles, as an installation does.
    return [
        Figure(
            "ready_socket", "start to ready, Socket Mode", Unit.SECONDS,
            tuple(by_socket[1:]), tuple(bare[1:]),
            note="the floor imports Bolt, aiohttp and redis-py and answers; ours starts Valkey too",
        ),
        Figure(
            "ready_http", "start to ready, signed HTTP", Unit.SECONDS,
            tuple(by_http[1:]), tuple(bare[1:]),
        ),
        Figure(
            "memory", "resident memory, idle", Unit.MEGABYTES, tuple(memory), tuple(bare_memory),
            note="estate read, Azure's SDK imported, before the first single-machine read",
        ),
    ]  # fmt: skip


async def _bare(ground: Ground) -> tuple[float, float]:
    """An empty bot: seconds to its first answer, megabytes then."""
    began = time.perf_counter()
    environ = ground.environment("bare")
    words = ["benchmarks.floor_start"]
    async with started("bare", words, environ, ground.folder) as (child, line):
        with client(msgspec.json.decode(line, type=dict[str, int])["port"]) as opened:
            opened.acked(payloads.signer(ground).command(payloads.command(LINE)))
        return time.perf_counter() - began, resident_megabytes(child.pid)


@asynccontextmanager
async def _started(
    ground: Ground, tag: str, mode: str, link: Link
) -> AsyncIterator[tuple[float, Child]]:
    """A fresh process on a fresh folder, once it has answered."""
    port = free_port()
    changes = {
        "SEKISHO_REDIS__URL": f"embedded:{ground.folder / tag}",
        "SEKISHO_HTTP__PORT": str(port),
        **link.settings,
    }
    environ = ground.environment(tag, mode=mode, changes=changes)
    link.forget("bot")
    began = time.perf_counter()
    child = await spawn(tag, ["bot.cli", "run"], environ, ground.folder)
    try:
        async with asyncio.timeout(START_SECONDS):
            if mode == "socket":
                await link.connected("bot")
                await link.send("bot", payloads.command(LINE), kind="slash_commands")
            else:
                await _answers(ground, child, port)
        yield time.perf_counter() - began, child
    finally:
        await child.stop()
        if child.process.returncode != 0:  # killed: its server lives on
            server = await embedded.start(ground.folder / tag, environ)
            await server.stop()


async def _answers(ground: Ground, child: Child, port: int) -> None:
    signer = payloads.signer(ground)
    while True:
        if child.process.returncode is not None:
            raise child.failed()
        try:
            with client(port) as opened:
                opened.acked(signer.command(payloads.command(LINE)))
                return
        except ConnectionRefusedError:
            await asyncio.sleep(POLL_SECONDS)
        except NoAnswer as error:
            raise child.failed() from error


def resident_megabytes(pid: int) -> float:
    """VmRSS, in MB of a million bytes as the target has them."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError("no VmRSS")
