"""`sekisho run`: the bot as a process. It ends cleanly on SIGTERM and on Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal

import aiohttp
from redis.exceptions import AuthenticationError, RedisError
from slack_sdk.errors import SlackApiError

from approvals.outcomes import LedgerError
from bot import logs
from bot.console import BAD, GOOD, Console
from bot.embedded import EmbeddedError
from bot.redis_client import NotDurable, RedisUrlError
from bot.service import Service
from bot.settings import Settings
from delivery.refusals import error_name

log = logging.getLogger(__name__)

#: What stops a start, each told as one sentence. Anything else is our own mistake and a traceback.
START_FAILURES = (
    NotDurable,
    EmbeddedError,
    RedisUrlError,
    RedisError,
    LedgerError,
    SlackApiError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
)


def run(console: Console, settings: Settings) -> int:
    """0 after a clean stop, 1 when it could not start."""
    redactor = logs.configure(secrets=settings.secrets)
    try:
        return asyncio.run(_run(settings))
    except START_FAILURES as error:
        console.complain("cli.run.failed", reason=redactor.clean(reason_of(error, console)))
        return BAD


async def _run(settings: Settings) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    service = Service(settings)
    starting = asyncio.create_task(service.start(), name="start")
    stopped = asyncio.create_task(stopping.wait(), name="stopping")
    try:
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        if service.behind is not None:
            await asyncio.wait({service.behind, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if service.behind.done():
                service.behind.result()
        await stopped
        log.info("stopping")
    finally:
        stopped.cancel()
        await _give_up(starting)
        await service.stop()
    log.info("stopped")
    return GOOD


async def _give_up(starting: asyncio.Task[None]) -> None:
    """A stop during the start: what was begun is ended by `Service.stop`."""
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


def reason_of(error: BaseException, console: Console) -> str:
    """Why the bot could not start, in one sentence that says what to do."""
    match error:
        case NotDurable():
            return console.text("cli.run.not_durable", problems=" ".join(error.problems))
        case AuthenticationError():
            return console.text("cli.run.redis_refuses", reason=error)
        case SlackApiError():
            return console.text("cli.run.slack", error=error_name(error))
        case RedisError() | LedgerError():
            return console.text("cli.run.redis", reason=error)
        case aiohttp.ClientError():
            return console.text("cli.run.network", reason=error)
        case OSError(errno=errno.EADDRINUSE):
            return console.text("cli.run.port_taken", reason=error.strerror or error)
        case TimeoutError():
            return console.text("cli.run.timeout")
        case _:
            return str(error) or type(error).__name__
