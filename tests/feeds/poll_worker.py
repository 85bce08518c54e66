"""Pollers as processes of their own, to be killed: `python -m tests.feeds.poll_worker`.

Settings come as one JSON line; each further line forks a poller, which prints its process id. What
Defender knows stands in a file of alerts, in an order that each read shuffles anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bot.redis_client import connect
from defender.alert import Alert
from defender.alerts import AlertBatch
from feeds.settings import SourceName
from feeds.sources import is_since
from tests.feeds.polling import PollDesk


class FileSource:
    """The alerts of a file, a few to a page, some of them twice."""

    name: SourceName = "resource_graph"

    def __init__(self, file: Path, chance: random.Random) -> None:
        self._file = file
        self._chance = chance

    def every(self, *, is_needed: bool) -> timedelta:
        return timedelta(milliseconds=5)

    async def read(self, since: datetime, again: Sequence[str]) -> AsyncIterator[AlertBatch]:
        known = msgspec.json.decode(self._file.read_bytes(), type=list[Alert])
        wanted = set(again)
        due = [alert for alert in known if is_since(alert, since) or alert.key in wanted]
        due += self._chance.sample(due, len(due) // 5)
        self._chance.shuffle(due)
        while due:
            size = self._chance.randint(1, 40)
            yield AlertBatch(tuple(due[:size]))
            due = due[size:]
            await asyncio.sleep(0)


async def poll(settings: dict[str, Any]) -> None:
    desk = PollDesk(connect(settings["redis"]))
    source = FileSource(Path(settings["file"]), random.Random(os.getpid()))
    poller = desk.poller(source)
    print(os.getpid(), flush=True)
    await poller.run()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel clears the dead away
    settings = json.loads(sys.stdin.readline())
    while sys.stdin.readline():
        if os.fork() == 0:
            asyncio.run(poll(settings))
            return


if __name__ == "__main__":
    main()
