"""Redis, the audit log in it, and the second place of every entry."""

from __future__ import annotations

import os
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from approvals.audit.anchor import FileSink
from approvals.entry import AuditBroken, from_micros
from approvals.ledger import Ledger
from approvals.outcomes import LedgerError, LedgerFrozen
from approvals.store import parse_time
from bot.clock import Clock
from bot.doctor.report import Report
from bot.doctor.slack import SKEW_MAX
from bot.embedded import EmbeddedError, find_server
from bot.ledger_access import NoLedger, opened
from bot.redis_client import RedisUrlError, durability, embedded_folder
from bot.settings import STDOUT, Settings
from delivery.outbox import Outbox


async def check(report: Report, settings: Settings) -> None:
    """Everything that the bot would refuse at its start, and what it could lose later."""
    environ = report.console.environ
    try:
        async with opened(settings, environ) as redis:
            await _redis(report, settings, redis)
            await _log(report, settings, redis)
            await _refused(report, settings, redis)
    except NoLedger:
        _new_folder(report, settings)
    except (RedisError, RedisUrlError, EmbeddedError, LedgerError, OSError) as error:
        report.mend("redis", reason=str(error).rstrip(".") or type(error).__name__)
    await _sink(report, settings)


def _new_folder(report: Report, settings: Settings) -> None:
    """An embedded server that has not run yet: can it?"""
    folder = embedded_folder(settings.redis.url)
    assert folder is not None, "only an embedded server has a folder"
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    try:
        program = find_server(report.console.environ)
    except EmbeddedError as error:
        report.mend("redis", reason=error)
        return
    if os.access(above, os.W_OK | os.X_OK):
        report.good("embedded_new", folder=folder, program=program.name)
    else:
        report.mend("folder_refused", folder=folder, above=above)


async def _redis(report: Report, settings: Settings, redis: Redis) -> None:
    found = await durability(redis)
    accepted = settings.redis.durability_accepted
    for problem in found.problems:
        report.mend("durability", problem=problem)
    if found.unknown and accepted:
        report.note("durability_accepted", names=", ".join(found.unknown), reason=accepted)
    elif found.unknown:
        report.mend("durability_unknown", names=", ".join(found.unknown))
    elif not found.problems:
        report.good("durability_good")
    answer = await redis.execute_command("TIME")  # type: ignore[no-untyped-call]
    skew = Clock().now() - from_micros(parse_time(list(answer)))
    if abs(skew) > SKEW_MAX:
        report.mend("clock_redis", seconds=round(skew.total_seconds()))
    else:
        report.good("clock_redis_good")


async def _log(report: Report, settings: Settings, redis: Redis) -> None:
    """The newest entries; `audit verify` checks all of them."""
    ledger = Ledger(redis, settings.audit.keys, tag=settings.redis.tag)
    try:
        head = await ledger.refresh()
    except LedgerFrozen as frozen:
        report.mend("log_frozen", reason=frozen)
    else:
        report.good("log_good", sequence=head.sequence)


async def _refused(report: Report, settings: Settings, redis: Redis) -> None:
    """Messages that Slack would not take are kept; nobody has read them."""
    count = await Outbox(redis, tag=settings.redis.tag).set_aside_count()
    if count:
        report.note("refused_kept", n=count, stream=f"{{{settings.redis.tag}}}:outbox-refused")


async def _sink(report: Report, settings: Settings) -> None:
    path = settings.audit.second_sink
    if path is None:
        report.note("sink_none")
        return
    if path == STDOUT or not isinstance(path, Path):
        report.note("sink_stdout")
        return
    may = os.access(path, os.W_OK) if path.exists() else os.access(path.parent, os.W_OK | os.X_OK)
    if not may or path.is_dir():
        report.mend("sink_refused", file=path)
        return
    try:
        found = await FileSink(path, settings.audit.keys).newest()
    except (AuditBroken, OSError) as error:
        report.mend("sink_broken", file=path, reason=error)
        return
    report.good("sink_good", file=path, sequence=found.sequence if found else 0)
