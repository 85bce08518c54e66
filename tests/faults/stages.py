"""Stages for tests of faults: the bot in this process, its Redis behind the proxy or killed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from bot import embedded
from sandbox.slack import Message
from tests.proxy import Proxy
from tests.stage import Stage, set_stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"
#: The machine may be busy with other things.
PATIENCE = 20.0


async def ask(stage: Stage, line: str = LINE, who: str = "alice") -> Message:
    """The newest card that waits for its approvers."""
    before = {message.ts for message in stage.slack.channel("C0OPS").messages}
    await stage.slack.person(who).command("C0OPS", line)
    channel = stage.slack.channel("C0OPS")

    def card() -> Message | None:
        fresh = [m for m in channel.messages if m.ts not in before and not m.thread_ts]
        return next((m for m in fresh if "needed" in m.all_text()), None)

    await eventually(lambda: card() is not None)
    found = card()
    assert found is not None
    return found


async def approve(stage: Stage, card: Message, who: str = "suzuki") -> None:
    await stage.slack.person(who).click(card, "jit_approve")


async def eventually(condition: Callable[[], object], within: float = PATIENCE) -> None:
    """Wait for a condition, with a bound."""
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come true"
        await asyncio.sleep(0.01)


async def in_time(condition: Callable[[], Awaitable[object]], within: float = PATIENCE) -> None:
    """Wait for an asynchronous condition, with a bound."""
    deadline = asyncio.get_running_loop().time() + within
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come true"
        await asyncio.sleep(0.02)


def said(stage: Stage, card: Message, text: str) -> int:
    """How often the card's thread says this."""
    return sum(text in m.all_text() for m in stage.slack.channel("C0OPS").thread(card.ts))


def told(stage: Stage, who: str, text: str) -> int:
    """How often the bot wrote this to somebody directly."""
    return sum(text in message.all_text() for message in stage.slack.person(who).dms())


class Steps:
    """Something happens once at a named step of opening or closing."""

    def __init__(self) -> None:
        self.at: dict[str, Callable[[], Awaitable[object] | None]] = {}
        self.passed: list[str] = []

    async def __call__(self, step: str) -> None:
        self.passed.append(step)
        act = self.at.pop(step, None)
        waits = act() if act is not None else None
        if waits is not None:
            await waits


async def stage_behind_proxy(folder: Path, steps: Steps) -> tuple[Stage, embedded.Embedded, Proxy]:
    """The bot's Redis is reached through our own proxy, which loses and delays."""
    stage = await set_stage(folder)
    stage.failpoint = steps
    server = await embedded.start(folder / "ledger", os.environ)
    proxy = await Proxy(server.socket).__aenter__()
    redis = replace(stage.settings.redis, url=proxy.url)
    stage.settings = replace(stage.settings, redis=redis)
    await stage.start_bot()
    return stage, server, proxy
