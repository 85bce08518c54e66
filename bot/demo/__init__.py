"""`sekisho demo`: sandbox, embedded Valkey and the real bot, on this machine alone.

With `--script` the main job is played through the page's own HTTP surface instead of by a person.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from pathlib import Path

from bot.console import BAD, GOOD, Console
from bot.demo.processes import DemoFailed, Running, running
from bot.embedded import EmbeddedError

#: Set to anything, this keeps the demo's estate still: nothing happens by itself.
QUIET = "SEKISHO_DEMO_QUIET"


def demo(console: Console, *, is_script: bool, port: int) -> int:
    """0 after Ctrl-C or a script that went as it should; 1 when something died or differed."""
    folder = Path(tempfile.mkdtemp(prefix="sekisho-demo-"))
    try:
        return asyncio.run(_demo(console, folder, is_script=is_script, port=port))
    except DemoFailed as failed:
        console.complain("demo.died", name=failed.name, log=failed.log)
        return BAD
    except EmbeddedError as error:
        console.complain("demo.no_server", reason=error)
        return BAD
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _demo(console: Console, folder: Path, *, is_script: bool, port: int) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    work = asyncio.create_task(_run(console, folder, is_script=is_script, port=port))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        console.say("demo.stopping")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    stopped.cancel()
    if work.cancelled():
        # A script that is stopped half-way has shown nothing.
        return BAD if is_script else GOOD
    return work.result()


async def _run(console: Console, folder: Path, *, is_script: bool, port: int) -> int:
    console.say("demo.starting")
    # A script counts what it sees, so nothing else may happen meanwhile.
    is_lively = not is_script and not os.environ.get(QUIET)
    async with running(folder, port=port, is_lively=is_lively) as world:
        if is_script:
            from bot.demo.script import play

            return await play(console, world)
        _invite(console, world)
        child = await world.ended()
        raise child.failed()


def _invite(console: Console, world: Running) -> None:
    console.say("demo.address", url=world.addresses.slack.page_url)
    for key in ("demo.try_ask", "demo.try_clock", "demo.try_break"):
        console.say(key)
    console.say("demo.end")
