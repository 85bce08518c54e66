"""`sekisho audit verify` and `audit resume`: is the log what was written, and going on if not.

Neither needs Azure or Bolt: an auditor checks the log with the keys and Redis alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from redis.exceptions import RedisError

from approvals import entry as entries_of
from approvals.audit.anchor import FileSink
from approvals.audit.resume import Resume, ResumeRefused, enter_deferred, resume
from approvals.audit.verify import VerifyReport, verify, verify_file
from approvals.entry import AuditBroken
from approvals.events import PersonId
from approvals.ledger import Ledger
from approvals.operations import fresh_op_id
from approvals.outcomes import LedgerError
from approvals.store import Keys, Store
from bot.anchor_reading import Anchor, Where, newest
from bot.console import BAD, GOOD, WRONG, Console
from bot.embedded import EmbeddedError
from bot.ledger_access import NoLedger, opened
from bot.redis_client import RedisUrlError
from bot.settings import Settings

TWO = 2


def guarded(console: Console, work: Callable[[], Awaitable[int]]) -> int:
    """Run `work`; what the world refuses becomes one sentence and exit code 1."""

    async def run() -> int:
        return await work()

    try:
        return asyncio.run(run())
    except NoLedger as missing:
        console.complain("audit_cli.no_ledger", folder=missing)
    except AuditBroken as broken:
        console.complain("audit_cli.bad", sequence=broken.sequence, reason=broken.why)
    except (LedgerError, RedisError, RedisUrlError, EmbeddedError) as error:
        console.complain("audit_cli.unreachable", reason=error)
    except FileExistsError as error:
        console.complain("audit_cli.file_exists", file=error.filename)
    except OSError as error:
        console.complain(
            "audit_cli.file", file=error.filename or "-", reason=error.strerror or error
        )
    return BAD


def verify_command(console: Console, *, file: Path | None) -> int:
    """0: good. 1: names the first bad entry, or says why it could not be checked."""
    settings = console.settings()

    async def work() -> int:
        if file is not None:
            return say_report(console, verify_file(file, settings.audit.keys))
        try:
            anchor = await newest(settings)
        except AuditBroken as broken:
            console.say("audit_cli.anchor_forged", reason=broken.why)
            return BAD
        async with opened(settings, console.environ) as redis:
            store = Store(redis, Keys(settings.redis.tag))
            report = await verify(store, settings.audit.keys, anchor.head)
        _say_anchor(console, anchor)
        return say_report(console, report)

    return guarded(console, work)


def say_report(console: Console, report: VerifyReport) -> int:
    """The verdict as lines, and the exit code."""
    for found in report.accepted:
        console.say("audit_cli.accepted", sequence=found.sequence, reason=found.reason)
    if report.first_bad is not None:
        console.say("audit_cli.bad", sequence=report.first_bad, reason=report.reason)
        console.say("audit_cli.good_to", good_to=report.good_to, head=report.head)
        return BAD
    if report.head == 0:
        console.say("audit_cli.empty")
        return GOOD
    n = report.head - report.first + 1
    console.say("audit_cli.good", first=report.first, head=report.head, n=f"{n:,}")
    return GOOD


def _say_anchor(console: Console, anchor: Anchor) -> None:
    sequence = anchor.head.sequence if anchor.head is not None else 0
    match anchor.where:
        case Where.FILE:
            console.say("audit_cli.anchor_file", sequence=sequence)
        case Where.CHANNEL:
            console.say("audit_cli.anchor_channel", sequence=sequence)
        case Where.NOWHERE:
            console.say("audit_cli.anchor_nowhere")
        case Where.UNREADABLE:
            console.say("audit_cli.anchor_unreadable", problem=anchor.problem)


def resume_command(
    console: Console,
    *,
    accept_loss_after: int,
    reason: str,
    administrators: Sequence[str],
    folder: Path,
) -> int:
    """Two administrators accept what is lost; then what was done meanwhile is entered."""
    settings = console.settings()
    if len(administrators) != TWO:
        console.complain("audit_cli.two_administrators")
        return WRONG
    first, second = administrators

    async def work() -> int:
        anchor = await newest(settings)
        async with opened(settings, console.environ) as redis:
            ledger = Ledger(
                redis,
                settings.audit.keys,
                tag=settings.redis.tag,
                retention=settings.audit.retention,
            )
            try:
                found = await resume(
                    ledger,
                    accept_loss_after=accept_loss_after,
                    reason=reason,
                    administrators=(PersonId(first), PersonId(second)),
                    allowed=settings.policy.administrators,
                    same_person=settings.policy.same_person,
                    anchor=anchor.head,
                    op_id=fresh_op_id(),
                )
            except ResumeRefused as refused:
                console.complain("audit_cli.refused", reason=refused)
                return BAD
            _keep_removed(console, found, folder)
            console.say("audit_cli.resumed", sequence=found.entry.sequence)
            await _enter_deferred(console, settings, ledger)
        console.say("audit_cli.restart")
        return GOOD

    return guarded(console, work)


def _keep_removed(console: Console, found: Resume, folder: Path) -> None:
    """Entries that were taken out of Redis are evidence: they go to a file of their own."""
    if not found.removed:
        return
    file = folder / f"sekisho-removed-before-{found.entry.sequence}.jsonl"
    with file.open("xb") as out:
        out.writelines(entries_of.to_line(row) for row in found.removed)
    console.say("audit_cli.removed", n=len(found.removed), file=file)


async def _enter_deferred(console: Console, settings: Settings, ledger: Ledger) -> None:
    """What closed a port while the ledger was frozen stands beside the second sink."""
    path = settings.audit.second_sink
    if not isinstance(path, Path):
        return
    sink = FileSink(path, settings.audit.keys)
    lines = await sink.deferred()
    if not lines:
        return
    entered, left = await enter_deferred(ledger, lines)
    console.say("audit_cli.entered", n=entered)
    for sentence in left:
        console.say("audit_cli.not_entered", reason=sentence)
    await sink.finish_deferred(ledger.highest_head.sequence)
