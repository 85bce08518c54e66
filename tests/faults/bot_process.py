"""`sekisho run` as processes of their own, to be killed: `python -m tests.faults.bot_process`.

Each line on standard input is the environment of one more, as JSON. It is forked from this process,
which has everything imported, so that a start takes 0.5 s instead of 3, and is all of
`sekisho run`: command line, settings file, wiring, signals. `QuickBot` shortens the rhythms that a
test would have to wait for; POLL_EVERY says how often it reads the feeds.

A process dies by SIGKILL at the step that KILL_AT names (`tests.faults.steps` adds some to the
product's), the KILL_TURN-th time that it comes by; the step's name is written to KILL_NOTE first.
CLOCK_SKEW moves its wall clock by so many seconds.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import time_machine

import bot.run
from bot.cli import main as sekisho
from bot.service import Service
from bot.settings import Settings
from tests.faults.steps import watch_steps
from tests.stage import QUICK, quickened

#: Shorter still: what a killed process began is judged after this.
TIMING = replace(QUICK, send_within=timedelta(seconds=1.5))
LEASE_TTL = timedelta(seconds=1)
#: What a bot imports while it works.
IMPORTED = ("bot.run", "bot.feeds", "defender.sdk")


def die(step: str) -> None:
    """As the kernel would end it: nothing is cleaned up."""
    Path(os.environ["KILL_NOTE"]).write_text(step, encoding="ascii")
    os.kill(os.getpid(), signal.SIGKILL)


class Failpoint:
    """Called with each step that the process comes by."""

    def __init__(self) -> None:
        self._step = os.environ.get("KILL_AT", "")
        self._left = int(os.environ.get("KILL_TURN", "1"))

    async def __call__(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if not self._left:
                die(step)


class QuickBot(Service):
    """With rhythms for a test; says on standard output when it answers and knows the VMs."""

    def __init__(self, settings: Settings) -> None:
        self._steps = Failpoint()
        every = timedelta(seconds=float(os.environ.get("POLL_EVERY", "0.2")))
        super().__init__(
            quickened(settings, every),
            timing=TIMING,
            failpoint=self._steps,
            claim_idle=timedelta(seconds=float(os.environ.get("CLAIM_IDLE", "0.5"))),
            lease_ttl=LEASE_TTL,
            post_interval=0.0,
        )

    async def _wire_feeds(self) -> None:
        await super()._wire_feeds()
        watch_steps(self, self._steps)

    async def start(self) -> None:
        await super().start()
        while not self.estate.askable.machines:
            await asyncio.sleep(0.02)
        print(json.dumps({"ready": os.getpid()}), flush=True)


def be_the_bot(environ: dict[str, str]) -> int:
    os.environ.update(environ)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # asyncio waits for its own children
    log = os.open(environ["BOT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stderr.fileno())
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    with ExitStack() as stack:
        stack.enter_context(patch.object(bot.run, "Service", QuickBot))
        if skew := float(environ.get("CLOCK_SKEW", "0")):
            wrong = datetime.now(UTC) + timedelta(seconds=skew)
            stack.enter_context(time_machine.travel(wrong, tick=True))
        return sekisho(["run", "--config", environ["BOT_CONFIG"]])


def main() -> int:
    for name in IMPORTED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel clears the dead away
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid == 0:
            return be_the_bot(json.loads(line))
        print(json.dumps({"forked": pid}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
