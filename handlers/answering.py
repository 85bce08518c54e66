"""From a result to the sentence: which answer fits, whoever asked and however."""

from __future__ import annotations

import logging

from approvals.events import RequestId
from approvals.ledger import LedgerError, LedgerFrozen, LedgerUnavailable
from approvals.request import Request
from approvals.verdict import Code, Field, Refusal
from handlers.command_line import CommandLine, Verb, near_word
from handlers.deciding import Done, Result
from handlers.line_words import Word
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import answers
from handlers.views.blocks import Message

log = logging.getLogger(__name__)


def not_understood(line: CommandLine, locale: Locale) -> Message:
    """Each word of a command that could not be read, with its place; nothing was done."""
    said = [answers.refusal_text(refusal, locale) for refusal in unreadable(line)]
    return answers.note(locale, locale.text("answer.not_done"), *said)


def unreadable(line: CommandLine) -> tuple[Refusal, ...]:
    """What of the line could not be read."""
    return (*(_unknown(word) for word in line.unknown), *hidden_characters(line))


def hidden_characters(line: CommandLine) -> tuple[Refusal, ...]:
    """Characters that show nothing, named only when something did not match (C051)."""
    return tuple(
        Refusal(Code.HIDDEN_CHARACTER, Field.REQUEST, {"word": "", "position": position})
        for position in line.hidden[:1]
    )


def number_missing(verb: Verb, locale: Locale) -> Message:
    """Which request is meant? The line that says it."""
    return answers.note(
        locale,
        locale.text("edge.number_missing.headline"),
        locale.text("edge.number_missing.line", line=f"/jit {verb.value} 1042"),
    )


def reason_missing(line: CommandLine, locale: Locale) -> Message:
    """A decision that needs a reason: the line that gives it."""
    example = f"/jit {line.verb.value} {line.request_id} {locale.text('edge.because')}"
    said = locale.text("edge.reason_missing", line=example)
    return answers.note(locale, locale.text("answer.not_done"), said)


def not_requester(s: Services, request: Request, locale: Locale) -> Message:
    refusal = Refusal(Code.NOT_REQUESTER, Field.REQUEST, {"requester": request.requester})
    return answers.not_decided(refusal, request, locale, s.group_names())


def _unknown(word: Word) -> Refusal:
    args = {"word": word.typed, "position": word.position, "near": near_word(word) or ""}
    return Refusal(Code.WORD_UNKNOWN, Field.REQUEST, args)


def ledger_answer(error: LedgerError, locale: Locale) -> Message:
    """Not recorded, so nothing happened; the log has the detail."""
    log.warning("not recorded: %s: %s", type(error).__name__, error)
    if isinstance(error, LedgerFrozen):
        return answers.frozen(locale)
    is_unknown = isinstance(error, LedgerUnavailable) and error.unknown
    return answers.no_ledger(locale, unknown=is_unknown)


def decision_answer(
    s: Services, result: Result, request_id: RequestId, verb: Verb, locale: Locale
) -> Message:
    """What became of a decision, for the one who made it."""
    if isinstance(result, Done):
        return _recorded(result.request, verb, locale)
    if result.request is None:
        return answers.no_such_request(request_id, locale)
    if result.refusal is None:
        return answers.late(result.request, locale)
    return answers.not_decided(result.refusal, result.request, locale, s.group_names())


def _recorded(request: Request, verb: Verb, locale: Locale) -> Message:
    match verb:
        case Verb.APPROVE:
            return answers.approved(request, locale)
        case Verb.DENY:
            return answers.denied(request, locale)
        case Verb.CANCEL:
            return answers.cancelled(request, locale)
        case Verb.DONE:
            return answers.done_asked(request, locale)
        case Verb.REVOKE:
            return answers.revoked(request, locale)
        case Verb.RETRY:
            return answers.retried(request, locale)
        case _:
            raise ValueError(f"{verb} records no decision")
