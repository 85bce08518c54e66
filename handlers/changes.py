"""From a change that somebody wants to a filed request: decide, read Azure, decide, file, answer.

The same for every kind, by line, form or button.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import msgspec

from approvals.change_policy import ChangeAsk, decide_change
from approvals.changes import AzureChange, terms_of
from approvals.events import State, Submitted
from approvals.ledger import LedgerError, Recorded, Repeated, Same
from approvals.request import Request
from approvals.verdict import Needs, Refused
from defender.errors import AzureError
from handlers import answering
from handlers.caller import Caller
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import answers
from handlers.views.blocks import Message

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change as typed, not yet held against Azure."""

    change: AzureChange
    reason: str
    ticket: str = ""


async def file_change(s: Services, caller: Caller, wanted: Wanted, locale: Locale) -> Message:
    """The whole way; the answer to the asker. Nothing is asked of anybody before Azure is read."""
    try:
        return await _file(s, caller, wanted, locale)
    except LedgerError as error:
        return answering.ledger_answer(error, locale)
    except AzureError as error:
        log.warning("a change can't be checked: %s: %s", error.code, error.message)
        return answers.azure_unreachable(error.code, locale)


async def _file(s: Services, caller: Caller, wanted: Wanted, locale: Locale) -> Message:
    action = s.actions[wanted.change.KIND]
    await s.directory.profile(caller.person)  # a guest who was never seen must not pass
    first = await _verdict(s, caller, wanted, wanted.change)
    if isinstance(first, Refused):
        return answers.refused(first.refusals, locale, group_names=s.group_names())
    change = await action.validate(wanted.change)
    if isinstance(change, Refused):
        return answers.refused(change.refusals, locale, group_names=s.group_names())
    verdict = await _verdict(s, caller, wanted, change)
    if isinstance(verdict, Refused):
        return answers.refused(verdict.refusals, locale, group_names=s.group_names())
    return await _submit(s, caller, wanted, change, verdict, locale)


async def _verdict(
    s: Services, caller: Caller, wanted: Wanted, change: AzureChange
) -> Refused | Needs:
    ask = ChangeAsk(change, wanted.reason, wanted.ticket, caller.person)
    return decide_change(s.policy(), ask, s.membership(), await s.ledger.now())


async def _submit(
    s: Services,
    caller: Caller,
    wanted: Wanted,
    change: AzureChange,
    verdict: Needs,
    locale: Locale,
) -> Message:
    event = Submitted(
        kind=change.KIND,
        target=change.targets[0],
        terms=terms_of(change),
        justification=wanted.reason.strip(),
        ticket=wanted.ticket.strip(),
        rule=verdict.rule,
        same_person=tuple(sorted(s.policy().same_person(caller.person))),
        lapses_at=verdict.lapses_at,
        asked_in=caller.channel if caller.thread else "",
        asked_thread=caller.thread,
        change=change,
    )
    filed = await s.ledger.submit(event, actor=caller.person, op_id=caller.op, trace=caller.trace)
    match filed:
        case Recorded(request=request):
            return answers.sent(request, len(verdict.approvers), s.group_names(), locale)
        case Repeated(request=request) if request is not None:
            return answers.sent(request, len(verdict.approvers), s.group_names(), locale)
        case Same(request):
            return answers.same_already(request, locale)
        case _:
            return answers.refused((), locale)


def can_undo(s: Services, request: Request) -> bool:
    """Done, whole or in part, not long ago, and no undoing itself."""
    is_done = request.state is State.APPLIED or request.is_partial
    until = request.undo_until
    return is_done and until is not None and s.ledger.instant < until


async def undo_change(
    s: Services, caller: Caller, request: Request, reason: str, locale: Locale
) -> Message:
    """A request of its own, of the same kind, that puts back what this one has changed."""
    action = s.actions.get(request.kind)
    if action is None or request.change is None or request.outcome is None:
        return answers.late(request, locale)
    back = action.undo(request.change, request.before, request.outcome)
    if back is None or not can_undo(s, request):
        return answers.late(request, locale)
    change = msgspec.structs.replace(back, undoes=request.id)
    return await file_change(s, caller, Wanted(change, reason), locale)
