"""`python -m benchmarks.bot_process`: the bot as `sekisho run` wires it, on a free port.

With `--edge` no consumer and no leader runs behind the edge: that is the part that the floor has,
too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from datetime import timedelta

from benchmarks.ground import read_settings
from bot import logs
from bot.background import forever
from bot.service import Service


class EdgeOnly(Service):
    """Answers Slack, asks Azure, records; what follows from an entry is nobody's work here."""

    async def start(self) -> None:
        """Ready when everything is imported, too: no sample shall meet that."""
        await super().start()
        await self._estate_cache.load()
        await self.clients.warm()

    async def _behind(self) -> None:
        self.tasks.loop(forever("groups", self.groups.follow, timedelta(0)), name="groups")


async def _run(*, is_whole: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    settings = read_settings(os.environ)
    logs.configure(secrets=settings.secrets)
    service = Service(settings) if is_whole else EdgeOnly(settings)
    try:
        await service.start()
        port = service.http_port if settings.slack.mode == "http" else 0
        print(json.dumps({"port": port}), flush=True)
        await stop.wait()
    finally:
        await service.stop()


if __name__ == "__main__":
    gc.freeze()  # as `sekisho run` does with what it has imported
    asyncio.run(_run(is_whole="--edge" not in sys.argv))
