"""`python -m benchmarks.storm_process ORDERS.json`: the whole bot, and a storm in its process.

The storm begins when its key in Redis says so: each second the alerts of that second are read from
the bytes of Azure's pages, taken in, grouped and posted, beside the clicks that the bot answers.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from benchmarks.alert_pages import page
from benchmarks.ground import read_settings
from bot import logs
from bot.redis_client import connect
from bot.service import Service
from bot.settings import Settings
from defender.alert import Alert
from defender.alert_decode import alert_page, decode_arm
from delivery.deliverer import Deliverer, Rendered
from delivery.outbox import ChannelId, ObjectId, Outbox
from delivery.uploads import FileContent
from delivery.web_client import web_client
from feeds.grouping import Grouper
from feeds.store import AlertStore, Arrival
from feeds.storm import Detail, Limits, Storms

SWEEP_SECONDS = 0.2
TURN_SECONDS = 0.002
TEXT_MAX = 9_000
SECTION_MAX = 2_900


class Orders(msgspec.Struct, frozen=True):
    """What storm, where."""

    tag: str
    channel: str
    alerts: int
    seconds: int


class Feeds:
    """The feeds' part of a bot, in a workspace of its own."""

    def __init__(self, settings: Settings, orders: Orders) -> None:
        self._orders = orders
        self._redis = redis = connect(settings.redis.url)
        self._store = AlertStore(redis, tag=orders.tag)
        self._storms = Storms(redis, tag=orders.tag)
        outbox = Outbox(redis, tag=orders.tag)
        limits = Limits(window=timedelta(seconds=5))
        self._grouper = Grouper(self._storms, outbox, details=details, limits=limits)
        slack = settings.slack
        self._client = web_client(slack.bot_token, slack.api_url)
        self._deliverer = Deliverer(
            outbox,
            self._client,
            self._draw,
            fallback_channel=ChannelId(orders.channel),
            gone_note=lambda _channel: "",
            draw_file=self._draw_file,
        )

    async def run(self) -> None:
        await asyncio.gather(self._raise(), self._tell())

    async def _raise(self) -> None:
        go = f"{{{self._orders.tag}}}:go"
        while not await self._redis.exists(go):  # noqa: ASYNC110 set by another process
            await asyncio.sleep(0.05)
        orders = self._orders
        began = time.monotonic()
        for second in range(orders.seconds):
            first, last = (orders.alerts * part // orders.seconds for part in (second, second + 1))
            await asyncio.sleep(max(0.0, began + second - time.monotonic()))
            await self._take(page(first, last - first))

    async def _take(self, body: bytes) -> None:
        """A page, with turns for others as the gateway gives them."""
        arrivals = []
        until = time.monotonic() + TURN_SECONDS
        for item in alert_page(body).items:
            arrivals.append(Arrival(decode_arm(item), ChannelId(self._orders.channel)))
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + TURN_SECONDS
        await self._store.ingest(arrivals)

    async def _tell(self) -> None:
        while True:
            await self._grouper.sweep()
            await self._deliverer.sweep()
            await asyncio.sleep(SWEEP_SECONDS)

    async def _draw(self, object_id: ObjectId) -> Rendered | None:
        storm = await self._storms.storm(object_id.partition(":")[2])
        if storm is None:
            return None
        said = [f"{storm.total} alerts, High: {storm.by_rank[0]}"]
        said += [
            f"{machine}: {sum(storm.by_machine[machine, rank] for rank in range(4))}"
            for machine in storm.machines()[:10]
        ]
        return Rendered(storm.channel, storm.version, said[0], [_section("\n".join(said))])

    async def _draw_file(self, object_id: ObjectId) -> FileContent:
        storm_id = object_id.partition(":")[2]
        lines = [line_of(stored.alert) async for stored in self._storms.each(storm_id)]
        return FileContent(f"{storm_id}.csv", "\n".join(lines).encode())


def line_of(alert: Alert) -> str:
    """As long as the line of a storm's detail."""
    at = f"{alert.generated_at:%H:%M:%S}" if alert.generated_at else ""
    return f"{at} {alert.severity}: {alert.title} {alert.machine} #{alert.key[20:28]}"


def details(alerts: Sequence[Alert]) -> list[Detail]:
    """Full messages, a line per alert, in sections that Slack takes."""
    drawn: list[Detail] = []
    sections: list[str] = []
    size = holds = 0
    for alert in alerts:
        line = line_of(alert)
        if size + len(line) + 1 > TEXT_MAX:
            drawn.append(_detail(sections, holds))
            sections, size, holds = [], 0, 0
        if not sections or len(sections[-1]) + len(line) >= SECTION_MAX:
            sections.append(line)
        else:
            sections[-1] += "\n" + line
        size, holds = size + len(line) + 1, holds + 1
    return [*drawn, _detail(sections, holds)] if holds else drawn


def _detail(sections: list[str], holds: int) -> Detail:
    return Detail(f"{holds} alerts", [_section(said) for said in sections], holds)


def _section(said: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "plain_text", "text": said, "emoji": False}}


async def _run(orders: Orders) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = read_settings(os.environ)
    logs.configure(secrets=settings.secrets)
    service = Service(settings)
    try:
        await service.start()
        service.tasks.loop(Feeds(settings, orders).run(), name="storm")
        print(json.dumps({"port": service.http_port}), flush=True)
        await stop.wait()
    finally:
        await service.stop()


if __name__ == "__main__":
    gc.freeze()  # as `sekisho run` does with what it has imported
    asyncio.run(_run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Orders)))
