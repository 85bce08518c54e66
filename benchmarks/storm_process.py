"""`python -m benchmarks.storm_process ORDERS.json`: the whole bot, and a storm in its process.

The storm begins when its key in Redis says so: each second the alerts of that second are read from
the bytes of Azure's pages and taken in; the bot's own duties group and tell them, beside the clicks
that it answers.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.ground import read_settings
from bot import logs
from bot.redis_client import connect
from bot.service import Service
from defender.alert import Alert
from defender.alert_decode import alert_page, decode_arm
from feeds.cursors import Cursors
from feeds.intake import Intake

#: Decoding before others get a turn, as the gateway does it.
TURN_SECONDS = 0.002


class Orders(msgspec.Struct, frozen=True):
    """What storm, where."""

    tag: str
    seconds: int
    folder: str

    def page_of(self, second: int) -> Path:
        return Path(self.folder) / f"storm-{second}.json"


class Source:
    """In the place of a poll: pages with what came in the last second."""

    def __init__(self, service: Service, orders: Orders) -> None:
        assert service.feeds.alerts is not None
        alerts = service.feeds.alerts
        self._intake: Intake = alerts.intake
        self._cursors = Cursors(alerts.store.scripts)
        self._orders = orders

    async def run(self, redis_url: str) -> None:
        redis, go = connect(redis_url), f"{{{self._orders.tag}}}:go"
        while not await redis.exists(go):  # noqa: ASYNC110 set by another process
            await asyncio.sleep(0.05)
        orders, began = self._orders, time.monotonic()
        for second in range(orders.seconds):
            await asyncio.sleep(max(0.0, began + second - time.monotonic()))
            await self._take(orders.page_of(second).read_bytes())

    async def _take(self, body: bytes) -> None:
        alerts: list[Alert] = []
        until = time.monotonic() + TURN_SECONDS
        for item in alert_page(body).items:
            alerts.append(decode_arm(item))
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + TURN_SECONDS
        await self._intake.take(alerts, now=await self._cursors.now())


async def _run(orders: Orders) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = read_settings(os.environ)
    logs.configure(secrets=settings.secrets)
    service = Service(settings)
    try:
        await service.start()
        assert service.behind is not None
        await service.behind
        service.tasks.loop(Source(service, orders).run(settings.redis.url), name="storm")
        print(json.dumps({"port": service.http_port}), flush=True)
        await stop.wait()
    finally:
        await service.stop()


if __name__ == "__main__":
    gc.freeze()  # as `sekisho run` does with what it has imported
    asyncio.run(_run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Orders)))
