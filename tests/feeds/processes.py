"""Starts and kills workers of the feeds, and reads what the workspace was told."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from redis.asyncio import Redis

from delivery.outbox import Outbox
from feeds.reading import AlertReads
from feeds.verify import FeedsReport, Verify
from sandbox.slack import SandboxSlack
from tests.delivery.processes import Posters


class Feeds(Posters):
    """Workers that take the same alerts in; `alerts` is per channel, from number to number."""

    module = "tests.feeds.worker"

    def __init__(
        self,
        slack: SandboxSlack,
        redis_url: str,
        alerts: dict[str, tuple[int, int]],
        *,
        window: float = 0.5,
        poll: float = 0.0,
        lease_ms: int = 400,
        interval: float = 0.0,
    ) -> None:
        super().__init__(slack, redis_url, lease_ms=lease_ms, interval=interval)
        self._settings |= {"alerts": alerts, "window": window, "poll": poll}


def told(slack: SandboxSlack) -> Counter[str]:
    """How often each alert stands in the workspace: as a card or as a line of a storm."""
    found = Counter[str]()
    for channel in slack.core.workspace.channels:
        for message in slack.channel(channel).messages:
            if message.bot:
                shown = [block["text"]["text"] for block in message.blocks] or [message.text]
                for part in shown:
                    found.update(_keys(part))
    return found


def files(slack: SandboxSlack) -> list[dict[str, Any]]:
    return [
        file
        for channel in slack.core.workspace.channels
        for message in slack.channel(channel).messages
        for file in message.files
    ]


async def all_shared(slack: SandboxSlack, redis: Redis, seconds: float) -> list[str]:
    """Wait until every storm is over and has its file; the files' lines."""
    async with asyncio.timeout(seconds):
        while True:
            storms = await redis.zcard("{test}:storms")
            if len(files(slack)) >= storms and not await redis.keys("{test}:storm-of:*"):
                break
            await asyncio.sleep(0.1)
    names = [file["name"] for file in files(slack)]
    assert sorted(names) == sorted(f"S-{n}.csv" for n in range(1, storms + 1))
    contents = [file["content"] for file in slack.core.files.values() if "content" in file]
    return sorted({line for body in contents for line in body.decode().split("\n")})


async def all_told(outbox: Outbox, store: AlertReads, count: int, seconds: float) -> FeedsReport:
    """Wait until verify says that all of them are told."""
    verify = Verify(store, outbox)
    async with asyncio.timeout(seconds):
        while True:
            report = await verify.run()
            assert report.is_good, report
            if report.told == count:
                return report
            await asyncio.sleep(0.1)


def _keys(text: str) -> list[str]:
    return [line.split()[0] for line in text.split("\n") if line.startswith("2518770965529163669_")]
