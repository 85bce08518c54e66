"""Payloads to ack: clicks and commands, over signed HTTP and over Socket Mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from redis.asyncio import Redis

from approvals.request import Request
from benchmarks import payloads
from benchmarks.children import child
from benchmarks.estates import demo_cache
from benchmarks.figures import Figure, Unit
from benchmarks.floor import floor
from benchmarks.ground import Ground, file_requests, ledger_of, read_settings
from benchmarks.link import Link
from benchmarks.load import REST_SECONDS, Client, alternate, client
from bot.locales import load

#: Left out of the figures: first imports of lazily made objects, the script's first EVAL.
WARM = 20

#: Decisions one after another while the whole bot works: far more than a team makes.
WHOLE_EVERY_SECONDS = 0.5

#: What was asked is read from Azure and filed after the ack; it must not meet the next sample.
COMMAND_REST_SECONDS = 0.06

#: VMs of the sandbox with JIT on port 22, so that what follows a click really opens.
VMS = tuple(f"web-{number:02}" for number in range(1, 8))

EDGE = ("benchmarks.bot_process", "--edge")


class NotRecorded(Exception):
    """Clicks that were answered changed nothing: their time says nothing."""


async def click_http(ground: Ground, count: int) -> Figure:
    """Ours without consequences, beside the floor."""
    total = count + WARM
    requests = await prepare(ground, "click", total)
    async with (
        floor(ground, "click-floor", total) as (_, bare, bare_requests),
        bot(ground, "click", *EDGE) as port,
    ):
        signer, locale = payloads.signer(ground), payloads.english(load("en"))
        sent = [
            (
                signer.interactive(payloads.click(mine, locale)),
                signer.interactive(payloads.click(other, locale)),
            )
            for mine, other in zip(requests, bare_requests, strict=True)
        ]
        with client(port) as ours, client(bare["port"]) as theirs:
            pair = await asyncio.to_thread(alternate, ours, theirs, sent, warm=WARM)
    await require_decided(ground, "click")
    title = "click to ack, signed HTTP"
    return Figure("click_http", title, Unit.MILLISECONDS, pair.ours, pair.floor)


async def click_socket(ground: Ground, count: int) -> Figure:
    """The same over Socket Mode; the floor keeps the head in memory and reads nothing."""
    total = count + WARM
    requests = await prepare(ground, "socket", total)
    link = Link()
    await link.start()
    try:
        async with (
            floor(ground, "socket-floor", total, link=link.url("floor")) as (_, _, bare_requests),
            bot(ground, "socket", *EDGE, mode="socket", changes=link.settings),
        ):
            await link.connected("bot")
            await link.connected("floor")
            locale = payloads.english(load("en"))
            ours, bare = [], []
            for mine, other in zip(requests, bare_requests, strict=True):
                bare.append(await link.send("floor", payloads.click(other, locale)))
                ours.append(await link.send("bot", payloads.click(mine, locale)))
                await asyncio.sleep(REST_SECONDS)
    finally:
        await link.stop()
    await require_decided(ground, "socket")
    return Figure(
        "click_socket",
        "click to ack, Socket Mode",
        Unit.MILLISECONDS,
        tuple(ours[WARM:]),
        tuple(bare[WARM:]),
    )


async def command(ground: Ground, count: int) -> Figure:
    """`/jit …` to "checking": the line parsed, the VM found, the draft kept, the answer drawn.

    The floor writes the same draft and answers with the text it was sent.
    """
    total = count + WARM
    await demo_cache(ground, "command")
    async with (
        floor(ground, "command-floor", 1) as (_, bare, _),
        bot(ground, "command", *EDGE) as port,
    ):
        signer = payloads.signer(ground)
        lines = [
            f"web-01 22 for 2h from 203.0.113.{number % 250 + 1} because deploy fix {number}"
            for number in range(total)
        ]
        sent = [
            (
                signer.command(payloads.command(line)),
                signer.command(payloads.command(line)),
            )
            for line in lines
        ]
        with client(port) as ours, client(bare["port"]) as theirs:
            pair = await asyncio.to_thread(
                alternate, ours, theirs, sent, warm=WARM, rest=COMMAND_REST_SECONDS
            )
    return Figure(
        "command", "slash command to ack", Unit.MILLISECONDS, pair.ours, pair.floor,
    )  # fmt: skip


async def click_whole(ground: Ground, count: int) -> Figure:
    """The same click while the whole bot works off what earlier clicks have started."""
    total = count + WARM
    requests = await prepare(ground, "whole", total, vms=VMS)
    async with bot(ground, "whole", "benchmarks.bot_process") as port:
        signer, locale = payloads.signer(ground), payloads.english(load("en"))
        sent = [signer.interactive(payloads.click(mine, locale)) for mine in requests]
        with client(port) as ours:
            samples = await asyncio.to_thread(_paced, ours, sent)
    await require_decided(ground, "whole")
    return Figure(
        "click_whole",
        "click to ack, whole bot at work",
        Unit.MILLISECONDS,
        samples[WARM:],
        note="two clicks a second; what earlier ones started runs in the same process",
    )


@asynccontextmanager
async def bot(
    ground: Ground,
    tag: str,
    *words: str,
    mode: str = "http",
    changes: Mapping[str, str] | None = None,
) -> AsyncIterator[int]:
    """The bot in a process of its own; gives its port (0 in Socket Mode)."""
    environ = ground.environment(tag, mode=mode, changes=changes)
    async with child(tag, words, environ, ground.folder) as (_, line):
        yield msgspec.json.decode(line, type=dict[str, int])["port"]


async def prepare(
    ground: Ground, tag: str, count: int, *, vms: tuple[str, ...] = ()
) -> list[Request]:
    """Pending requests in a workspace of their own."""
    settings = read_settings(ground.environment(tag))
    async with Redis(unix_socket_path=str(ground.valkey.socket), protocol=2) as redis:
        return await file_requests(ledger_of(settings, redis), count, vms=vms)


async def pending(ground: Ground, tag: str) -> int:
    """Requests that nobody has decided."""
    settings = read_settings(ground.environment(tag))
    async with Redis(unix_socket_path=str(ground.valkey.socket), protocol=2) as redis:
        return int(await redis.zcard(ledger_of(settings, redis).store.keys.pending))


async def require_decided(ground: Ground, tag: str) -> None:
    """A click that was refused would look fast."""
    left = await pending(ground, tag)
    if left:
        raise NotRecorded(f"{left} clicks changed nothing")


def _paced(ours: Client, sent: list[bytes]) -> tuple[float, ...]:
    samples = []
    for request in sent:
        samples.append(ours.acked(request))
        time.sleep(WHOLE_EVERY_SECONDS)
    return tuple(samples)
