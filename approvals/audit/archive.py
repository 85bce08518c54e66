"""Trimming the log: only after a signed export, and never what somebody still needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from approvals import entry as entries_of
from approvals.audit.export import Exported, Format, export
from approvals.audit.scanning import scan
from approvals.audit.search import Query
from approvals.audit.signing import SigningKey
from approvals.audit.verify import verify
from approvals.entry import Archived, AuditBroken
from approvals.events import OpId, PersonId
from approvals.ledger import Ledger


class NothingToArchive(Exception):
    """Every entry is still needed: by a request that is open or a reader that is behind."""


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """`trimmed` entries, up to `through`, are now in `exported` alone."""

    exported: Exported
    through: int
    trimmed: int


async def archive(
    ledger: Ledger,
    folder: Path,
    *,
    signing_key: SigningKey,
    actor: PersonId,
    op_id: OpId,
    through: int | None = None,
) -> ArchiveReport:
    """Export, sign, say so in the log, then trim. AuditBroken when the log is not good."""
    report = await verify(ledger.store, ledger.keys)
    if report.first_bad is not None:
        raise AuditBroken(report.first_bad, report.reason)
    limit = await trim_limit(ledger)
    last = limit if through is None else min(through, limit)
    if last < report.first:
        raise NothingToArchive("every entry is still needed")
    exported = await export(
        ledger.store,
        ledger.keys,
        folder,
        f"audit-{report.first}-{last}",
        form=Format.JSONL,
        query=Query(),
        signing_key=signing_key,
        through=last,
    )
    event = Archived(
        first=report.first,
        through=last,
        through_mac=exported.last_mac,
        sha256=exported.sha256,
        signature=exported.signature.hex(),
        file_name=exported.file.name,
    )
    await ledger.note(event, actor=actor, op_id=op_id)
    trimmed = await ledger.store.command("XTRIM", ledger.store.keys.audit, "MINID", f"{last + 1}-0")
    return ArchiveReport(exported, last, int(ledger.store.text(trimmed)))


async def trim_limit(ledger: Ledger) -> int:
    """The last entry that nobody needs: not the head, no reader's, no open request's."""
    head = await ledger.refresh()
    needed = [head.sequence, *await _needed_by_readers(ledger), await _needed_by_requests(ledger)]
    return min(needed) - 1


async def _needed_by_readers(ledger: Ledger) -> list[int]:
    """Of each consumer group: the lowest entry that is unfinished, or not yet handed out."""
    if await ledger.store.command("EXISTS", ledger.store.keys.audit) == 0:
        return []
    groups = await ledger.store.command("XINFO", "GROUPS", ledger.store.keys.audit)
    needed = []
    for group in groups if isinstance(groups, list) else []:
        named = _named(group)
        name = ledger.store.text(named["name"])
        needed.append(_sequence(ledger.store.text(named["last-delivered-id"])) + 1)
        pending = await ledger.store.command("XPENDING", ledger.store.keys.audit, name)
        lowest = _lowest_pending(pending)
        if lowest is not None:
            needed.append(_sequence(ledger.store.text(lowest)))
    return needed


async def _needed_by_requests(ledger: Ledger) -> int:
    """The first entry of the oldest request that is open: its proof must stay whole."""
    head = ledger.highest_head.sequence
    living = {request.id for request in await ledger.open_requests()}
    async for rows in scan(ledger.store):
        for row in rows:
            if entries_of.check(row, ledger.keys).request in living:
                return row.sequence
    return head


def _named(group: object) -> dict[str, object]:
    if isinstance(group, dict):
        return {(k.decode() if isinstance(k, bytes) else str(k)): v for k, v in group.items()}
    listed: Sequence[object] = group if isinstance(group, list | tuple) else ()
    keys = [k.decode() if isinstance(k, bytes) else str(k) for k in listed[::2]]
    return dict(zip(keys, listed[1::2], strict=True))


def _lowest_pending(pending: object) -> object | None:
    if isinstance(pending, dict):
        return pending.get("min")
    listed: Sequence[object] = pending if isinstance(pending, list | tuple) else ()
    return listed[1] if len(listed) > 1 else None


def _sequence(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
