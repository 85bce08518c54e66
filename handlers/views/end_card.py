"""Cards of what is over: what is known, then one next step."""

from __future__ import annotations

from approvals.events import EndCause
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, reason, words
from handlers.views.blocks import Block, Element, Message
from handlers.views.closed_lines import closed_lines, closed_text
from handlers.views.open_card import closing_reason
from handlers.views.words import headline


def ended_card(request: Request, locale: Locale) -> Message:
    """The port is closed: whose doing, what proves it, and the limit of that proof."""
    superseded = request.ended is not None and request.ended.cause is EndCause.SUPERSEDED
    goes_on = superseded and request.ended is not None and request.ended.by is not None
    key = "card.ended.replaced" if superseded else "card.ended.headline"
    title = headline(key, request, locale)
    lines = closed_lines(request, locale)
    return blocks.message(
        locale.text("sentence", headline=title, rest=closed_text(request, locale)),
        blocks.section(f"*{title}*", *lines),
        closing_reason(request, locale),
        None if goes_on else again(request, locale),
        blocks.context(words.number(request, locale)),
    )


def _again_button(request: Request, locale: Locale) -> Element | None:
    """The way back: a form filled with what was asked. A change is asked for by its line."""
    if request.change is not None:
        return None
    return blocks.button(locale.text("button.again"), "jit_again", words.reference(request))


def again(request: Request, locale: Locale) -> Block | None:
    button = _again_button(request, locale)
    return blocks.actions(button) if button is not None else None


def denied_card(request: Request, locale: Locale) -> Message:
    """The reason in the approver's own words, then the way back."""
    denial = request.denial.reason if request.denial else ""
    who = locale.person(request.decided_by or "")
    asker = locale.person(request.requester)
    title = headline("card.denied.headline", request, locale)
    return blocks.message(
        locale.text(
            "card.denied.text",
            headline=title,
            who=who,
            when=locale.plain_when(request.changed_at),
            reason=words.clause(denial),
            unchanged=words.unchanged(request, locale),
        ),
        blocks.section(
            f"*{title}*",
            locale.text(
                "card.denied.line",
                who=who,
                asker=asker,
                when=locale.when(request.changed_at),
                unchanged=words.unchanged(request, locale),
            ),
        ),
        reason.quoted(denial, locale),
        again(request, locale),
        blocks.context(words.number(request, locale)),
    )


def lapsed_card(request: Request, locale: Locale) -> Message:
    """How far it got, so that the asker knows whom to talk to."""
    title = headline("card.lapsed.headline", request, locale)
    return blocks.message(
        locale.text("sentence", headline=title, rest=lapsed_line(request, locale, tokens=False)),
        blocks.section(f"*{title}*", lapsed_line(request, locale, tokens=True)),
        again(request, locale),
        blocks.context(words.number(request, locale)),
    )


def lapsed_line(request: Request, locale: Locale, *, tokens: bool) -> str:
    """No answer in time, or approved and never opened."""
    show = locale.when if tokens else locale.plain_when
    who = locale.person(request.requester)
    unchanged = words.unchanged(request, locale)
    if not request.missing_approvals:
        start_by = request.start_by or request.changed_at
        key = "change.not_started" if request.change is not None else "card.lapsed.not_started"
        return locale.text(key, who=who, when=show(start_by), unchanged=unchanged)
    if not request.approvals:
        return locale.text(
            "card.lapsed.none", who=who, when=show(request.lapses_at), unchanged=unchanged
        )
    return locale.text(
        "card.lapsed.some",
        who=who,
        given=len(request.approvals),
        quorum=request.rule.quorum,
        when=show(request.lapses_at),
        people=words.approvers(request, locale),
        unchanged=unchanged,
    )


def cancelled_card(request: Request, locale: Locale) -> Message:
    """Two lines; nobody needs to act, so there is no button."""
    who = locale.person(request.closed_by or request.requester)
    title = headline("card.cancelled.headline", request, locale)
    at = request.changed_at
    unchanged = words.unchanged(request, locale)
    return blocks.message(
        locale.text(
            "card.cancelled.text",
            headline=title,
            who=who,
            when=locale.plain_when(at),
            unchanged=unchanged,
        ),
        blocks.section(
            f"*{title}*",
            locale.text("card.cancelled.line", who=who, when=locale.when(at), unchanged=unchanged),
        ),
        blocks.context(words.number(request, locale)),
    )
