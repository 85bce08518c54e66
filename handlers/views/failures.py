"""What Azure would not do: said plainly, with who can mend it and what still holds."""

from __future__ import annotations

from datetime import datetime

from approvals.events import EndCause
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, reason, safe, words
from handlers.views.blocks import Message
from handlers.views.change_failed import change_failed_card, way_on, why_change_failed
from handlers.views.open_card import closed_by

#: Azure's codes, and ours, that have plain words; all others are shown with Azure's own message.
REASONS = {
    "ScopeLocked": "locked",
    "AuthorizationFailed": "forbidden",
    "LinkedAuthorizationFailed": "forbidden",
    "NoCredential": "forbidden",
    "PolicyNotFound": "no_policy",
    "ResourceNotFound": "no_policy",
    "NotFound": "no_policy",
    "TooManyRequests": "busy",
    "SubscriptionRequestsThrottled": "busy",
    "Paced": "busy",
    "start_deadline": "late",
    "window_over": "late",
    "OutcomeUnknown": "unproved",
    "NotShown": "unproved",
    "ProofFailed": "proof",
    "AzureEnded": "ended",
}

#: Why a port could not be closed early (`approvals.actions.jit_access.CannotClose`).
CLOSE_REASONS = frozenset({"shared", "not_admitted", "no_right", "refused", "switched_off"})

#: The end is over, and it is not proved closed (`approvals.closing`): an alarm.
AFTER_END = frozenset({"rule_left", "still_listed", "unread"})

MESSAGE_MAX = 600


def failure_word(code: str) -> str:
    """The key below `failure.` that explains a code."""
    return REASONS.get(code, "unknown")


def why_failed(request: Request, locale: Locale) -> str:
    """Why the port was not opened, in one sentence (mrkdwn)."""
    if request.change is not None:
        return why_change_failed(request, locale)
    failure = request.failure
    word = failure_word(failure.code if failure else "")
    group = safe.code(request.target.resource_group)
    return locale.text(f"failure.{word}.why", group=group)


def what_next(request: Request, locale: Locale, *, tokens: bool) -> str:
    """Who can mend it, and whether the approval still holds (mrkdwn)."""
    if request.change is not None:
        return way_on(request, locale)
    failure = request.failure
    word = failure_word(failure.code if failure else "")
    fix = locale.text(f"failure.{word}.fix", who=locale.person(request.requester))
    if failure is None or not failure.retryable or request.start_by is None:
        return f"{fix}{locale.text('failure.ask_again')}"
    show = locale.when if tokens else locale.plain_when
    return f"{fix}{locale.text('failure.try_again', when=show(request.start_by))}"


def failed_card(request: Request, now: datetime, locale: Locale) -> Message:
    """Azure's refusal in plain words; the code is small print."""
    if request.change is not None:
        return change_failed_card(request, now, locale)
    failure = request.failure
    title = words.headline("card.failed.headline", request, locale)
    word = failure_word(failure.code) if failure is not None else ""
    says = failure is not None and word in ("unknown", "ended") and failure.message
    retry = failure is not None and failure.retryable
    late = request.start_by is None or now >= request.start_by
    value = words.reference(request)
    way_on = (
        blocks.button(locale.text("button.retry"), "jit_retry", value, style="primary")
        if retry and not late
        else blocks.button(locale.text("button.again"), "jit_again", value)
    )
    return blocks.message(
        locale.text(
            "card.failed.text",
            headline=title,
            why=why_failed(request, locale),
            fix=what_next(request, locale, tokens=False),
        ),
        blocks.section(f":warning: *{title}*", why_failed(request, locale)),
        reason.quoted(failure.message, locale) if failure is not None and says else None,
        blocks.section(what_next(request, locale, tokens=True)),
        blocks.actions(way_on, blocks.button(locale.text("button.more"), "jit_more", value)),
        blocks.context(
            locale.text(
                "card.failed.code",
                code=safe.escape_mrkdwn(failure.code if failure else safe.EMPTY, 120),
                id=request.id,
            )
        ),
    )


def close_word(code: str) -> str:
    """The key below `close.` that explains why a port could not be closed early."""
    return code if code in CLOSE_REASONS | AFTER_END else "unproved"


def still_open_headline(request: Request, locale: Locale) -> str:
    """What can't be read is not called open."""
    code = request.still_open.code if request.still_open else ""
    key = "card.still_open.unread" if code == "unread" else "card.still_open.headline"
    return words.headline(key, request, locale)


def still_open_card(request: Request, portal_url: str | None, locale: Locale) -> Message:
    """Admits it in the headline; the first button leads to where it can be closed."""
    still = request.still_open
    until = still.until if still else words.ends_at(request)
    word = close_word(still.code if still else "")
    title = still_open_headline(request, locale)
    closing = request.closing
    is_over = word in AFTER_END and closing is not None and closing.cause is EndCause.EXPIRED
    by = "" if is_over else closed_by(request, locale)
    value = words.reference(request)
    portal = (
        blocks.button(
            locale.text("button.open_portal"), "open_portal", value, style="primary", url=portal_url
        )
        if portal_url and reason.is_web_address(portal_url)
        else None
    )
    return blocks.message(
        locale.text(
            "card.still_open.text",
            headline=title,
            by="" if is_over else closed_by(request, locale, tokens=False),
            why=locale.text(f"close.{word}", when=locale.plain_when(until)),
        ),
        blocks.section(f":warning: *{title}*", by),
        reason.quoted(closing.reason, locale) if closing and closing.reason else None,
        blocks.section(
            locale.text(f"close.{word}", when=locale.when(until)),
            locale.text("close.by_hand"),
            locale.text("close.looking") if word in AFTER_END else "",
        ),
        blocks.actions(
            portal, blocks.button(locale.text("button.close_retry"), "jit_close_retry", value)
        ),
        blocks.context(
            locale.text(
                "card.still_open.small",
                who=locale.person(request.requester),
                source=safe.escape_mrkdwn(request.terms.source),
                id=request.id,
            )
        ),
    )
