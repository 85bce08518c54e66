"""`sekisho audit export`, `audit archive` and `audit key`: files for auditors, signed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from approvals.audit.archive import NothingToArchive, archive
from approvals.audit.export import Exported, Format, export
from approvals.audit.search import Query
from approvals.audit.signing import SigningKey, SigningKeyError, create_key, load_key
from approvals.events import PersonId
from approvals.ledger import Ledger
from approvals.operations import fresh_op_id
from approvals.store import Keys, Store
from approvals.window import parse_length
from bot.audit_cli import guarded
from bot.clock import Clock
from bot.console import BAD, GOOD, WRONG, Console
from bot.ledger_access import opened
from bot.settings import Settings


def key_command(console: Console, *, create: bool) -> int:
    """Print the public key, for auditors; with `--create`, make the private one first."""
    settings = console.settings()
    path = settings.audit.signing_key_file
    if path is None:
        console.complain("audit_cli.no_signing_key")
        return WRONG
    try:
        key = create_key(path) if create else load_key(path)
    except FileExistsError:
        console.complain("audit_cli.file_exists", file=path)
        return BAD
    except OSError as error:
        console.complain("audit_cli.file", file=path, reason=error.strerror or error)
        return BAD
    except SigningKeyError as error:
        console.complain("audit_cli.signing_key", reason=error)
        return BAD
    console.write(key.public_pem.rstrip())
    return GOOD


def export_command(
    console: Console,
    *,
    form: str,
    out: Path,
    since: str | None,
    until: str | None,
    vm: str,
    person: str | None,
) -> int:
    """Write the chosen entries, their digest, its signature and how to check them."""
    settings = console.settings()
    key = _signing_key(console, settings)
    if key is None:
        return WRONG
    now = Clock().now()
    try:
        query = Query(
            vm=vm,
            person=PersonId(person) if person else None,
            since=_instant(since, settings, now),
            until=_instant(until, settings, now),
        )
    except ValueError as error:
        console.complain("audit_cli.time", text=error)
        return WRONG

    async def work() -> int:
        async with opened(settings, console.environ) as redis:
            written = await export(
                Store(redis, Keys(settings.redis.tag)),
                settings.audit.keys,
                out.parent,
                out.name.removesuffix(f".{form}"),
                form=Format(form),
                query=query,
                signing_key=key,
            )
        _say_written(console, written)
        return GOOD

    return guarded(console, work)


def archive_command(
    console: Console, *, folder: Path, through: int | None, administrator: str
) -> int:
    """Export, sign, note it in the log, and only then trim what nobody needs any more."""
    settings = console.settings()
    if administrator not in settings.policy.administrators:
        console.complain("audit_cli.no_administrator", person=administrator)
        return WRONG
    key = _signing_key(console, settings)
    if key is None:
        return WRONG

    async def work() -> int:
        async with opened(settings, console.environ) as redis:
            ledger = Ledger(redis, settings.audit.keys, tag=settings.redis.tag)
            try:
                report = await archive(
                    ledger,
                    folder,
                    signing_key=key,
                    actor=PersonId(administrator),
                    op_id=fresh_op_id(),
                    through=through,
                )
            except NothingToArchive:
                console.say("audit_cli.nothing_to_archive")
                return GOOD
        _say_written(console, report.exported)
        console.say("audit_cli.archived", n=report.trimmed, through=report.through)
        return GOOD

    return guarded(console, work)


def _signing_key(console: Console, settings: Settings) -> SigningKey | None:
    path = settings.audit.signing_key_file
    if path is None:
        console.complain("audit_cli.no_signing_key")
        return None
    try:
        return load_key(path)
    except SigningKeyError as error:
        console.complain("audit_cli.signing_key", reason=error)
        return None


def _instant(text: str | None, settings: Settings, now: datetime) -> datetime | None:
    """`2026-11-25`, `2026-11-25T18:30`, or an age such as `30d`. ValueError names the text."""
    if not text:
        return None
    if text[-1:] == "d" and text[:-1].isdecimal() and len(text) <= len("9999d"):
        return now - timedelta(days=int(text[:-1]))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        length = parse_length(text)
        if length is None:
            raise ValueError(text) from None
        return now - length
    return found if found.tzinfo else found.replace(tzinfo=settings.languages.time_zone)


def _say_written(console: Console, written: Exported) -> None:
    console.say("audit_cli.exported", n=f"{written.entries:,}", file=written.file)
    console.say("audit_cli.how_to_check", file=written.readme)
