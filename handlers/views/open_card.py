"""Cards while Azure is at work or the port is open."""

from __future__ import annotations

from typing import assert_never

from approvals.events import EndCause
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, reason, safe, words
from handlers.views.blocks import Block, Element, Message
from handlers.views.words import headline


def opening_card(request: Request, locale: Locale) -> Message:
    """No buttons while the outcome is open; promises nothing before Azure shows it."""
    late = request.cancel_wanted
    waits = locale.text("card.opening.cancel_wanted" if late else "card.opening.waits")
    if request.postponed is not None:
        waits = locale.text("card.opening.postponed", when=locale.when(request.postponed.retry_at))
    return blocks.message(
        locale.text(
            "card.opening.text",
            thing=safe.escape_mrkdwn(words.thing(request.terms, request.target, locale)),
            who=locale.person(request.requester),
            source=safe.escape_mrkdwn(request.terms.source),
            people=words.approvers(request, locale),
            waits=locale.text("card.opening.cancel_wanted" if late else "card.opening.waits"),
        ),
        blocks.section(
            f"*{headline('card.opening.headline', request, locale)}*",
            waits,
            *_for_whom(request, locale),
        ),
        blocks.context(words.number(request, locale)),
    )


def open_card(request: Request, locale: Locale) -> Message:
    """Done is primary: closing early is the best ending."""
    value = words.reference(request)
    closes = words.ends_at(request)
    return blocks.message(
        locale.plural(
            "card.open.text",
            len(request.terms.ports),
            thing=safe.escape_mrkdwn(words.thing_start(request.terms, request.target, locale)),
            who=locale.person(request.requester),
            source=safe.escape_mrkdwn(request.terms.source),
            when=locale.plain_when(closes),
            people=words.approvers(request, locale),
        ),
        blocks.section(
            f":unlock: *{headline('card.open.headline', request, locale)}*",
            locale.text("card.open.closes", when=locale.when(closes)),
            *_for_whom(request, locale),
        ),
        blocks.actions(
            done_button(request, locale),
            blocks.button(locale.text("button.extend"), "jit_extend", value),
            blocks.button(locale.text("button.revoke"), "jit_revoke", value),
        ),
        blocks.context(locale.text("card.open.who_may", id=request.id)),
    )


def done_button(request: Request, locale: Locale, *, primary: bool = True) -> Element:
    """Closes the port early; a screen reader hears what it closes."""
    spoken = locale.text(
        "button.done_spoken", thing=words.thing(request.terms, request.target, locale)
    )
    return blocks.button(
        locale.text("button.done"),
        "jit_done",
        words.reference(request),
        style="primary" if primary else "",
        spoken=spoken,
    )


def _for_whom(request: Request, locale: Locale) -> list[str]:
    who = locale.person(request.requester)
    return [
        locale.text(
            "card.for",
            who=who,
            source=safe.code(request.terms.source),
            plain_source=safe.escape_mrkdwn(request.terms.source),
        ),
        locale.text("card.approved_by", people=words.approvers(request, locale)),
    ]


def closing_card(request: Request, locale: Locale) -> Message:
    """Being closed: no button, since all that can be asked for has been."""
    by = closed_by(request, locale)
    plain_by = closed_by(request, locale, tokens=False)
    title = headline("card.closing.headline", request, locale)
    text = locale.text("card.closing.text", headline=title, by=plain_by)
    return blocks.message(
        text,
        blocks.section(f"*{title}*", by, locale.text("card.closing.waits")),
        closing_reason(request, locale),
        blocks.context(words.number(request, locale)),
    )


def closed_by(request: Request, locale: Locale, *, tokens: bool = True) -> str:
    """Who or what ended it, with the instant."""
    closing = request.closing
    instant = request.closing_since or request.changed_at
    at = locale.when(instant) if tokens else locale.plain_when(instant)
    cause = closing.cause if closing else EndCause.EXPIRED
    who = locale.person(request.closed_by) if request.closed_by else safe.EMPTY
    match cause:
        case EndCause.DONE | EndCause.REVOKED | EndCause.CANCELLED:
            return locale.text(f"card.closing.{cause}", who=who, when=at)
        case EndCause.EXPIRED | EndCause.SUPERSEDED | EndCause.VANISHED:
            return locale.text("card.closing.expired", when=at)
        case _:
            assert_never(cause)


def closing_reason(request: Request, locale: Locale) -> Block | None:
    closing = request.closing
    return reason.quoted(closing.reason, locale) if closing and closing.reason else None
