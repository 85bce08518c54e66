"""Real processes for tests of faults: bots that may be killed, a Valkey that outlives them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from redis.asyncio import Redis

from approvals.audit.verify import verify
from approvals.entry import Entry
from approvals.events import RequestId, State
from approvals.ledger import Ledger
from approvals.request import Request
from bot import embedded
from bot.settings import Settings
from sandbox.azure import SandboxAzure
from sandbox.azure.exchange import Exchange
from sandbox.slack import Message, SandboxSlack
from sandbox.world.clock import SandboxClock
from tests.stage import DEMO_CONFIG, environment, read_settings, set_stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"
#: The machine may be busy with other things.
PATIENCE = 40.0


@dataclass(slots=True)
class Bot:
    """One process of the bot."""

    pid: int
    note: Path
    log: Path

    @property
    def is_alive(self) -> bool:
        """Its parent keeps no zombies, so a number that is there is a process that runs."""
        return Path(f"/proc/{self.pid}").exists()

    async def died(self) -> str:
        """Wait until it was killed at its step; the step's name."""
        try:
            await eventually(lambda: not self.is_alive)
            return self.note.read_text(encoding="ascii")
        except (AssertionError, OSError) as error:
            raise AssertionError(self.log.read_text()) from error

    async def kill(self) -> None:
        """As the kernel would end it, whatever it is doing."""
        os.kill(self.pid, signal.SIGKILL)
        await eventually(lambda: not self.is_alive)


@dataclass(slots=True)
class World:
    """Slack, Azure and Valkey in or beside this process; bots come and go."""

    folder: Path
    slack: SandboxSlack
    azure: SandboxAzure
    clock: SandboxClock
    settings: Settings
    valkey: embedded.Embedded
    redis: Redis
    ledger: Ledger
    config: Path = DEMO_CONFIG
    bots: list[Bot] = field(default_factory=list)
    #: the process of which every bot is forked.
    nursery: asyncio.subprocess.Process | None = None

    async def start_bot(self, kill_at: str = "", **extra: str) -> Bot:
        """A process that answers Slack and knows the VMs."""
        bot = await self._fork(kill_at, extra)
        try:
            while await self._heard("ready") != bot.pid:
                pass  # of one that has died since
        except (TimeoutError, ValueError) as error:
            raise AssertionError(bot.log.read_text()) from error
        return bot

    async def killed_at(self, step: str, turn: int = 1, **extra: str) -> None:
        """A process that comes to this step and dies, be it ready by then or not."""
        bot = await self._fork(step, {"KILL_TURN": str(turn), **extra})
        assert await bot.died() == step

    async def _fork(self, kill_at: str, extra: dict[str, str]) -> Bot:
        nursery = await self._started_nursery()
        note = self.folder / f"killed-{len(self.bots)}"
        log = self.folder / f"bot-{len(self.bots)}.log"
        env = environment(
            self.slack, self.azure, f"embedded:{self.valkey.folder}", self.folder / "clock-offset"
        )
        env |= {"BOT_CONFIG": str(self.config), "BOT_LOG": str(log)}
        env |= {"KILL_AT": kill_at, "KILL_NOTE": str(note), **extra}
        assert nursery.stdin is not None
        nursery.stdin.write(json.dumps(env).encode() + b"\n")
        bot = Bot(await self._heard("forked"), note, log)
        self.bots.append(bot)
        return bot

    async def _heard(self, word: str) -> int:
        """The process of which the nursery says this next."""
        assert self.nursery is not None
        assert self.nursery.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while True:
                said = json.loads(await self.nursery.stdout.readline())
                if word in said:
                    return int(said[word])

    async def _started_nursery(self) -> asyncio.subprocess.Process:
        if self.nursery is None:
            self.nursery = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.faults.bot_process",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        return self.nursery

    async def ask(self, line: str = LINE, who: str = "alice") -> Message:
        """The card of a request that waits for its approvers."""
        await self.slack.person(who).command("C0OPS", line)
        return await self.slack.wait_message("C0OPS", containing="needed", timeout=PATIENCE)

    async def wait_state(self, state: State, number: int = 1) -> Request:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            request = await self.ledger.read(RequestId(str(number)))
            if request is not None and request.state is state:
                return request
            assert asyncio.get_running_loop().time() < deadline, request
            await asyncio.sleep(0.02)

    async def entries(self) -> list[Entry]:
        """The whole audit log, checked."""
        assert (await verify(self.ledger.store, self.ledger.keys)).is_good
        head = await self.ledger.refresh()
        found = [await self.ledger.entry(n) for n in range(1, head.sequence + 1)]
        return [entry for entry in found if entry is not None]

    def accepted(self) -> list[Exchange]:
        """Requests to open that Azure took, our own closings left out."""
        return [
            found
            for found in self.azure.initiates
            if (found.status or 202) < 300  # None: the answer never went out
            and "-close:" not in str((found.body or {})["justification"])
        ]

    def assert_opened_once(self) -> None:
        """I4: never two ends, sources or port sets for one approval, and open right now."""
        bodies = [found.body or {} for found in self.accepted()]
        assert bodies
        assert all(body == bodies[0] for body in bodies)
        assert len(self.azure.open_ports()) == 1

    async def stop(self) -> None:
        for bot in self.bots:
            if bot.is_alive:
                await bot.kill()
        if self.nursery is not None:
            self.nursery.kill()
            await self.nursery.wait()
        await self.redis.aclose()
        await self.valkey.kill()
        await self.slack.stop()
        await self.azure.stop()


async def make_world(folder: Path) -> World:
    stage = await set_stage(folder)
    valkey = await embedded.start(folder / "ledger", os.environ)
    redis = valkey.client()
    url = f"embedded:{valkey.folder}"
    settings = read_settings(environment(stage.slack, stage.azure, url, folder / "clock-offset"))
    ledger = Ledger(
        redis, settings.audit.keys, tag=settings.redis.tag, clock=lambda: stage.clock.offset
    )
    return World(folder, stage.slack, stage.azure, stage.clock, settings, valkey, redis, ledger)


def count(messages: list[Message], text: str) -> int:
    return sum(text in message.all_text() for message in messages)


async def eventually(condition: object, within: float = PATIENCE) -> None:
    """Wait for a callable to be true, with a bound."""
    assert callable(condition)
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come true"
        await asyncio.sleep(timedelta(milliseconds=10).total_seconds())
