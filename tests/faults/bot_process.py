"""The bot as a process of its own, for tests that kill it: `python -m tests.faults.bot_process`.

It reads its settings from the environment, like `sekisho run`, and dies by SIGKILL at the step that
KILL_AT names; the step's name is written to KILL_NOTE first. CLOCK_SKEW moves this process's wall
clock by so many seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

from approvals.events import Approved
from approvals.ledger import Change, Ledger, Outcome
from bot.service import Service
from tests.stage import QUICK, read_settings

#: Shorter still: what a killed process began is judged after this.
TIMING = replace(QUICK, send_within=timedelta(seconds=1.5))
LEASE_TTL = timedelta(seconds=1)


def die(step: str) -> None:
    """As the kernel would end it: nothing is cleaned up."""
    Path(os.environ["KILL_NOTE"]).write_text(step, encoding="ascii")
    os.kill(os.getpid(), signal.SIGKILL)


async def failpoint(step: str) -> None:
    if step == os.environ.get("KILL_AT"):
        die(step)


def watch_decisions(ledger: Ledger) -> None:
    """Two steps more: right before and right after the approval is written."""
    record: Callable[..., Coroutine[Any, Any, Outcome]] = ledger.record

    async def watched(changes: Sequence[Change] | Change, **rest: Any) -> Outcome:
        is_yes = isinstance(changes, Change) and isinstance(changes.event, Approved)
        if is_yes:
            await failpoint("before-decision")
        outcome = await record(changes, **rest)
        if is_yes:
            await failpoint("after-decision")
        return outcome

    ledger.record = watched  # type: ignore[method-assign]


async def main() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    service = Service(
        read_settings(dict(os.environ)),
        timing=TIMING,
        failpoint=failpoint,
        claim_idle=timedelta(seconds=float(os.environ.get("CLAIM_IDLE", "0.5"))),
        lease_ttl=LEASE_TTL,
        post_interval=0.0,
    )
    await service.start()
    watch_decisions(service.ledger)
    while not service.estate.askable.machines:
        await asyncio.sleep(0.02)
    print(json.dumps({"ready": True}), flush=True)
    await stopping.wait()
    await service.stop()


if __name__ == "__main__":
    with ExitStack() as stack:
        if skew := float(os.environ.get("CLOCK_SKEW", "0")):
            wrong = datetime.now(UTC) + timedelta(seconds=skew)
            stack.enter_context(time_machine.travel(wrong, tick=True))
        asyncio.run(main())
        sys.exit(0)
