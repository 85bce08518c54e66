"""Pollers that are killed at any moment, two at once now and then: lost 0, doubled 0."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from redis.asyncio import Redis

from bot.embedded import Embedded
from defender.alert import Alert
from tests.delivery.processes import Posters
from tests.feeds.alerts import an_alert
from tests.feeds.polling import ALERTS, PollDesk

KILLS = 25
FIRST, LATER = 400, 15


class Pollers(Posters):
    """Processes that poll the alerts of a file."""

    module = "tests.feeds.poll_worker"

    def __init__(self, redis_url: str, file: Path) -> None:
        self._settings: dict[str, Any] = {"redis": redis_url, "file": str(file)}
        self.alive: list[int] = []
        self.killed = 0


def publish(file: Path, world: dict[str, Alert]) -> None:
    """What Defender knows now; put in place at once, as an answer is."""
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(list(world.values())))
    new.replace(file)


async def everything(desk: PollDesk, world: dict[str, Alert]) -> None:
    """Until all is known as it is."""
    async with asyncio.timeout(60):
        while True:
            stored = {one.alert.key: one.alert for one in await desk.store.many(list(world))}
            if stored == world:
                return
            await asyncio.sleep(0.05)


@pytest.mark.proves("FAULT-26", "D1", "D10", "D6")
async def test_pollers_that_are_killed_lose_and_double_nothing(
    valkey: Embedded, redis: Redis, tmp_path: Path
) -> None:
    chance = random.Random(26)
    desk = PollDesk(redis)
    now = await desk.now()
    file = tmp_path / "alerts.json"
    world: dict[str, Alert] = {}

    def appear(number: int, minutes_ago: float) -> None:
        at = now - timedelta(minutes=minutes_ago)
        alert = an_alert(number, generated_at=at, severity=chance.choice(["High", "Low"]))
        world[alert.key] = alert

    for number in range(FIRST):
        appear(number, chance.uniform(1, 60 * 20))
    publish(file, world)
    async with Pollers(valkey.url, file) as pollers:
        await pollers.start()
        for kill in range(KILLS):
            await pollers.start()
            await asyncio.sleep(chance.uniform(0, 0.15))
            pollers.kill(chance.randint(0, 1))
            for number in range(LATER):
                appear(FIRST + LATER * kill + number, chance.uniform(0, 60))
            changed = chance.choice(list(world))
            state = chance.choice(["Resolved", "Active", "Dismissed"])
            world[changed] = msgspec.structs.replace(world[changed], status=state)
            publish(file, world)
        await everything(desk, world)
    assert pollers.killed == KILLS
    entries = cast(Any, await redis.xrange(desk.store.scripts.key("feed", ALERTS)))
    queued = Counter(fields[b"alert"].decode() for _, fields in entries)
    assert queued == dict.fromkeys(world, 1)
    assert (await desk.store.counters())["ingested"] == len(world) == FIRST + KILLS * LATER
