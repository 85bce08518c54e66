"""50 people decide at the same moment, on two processes of the bot; shown for two disks."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from approvals.request import Request
from benchmarks import payloads
from benchmarks.clicks import EDGE, bot, pending, prepare
from benchmarks.figures import Figure, Unit
from benchmarks.ground import Ground
from benchmarks.load import Client, burst
from bot import embedded
from bot.embedded import PROGRAM_VARIABLE, find_server
from bot.locales import load

CLICKS = 50
SLOW_FSYNC_MILLISECONDS = 10

#: A disk in a data centre over the network takes this long; the machine's own takes a tenth.
_SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static int slowly(const char *name, int fd) {
    struct timespec wait = {0, WAIT_MILLISECONDS * 1000000L};
    nanosleep(&wait, 0);
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}
int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }
"""


async def crowd(ground: Ground, rounds: int) -> Figure:
    """On this machine's disk."""
    return await _crowd(ground, rounds, "crowd", "50 clicks at once, two processes")


async def crowd_slow(ground: Ground, rounds: int) -> Figure:
    """With 10 ms added to every fsync; shown as not measured where it can't be."""
    title = f"the same, fsync + {SLOW_FSYNC_MILLISECONDS} ms"
    folder = ground.folder / "slow"
    folder.mkdir()
    program = _slow_server(folder)
    if program is None:
        note = "not shown: no gcc to build the slow fsync with"
        return Figure("crowd_slow", title, Unit.MILLISECONDS, (), note=note)
    valkey = await embedded.start(folder / "valkey", {**os.environ, PROGRAM_VARIABLE: str(program)})
    try:
        slow = replace(ground, valkey=valkey)
        return replace(await _crowd(slow, rounds, "crowd-slow", title), name="crowd_slow")
    finally:
        await valkey.stop()


async def _crowd(ground: Ground, rounds: int, tag: str, title: str) -> Figure:
    requests = await prepare(ground, tag, CLICKS * rounds)
    async with two_bots(ground, tag) as ports:
        clients = [Client(ports[number % 2]) for number in range(CLICKS)]
        samples: list[float] = []
        try:
            for start in range(0, len(requests), CLICKS):
                samples += await _at_once(ground, clients, requests[start : start + CLICKS])
        finally:
            for opened in clients:
                opened.close()
    left = await pending(ground, tag)
    note = f"{len(samples)} clicks, {left} of them answered 'not recorded'"
    return Figure("crowd", title, Unit.MILLISECONDS, tuple(samples), note=note)


@asynccontextmanager
async def two_bots(ground: Ground, tag: str) -> AsyncIterator[tuple[int, int]]:
    """Two processes of one workspace."""
    async with bot(ground, tag, *EDGE) as first, bot(ground, tag, *EDGE) as second:
        yield first, second


async def _at_once(ground: Ground, clients: list[Client], requests: list[Request]) -> list[float]:
    signer, locale = payloads.signer(ground), payloads.english(load("en"))
    sent = [signer.interactive(payloads.click(request, locale)) for request in requests]
    return await asyncio.to_thread(burst, clients, sent)


def _slow_server(folder: Path) -> Path | None:
    """The server behind a script that loads the shim; None without gcc or without LD_PRELOAD."""
    gcc = shutil.which("gcc")
    if gcc is None or sys.platform != "linux":
        return None
    source, library, program = (folder / name for name in ("slow.c", "slow.so", "server"))
    source.write_text(_SHIM.replace("WAIT_MILLISECONDS", str(SLOW_FSYNC_MILLISECONDS)))
    built = subprocess.run(
        [gcc, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=False,
        capture_output=True,
    )  # fmt: skip
    if built.returncode != 0:
        return None
    server = find_server(os.environ)
    program.write_text(f'#!/bin/sh\nLD_PRELOAD="{library}" exec "{server}" "$@"\n')
    program.chmod(0o700)
    return program
