"""The feeds' way from Azure to Slack as a process of its own, to be killed.

`python -m tests.feeds.worker`: settings come as one JSON line on standard input; each further line
forks one that reads every alert again, as a poll with an overlap does, groups and posts.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from redis.exceptions import RedisError

from bot.redis_client import connect
from delivery.deliverer import Deliverer, Rendered
from delivery.outbox import ChannelId, ObjectId, Outbox
from delivery.uploads import FileContent
from delivery.web_client import web_client
from feeds.grouping import Grouper
from feeds.store import AlertStore
from feeds.storm import Limits, Storms
from tests.feeds.alerts import an_alert, arriving
from tests.feeds.draw import details, line_of

TAG = "test"
#: Alerts of one poll's page.
PAGE = 250


class Worker:
    """One process: a poller, a grouper, a deliverer."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        redis = connect(settings["redis"])
        self._store = AlertStore(redis, tag=TAG)
        self._storms = Storms(redis, tag=TAG)
        outbox = Outbox(redis, tag=TAG)
        limits = Limits(window=timedelta(seconds=settings["window"]), refresh=timedelta(0))
        self._grouper = Grouper(self._storms, outbox, details=details, limits=limits)
        self._deliverer = Deliverer(
            outbox,
            web_client(settings["token"], settings["url"]),
            self._draw,
            fallback_channel=ChannelId("C0AUDIT"),
            gone_note=lambda _channel: "gone",
            draw_file=self._draw_file,
            post_interval=settings["interval"],
            update_interval=0.0,
            lease=timedelta(milliseconds=settings["lease_ms"]),
            retry=timedelta(milliseconds=20),
            hold=timedelta(milliseconds=50),
        )

    async def run(self) -> None:
        print(os.getpid(), flush=True)
        await asyncio.gather(self._poll(), self._post())

    async def _poll(self) -> None:
        """All alerts of every channel, page by page, again and again."""
        while True:
            for channel, (first, last) in self._settings["alerts"].items():
                for start in range(first, last, PAGE):
                    page = [an_alert(n) for n in range(start, min(last, start + PAGE))]
                    await self._store.ingest(arriving(*page, channel=ChannelId(channel)))
                    await asyncio.sleep(self._settings["poll"])
            await asyncio.sleep(0.2)

    async def _post(self) -> None:
        while True:
            try:
                await self._grouper.sweep()
                await self._deliverer.sweep()
            except RedisError:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.02)

    async def _draw(self, object_id: ObjectId) -> Rendered | None:
        kind, _, name = object_id.partition(":")
        if kind == "storm":
            storm = await self._storms.storm(name)
            if storm is None:
                return None
            return Rendered(storm.channel, storm.version, f"{object_id}: {storm.total}", [])
        stored = await self._store.alert(name)
        if stored is None:
            return None
        return Rendered(stored.channel, stored.version, line_of(stored.alert), [])

    async def _draw_file(self, object_id: ObjectId) -> FileContent:
        storm_id = object_id.partition(":")[2]
        lines = [line_of(one.alert) async for one in self._storms.each(storm_id)]
        body = "\n".join(lines).encode()
        return FileContent(f"{storm_id}.csv", body)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel clears the dead away
    settings = json.loads(sys.stdin.readline())
    while sys.stdin.readline():
        if os.fork() == 0:
            asyncio.run(work(settings))
            return


async def work(settings: Mapping[str, Any]) -> None:
    await Worker(settings).run()


if __name__ == "__main__":
    main()
