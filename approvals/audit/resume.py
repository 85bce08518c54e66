"""Going on after the ledger froze: two administrators accept, in the log, what is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from approvals import entry as entries_of
from approvals.audit.verify import VerifyReport, newest_id, verify
from approvals.entry import AuditBroken, Entry, Head, Resumed, Stored
from approvals.events import OpId, PersonId
from approvals.ledger import Change, Ledger, LedgerError, LedgerUnavailable
from approvals.request import IllegalTransition
from approvals.store import FAILED, UNREACHABLE, Lua, parse_entries

#: A million entries are rewritten in some 10 s, and Redis answers nobody meanwhile.
REWRITTEN_WITHIN = timedelta(seconds=60)
LOOK_EVERY_SECONDS = 0.5
#: Operation ids looked at in one go.
OPS_AT_ONCE = 500


class ResumeRefused(Exception):
    """Nothing was changed. The sentence says what is missing."""


@dataclass(frozen=True, slots=True)
class Resume:
    """`removed` is what stood behind the last good entry; it belongs in a file, for the inquiry."""

    entry: Entry
    removed: tuple[Stored, ...]


# A stream never takes numbers twice, not even of deleted rows: it is written anew up to the last
# good entry, with its readers. What a reader had not finished is handed out again.
CUT_TAIL = Lua("""
local function number(id) return tonumber(string.match(id, '^%d+')) end
local function named(list)
  local found = {}
  for i = 1, #list, 2 do found[list[i]] = list[i + 1] end
  return found
end
redis.call('DEL', KEYS[2])
local from, rows = '-', nil
repeat
  rows = redis.call('XRANGE', KEYS[1], from, ARGV[1], 'COUNT', 500)
  for _, row in ipairs(rows) do
    redis.call('XADD', KEYS[2], row[1], unpack(row[2]))
    from = '(' .. row[1]
  end
until #rows == 0
for _, listed in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = named(listed)
  local start = math.min(number(group['last-delivered-id']), number(ARGV[1]))
  local lowest = redis.call('XPENDING', KEYS[1], group['name'])[2]
  if lowest then start = math.min(start, number(lowest) - 1) end
  redis.call('XGROUP', 'CREATE', KEYS[2], group['name'],
    string.format('%.0f-0', start), 'MKSTREAM')
end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
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
    await _forget_operations(ledger, found)
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
        keys = [ledger.store.keys.audit, ledger.store.keys("audit:rewritten")]
        await ledger.store.script(CUT_TAIL, keys, [f"{found.sequence}-0"])
    except UNREACHABLE:
        await _until_rewritten(ledger, found)
    except FAILED as error:
        raise ResumeRefused(f"Redis refuses: {type(error).__name__}: {error}") from error
    return tuple(removed)


async def _until_rewritten(ledger: Ledger, found: Head) -> None:
    """No answer in time: a long log is still being written anew, or it never began."""
    last = "it did not rewrite the log"
    try:
        async with asyncio.timeout(REWRITTEN_WITHIN.total_seconds()):
            while True:
                try:
                    if await newest_id(ledger.store) == found.sequence:
                        return
                except LedgerUnavailable as error:
                    last = error.why
                await asyncio.sleep(LOOK_EVERY_SECONDS)
    except TimeoutError as error:
        raise ResumeRefused(f"Redis can't do it: {last}") from error


async def _forget_operations(ledger: Ledger, found: Head) -> None:
    """Op-ids of lost entries: their numbers are given anew, and a repeat would find a stranger."""
    keys, cursor = ledger.store.keys, "0"
    while True:
        answer = await ledger.store.command(
            "SCAN", cursor, "MATCH", keys.op(OpId("*")), "COUNT", OPS_AT_ONCE
        )
        if not isinstance(answer, list | tuple) or len(answer) != 2:
            raise LedgerUnavailable("the answer belongs to another command")
        cursor = ledger.store.text(answer[0])
        names = [ledger.store.text(name) for name in answer[1]]
        numbers = await ledger.store.command("MGET", *names) if names else []
        listed = numbers if isinstance(numbers, list) else []
        for name, number in zip(names, listed, strict=True):
            text = ledger.store.text(number) if number is not None else ""
            if text.isdecimal() and int(text) > found.sequence:
                await ledger.store.command("DEL", name)
        if cursor == "0":
            return


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
