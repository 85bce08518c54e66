"""`python -m benchmarks.floor_start`: an empty bot, which imports what any bot here has to.

Bolt, aiohttp, redis-py and msgspec, and one route; it opens nothing and knows nothing.
"""

from __future__ import annotations

import asyncio
import json
import signal

import msgspec
import redis.asyncio
from aiohttp import web
from slack_bolt.async_app import AsyncApp

#: Imported for what it costs.
LIBRARIES = (msgspec, redis.asyncio)


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


async def _run() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    AsyncApp(name="floor", token="xoxb-floor", signing_secret="floor")  # noqa: S106
    application = web.Application()
    application.router.add_post("/slack/events", _answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_run())
