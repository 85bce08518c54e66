"""`sekisho feeds verify`: is every alert and file change told, waiting or muted, and which is not.

Needs Redis alone, beside a running bot or without one.
"""

from __future__ import annotations

from bot.audit_cli import guarded
from bot.console import BAD, GOOD, Console
from bot.ledger_access import opened
from delivery.outbox import Outbox
from feeds.file_change_reads import FileChangeReads
from feeds.file_change_records import ChangesReport
from feeds.file_change_verify import VerifyChanges
from feeds.reading import AlertReads
from feeds.verify import FeedsReport, Verify

#: Keys that are named; more are counted.
NAMED_MAX = 50


def verify_command(console: Console) -> int:
    """0: nothing is missing. 1: names what is, or says why it could not be checked."""
    settings = console.settings()

    async def work() -> int:
        async with opened(settings, console.environ) as redis:
            tag = settings.redis.tag
            outbox = Outbox(redis, tag=tag)
            alerts = await Verify(AlertReads(redis, tag=tag), outbox).run()
            changes = await VerifyChanges(FileChangeReads(redis, tag=tag), outbox).run()
            return max(say_report(console, alerts), say_changes(console, changes))

    return guarded(console, work)


def say_report(console: Console, report: FeedsReport) -> int:
    """The verdict as lines, and the exit code."""
    console.say(
        "feeds_cli.sum",
        ingested=f"{report.ingested:,}",
        told=f"{report.told:,}",
        waiting=f"{report.waiting:,}",
        muted=f"{report.muted:,}",
    )
    if report.refused:
        console.say("feeds_cli.refused", n=f"{report.refused:,}")
    if report.is_good:
        console.say("feeds_cli.good")
        return GOOD
    if report.forgotten:
        console.say("feeds_cli.forgotten", n=f"{report.forgotten:,}")
    for key in report.missing[:NAMED_MAX]:
        console.say("feeds_cli.missing", alert=key.encode("unicode_escape").decode())
    more = len(report.missing) - NAMED_MAX
    if more > 0:
        console.say("feeds_cli.more", n=f"{more:,}")
    console.say("feeds_cli.bad", n=f"{len(report.missing) + report.forgotten:,}")
    return BAD


def say_changes(console: Console, report: ChangesReport) -> int:
    """The same for file changes; nothing where none was ever read."""
    if not report.ingested:
        return GOOD
    console.say(
        "feeds_cli.changes_sum",
        ingested=f"{report.ingested:,}",
        told=f"{report.told:,}",
        waiting=f"{report.waiting:,}",
        muted=f"{report.muted:,}",
    )
    for key in report.missing[:NAMED_MAX]:
        console.say("feeds_cli.change_missing", change=key.encode("unicode_escape").decode())
    if not report.missing:
        console.say("feeds_cli.changes_good")
        return GOOD
    console.say("feeds_cli.bad", n=f"{len(report.missing):,}")
    return BAD
