"""Deliverers as processes of their own, to be killed: `python -m tests.delivery.worker`.

Settings come as one JSON line on standard input. Each further line forks a deliverer, which prints
its process id when it posts: to import everything anew for each would take most of a test's time.
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
from delivery.outbox import ChannelId, ObjectId, Outbox, ring
from delivery.web_client import web_client


async def draw(object_id: ObjectId) -> Rendered:
    """An object's card shows its name."""
    return Rendered(ChannelId("C0OPS"), 1, object_id, [])


async def deliver(settings: Mapping[str, Any]) -> None:
    redis = connect(settings["redis"])
    outbox = Outbox(redis, tag="test")
    deliverer = Deliverer(
        outbox,
        web_client(settings["token"], settings["url"]),
        draw,
        fallback_channel=ChannelId("C0AUDIT"),
        gone_note=lambda _channel: "gone",
        post_interval=settings["interval"],
        update_interval=0.0,
        lease=timedelta(milliseconds=settings["lease_ms"]),
        retry=timedelta(milliseconds=20),
    )
    print(os.getpid(), flush=True)
    while True:
        try:
            async for _ in ring(redis, tag="test", block_ms=50):
                await deliverer.sweep()
        except RedisError:  # one that slept finds its connections timed out, as the service does
            await asyncio.sleep(0.05)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel clears the dead away
    settings = json.loads(sys.stdin.readline())
    while sys.stdin.readline():
        if os.fork() == 0:
            asyncio.run(deliver(settings))
            return


if __name__ == "__main__":
    main()
