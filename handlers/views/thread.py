"""One line per step for the thread of a card. Who did it comes first, then what follows."""

from __future__ import annotations

from typing import assert_never

from approvals.events import (
    Applied,
    Applying,
    Approved,
    Cancelled,
    Closing,
    Denied,
    EndCause,
    Ended,
    Event,
    Failed,
    Lapsed,
    Opened,
    PersonId,
    Postponed,
    Refused,
    Retried,
    StillOpen,
    Submitted,
    Terms,
    Undone,
    Warned,
)
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import failures, safe, words
from handlers.views.closed_lines import closed_lines, is_rule_gone
from handlers.views.end_card import lapsed_line

#: A reason in one line of a thread; the card and the DM quote it in full.
REASON_MAX = 600


def thread_line(  # noqa: C901 (one arm an event)
    request: Request, event: Event, actor: PersonId, locale: Locale
) -> str | None:
    """The line (mrkdwn) for `event`, after which the request is `request`. None: nothing to say."""
    who = locale.person(actor)
    match event:
        case Submitted():
            return None
        case Approved():
            return _approved(request, event, locale)
        case Denied(reason=reason):
            return locale.text("thread.denied", who=who, reason=_words(reason))
        case Cancelled(reason=reason):
            return _cancelled(request, reason, who, locale)
        case Lapsed():
            return locale.text("thread.lapsed", line=lapsed_line(request, locale, tokens=True))
        case Applying(attempt=attempt):
            key = "change.thread_again" if request.change is not None else "thread.again"
            return None if attempt.number == 1 else locale.text(key, n=attempt.number)
        case Opened(opening=opening):
            return locale.text("thread.opened", when=locale.when(opening.ends_at))
        case Applied():
            return locale.text("change.thread_applied")
        case Undone(by=by):
            return locale.text("change.thread_undone", id=by)
        case Failed():
            why = failures.why_failed(request, locale)
            return locale.text(
                "thread.failed", why=why, fix=failures.what_next(request, locale, tokens=True)
            )
        case Postponed(retry_at=retry_at):
            return locale.text("thread.postponed", when=locale.when(retry_at))
        case Retried():
            return locale.text("thread.retried", who=who)
        case Closing():
            return _closing(event, who, locale)
        case StillOpen(code=code, until=until):
            word = failures.close_word(code)
            why = locale.text(f"close.{word}", when=locale.when(until))
            key = "thread.rule_left" if word in failures.AFTER_END else "thread.still_open"
            return locale.text(key, why=why)
        case Ended():
            return locale.text(
                "thread.ended", lines=locale.text("list.sentences").join(_end(request, locale))
            )
        case Warned() | Refused():
            return None
        case _:
            assert_never(event)


def _end(request: Request, locale: Locale) -> list[str]:
    """Cause and proof; that connections live on stands on the card above."""
    return closed_lines(request, locale)[: 1 if is_rule_gone(request) else 2]


def _approved(request: Request, event: Approved, locale: Locale) -> str:
    approval = event.approval
    line = locale.text(
        "thread.approved",
        who=locale.person(approval.approver),
        given=len(request.approvals),
        quorum=request.rule.quorum,
    )
    before = _terms_before(request, event)
    if approval.terms != before:
        line += locale.text("thread.less", less=less(before, approval.terms, locale))
    if approval.comment:
        line += locale.text("thread.comment", comment=_words(approval.comment))
    return line


def _terms_before(request: Request, event: Approved) -> Terms:
    """The terms on the card before this approval: the previous approval's, else those asked."""
    earlier = request.asked
    for approval in request.approvals:
        if approval.approver == event.approval.approver:
            break
        earlier = approval.terms
    return earlier


def less(before: Terms, after: Terms, locale: Locale) -> str:
    """`1 hour instead of 2 hours, without port 8443` (mrkdwn)."""
    parts = []
    if after.window != before.window:
        parts.append(
            locale.text(
                "less.window",
                now=words.window_noun(after.window, locale),
                before=words.window_noun(before.window, locale),
            )
        )
    gone = [port for port in before.ports if port not in after.ports]
    if gone:
        parts.append(locale.text("less.ports", ports=words.ports(gone, locale)))
    return locale.text("list.comma").join(parts)


def _cancelled(request: Request, reason: str, who: str, locale: Locale) -> str:
    key = "thread.cancel_wanted" if request.cancel_wanted else "thread.cancelled"
    line = locale.text(key, who=who)
    return line + (locale.text("thread.because", reason=_words(reason)) if reason else "")


def _closing(event: Closing, who: str, locale: Locale) -> str | None:
    match event.cause:
        case EndCause.DONE | EndCause.REVOKED | EndCause.CANCELLED:
            line = locale.text(f"thread.closing_{event.cause}", who=who)
        case EndCause.EXPIRED | EndCause.SUPERSEDED | EndCause.VANISHED:
            return None
        case _:
            assert_never(event.cause)
    return line + (
        locale.text("thread.because", reason=_words(event.reason)) if event.reason else ""
    )


def _words(text: str) -> str:
    return safe.escape_mrkdwn(text or safe.EMPTY, REASON_MAX)
