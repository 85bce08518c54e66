"""A change that Azure did not make, or made in part: what is done, what is not, and the way on."""

from __future__ import annotations

from datetime import datetime

from approvals.changes import Result
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, safe, words
from handlers.views.blocks import Message
from handlers.views.change_request import undo_button

#: Codes that have plain words; all others are shown with Azure's own message.
REASONS = {
    "ScopeLocked": "locked",
    "AuthorizationFailed": "forbidden",
    "LinkedAuthorizationFailed": "forbidden",
    "NoCredential": "forbidden",
    "TooManyRequests": "busy",
    "PolicyChanged": "changed",
    "LostUpdate": "lost",
    "OutcomeUnknown": "unproved",
    "ProofFailed": "proof",
    "start_deadline": "late",
}
RESULTS_SHOWN = 10
MESSAGE_MAX = 300


def change_failed_card(request: Request, now: datetime, locale: Locale) -> Message:
    """In part or not at all; the requester may try again while the approval holds."""
    failure = request.failure
    key = "change.partial" if request.is_partial else "change.failed"
    title = locale.text(key, thing=safe.escape_mrkdwn(words.what(request, locale)))
    may_retry = (
        failure is not None
        and failure.retryable
        and request.start_by is not None
        and now < request.start_by
    )
    retry = blocks.button(
        locale.text("button.retry"), "jit_retry", words.reference(request), style="primary"
    )
    more = blocks.button(locale.text("button.more"), "jit_more", words.reference(request))
    return blocks.message(
        locale.text("sentence", headline=title, rest=why_change_failed(request, locale)),
        blocks.section(f":warning: *{title}*", why_change_failed(request, locale)),
        blocks.section(*_results(request, locale)) if request.outcome else None,
        blocks.section(way_on(request, locale)),
        blocks.actions(retry if may_retry else None, undo_button(request, locale), more),
        blocks.context(
            locale.text(
                "card.failed.code",
                code=safe.escape_mrkdwn(failure.code if failure else safe.EMPTY, 120),
                id=request.id,
            )
        ),
    )


def why_change_failed(request: Request, locale: Locale) -> str:
    """In one sentence (mrkdwn)."""
    failure = request.failure
    word = REASONS.get(failure.code if failure else "", "unknown")
    said = safe.escape_mrkdwn(safe.one_line(failure.message), MESSAGE_MAX) if failure else ""
    return locale.text(f"change.why.{word}", message=said or safe.EMPTY)


def way_on(request: Request, locale: Locale) -> str:
    """Until when it may be tried again."""
    failure = request.failure
    if failure is None or not failure.retryable or request.start_by is None:
        return locale.text("change.ask_again")
    return locale.text("change.try_again", when=locale.when(request.start_by))


def _results(request: Request, locale: Locale) -> list[str]:
    outcome = request.outcome
    if outcome is None:
        return []
    shown = [_result(result, locale) for result in outcome.results[:RESULTS_SHOWN]]
    more = len(outcome.results) - RESULTS_SHOWN
    return [*shown, locale.text("jit_policy.more", n=more)] if more > 0 else shown


def _result(result: Result, locale: Locale) -> str:
    name = safe.code(result.name)
    if result.is_done:
        return locale.text("change.result_done", name=name)
    code = safe.escape_mrkdwn(result.code or safe.EMPTY, 120)
    return locale.text("change.result_failed", name=name, code=code)
