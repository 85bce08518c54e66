"""Going on after the ledger froze: two administrators accept, in the log, what is lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from approvals import entry as entries_of
from approvals.audit.verify import VerifyReport, newest_id, verify
from approvals.entry import AuditBroken, Entry, Head, Resumed, Stored
from approvals.ledger import Change, Ledger, LedgerError
from approvals.request import IllegalTransition, OpId, PersonId
from approvals.store import UNREACHABLE, Lua, parse_entries


class ResumeRefused(Exception):
    """Nothing was changed. The sentence says what is missing."""


@dataclass(frozen=True, slots=True)
class Resume:
    """`removed` is what stood behind the last good entry; it belongs in a file, for the inquiry."""

    entry: Entry
    removed: tuple[Stored, ...]


# Take away what stands behind the last good entry, and let numbers go on from there.
CUT_TAIL = Lua("""
local head = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
while head and head[1] ~= ARGV[1] do
  redis.call('XDEL', KEYS[1], head[1])
  head = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
end
if not head then
  redis.call('DEL', KEYS[1])
  return 1
end
local length = redis.call('XLEN', KEYS[1])
-- Since Redis 7 a stream remembers the highest deleted id as well, and has to be told to forget it.
local set = redis.pcall('XSETID', KEYS[1], ARGV[1], 'ENTRIESADDED', length, 'MAXDELETEDID', '0-0')
if type(set) == 'table' and set.err then redis.call('XSETID', KEYS[1], ARGV[1]) end
return 1
""")


async def resume(
    ledger: Ledger,
    *,
    accept_loss_after: int,
    reason: str,
    administrators: tuple[PersonId, PersonId],
    allowed: Collection[PersonId],
    same_person: Callable[[PersonId], Collection[PersonId]],
    anchor: Head | None,
    op_id: OpId,
) -> Resume:
    """Accept that everything after `accept_loss_after` is lost, and go on.

    `allowed` are the administrators of the settings, `anchor` the newest head known outside.
    """
    report = await verify(ledger.store, ledger.keys, anchor)
    _refuse(report, accept_loss_after, reason, administrators, allowed, same_person)
    lost = _highest(ledger.highest_head, anchor)
    found = await _last_sound(ledger)
    removed = await _cut_tail(ledger, found)
    ledger.thaw()
    event = Resumed(
        accepted_loss_after=accept_loss_after,
        reason=reason,
        administrators=administrators,
        lost_sequence=max(lost.sequence, report.head),
        lost_mac=lost.mac,
        found_sequence=found.sequence,
        found_mac=found.mac,
    )
    entry = await ledger.note(event, actor=administrators[0], op_id=op_id)
    return Resume(entry, removed)


def _refuse(
    report: VerifyReport,
    accept_loss_after: int,
    reason: str,
    administrators: tuple[PersonId, PersonId],
    allowed: Collection[PersonId],
    same_person: Callable[[PersonId], Collection[PersonId]],
) -> None:
    first, second = administrators
    if first not in allowed or second not in allowed:
        raise ResumeRefused("Both must be administrators of the settings.")
    if first == second or second in same_person(first) or first in same_person(second):
        raise ResumeRefused("Two administrators are needed, and these are one person.")
    if not reason.strip():
        raise ResumeRefused("A reason is needed.")
    if report.first_bad is None:
        raise ResumeRefused("The audit log is good; there is nothing to accept.")
    if accept_loss_after != report.good_to:
        raise ResumeRefused(
            f"The log is good to entry {report.good_to}: --accept-loss-after must name that."
        )


def _highest(seen: Head, anchor: Head | None) -> Head:
    return anchor if anchor is not None and anchor.sequence > seen.sequence else seen


async def _last_sound(ledger: Ledger) -> Head:
    """The newest row that is an entry of ours; new ones are chained to it."""
    end = "+"
    while True:
        rows = await ledger.store.command(
            "XREVRANGE", ledger.store.keys.audit, end, "-", "COUNT", 1
        )
        listed = rows if isinstance(rows, list) else []
        if not listed:
            return entries_of.EMPTY
        try:
            row = parse_entries(listed)[0]
            entries_of.check(row, ledger.keys)
        except AuditBroken:
            end = f"({ledger.store.text(listed[0][0])}"
            continue
        return Head(row.sequence, row.mac, row.at_micros)


async def _cut_tail(ledger: Ledger, found: Head) -> tuple[Stored, ...]:
    """Remove unsound rows behind `found`; returns those that could be read."""
    if await newest_id(ledger.store) == found.sequence:
        return ()
    rows = await ledger.store.command(
        "XRANGE", ledger.store.keys.audit, f"({found.sequence}-0", "+"
    )
    removed: list[Stored] = []
    for row in rows if isinstance(rows, list) else []:
        try:
            removed.extend(parse_entries([row]))
        except AuditBroken:
            continue
    try:
        await ledger.store.script(CUT_TAIL, [ledger.store.keys.audit], [f"{found.sequence}-0"])
    except UNREACHABLE as error:
        raise ResumeRefused(f"Redis can't be reached: {error}") from error
    return tuple(removed)


async def enter_deferred(ledger: Ledger, lines: Sequence[bytes]) -> tuple[int, list[str]]:
    """Enter the steps that were taken while the ledger was frozen (`FileSink.deferred`).

    Returns how many were entered, and a sentence for each that no longer fits. An op-id is entered
    once, so this may be repeated.
    """
    entered, left = 0, []
    for line in lines:
        try:
            row = entries_of.from_line(line)
            entry = entries_of.read(row, ledger.keys)
            if await _enter(ledger, entry):
                entered += 1
        except (AuditBroken, IllegalTransition, LedgerError) as error:
            left.append(f"{line[:80].decode(errors='replace')}…: {error}")
    return entered, left


async def _enter(ledger: Ledger, entry: Entry) -> bool:
    if entry.request is None or isinstance(entry.event, entries_of.AdminEvent):
        return False
    request = await ledger.read(entry.request)
    if request is None:
        return False
    await ledger.record(Change(request, entry.event, entry.actor, entry.trace), op_id=entry.op)
    return True
