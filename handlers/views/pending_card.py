"""What approvers decide on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from approvals.events import State
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, reason, risk, safe, words
from handlers.views.blocks import Element, Message
from handlers.views.card_facts import CardFacts, PastRequest


def pending_card(request: Request, facts: CardFacts, locale: Locale) -> Message:
    """What approvers decide on: outcome, box, reason, risk, buttons, small print."""
    return blocks.message(
        _pending_text(request, facts, locale),
        blocks.section(f"*{_pending_headline(request, locale)}*", *_pending_lines(request, locale)),
        words.terms_box(request, locale),
        reason.quoted(
            request.justification, locale, ticket=request.ticket, ticket_url=facts.ticket_url
        ),
        risk.risk_list(request.target.name, facts.risk, locale) if request.target.name else None,
        blocks.section(*_risk_lines(request, facts, locale)),
        blocks.actions(*_decision_buttons(request, locale)),
        blocks.context(*_small_print(request, facts, locale)),
    )


def _pending_headline(request: Request, locale: Locale) -> str:
    """Counts what is missing, so that the first line says what is wanted (mrkdwn)."""
    key = "card.pending.more" if request.approvals else "card.pending.headline"
    what = safe.escape_mrkdwn(words.what(request, locale))
    return locale.plural(key, request.missing_approvals, thing=what)


def _pending_lines(request: Request, locale: Locale) -> list[str]:
    lines = [
        locale.text(
            "card.pending.asks",
            who=locale.person(request.requester),
            thing=words.what_code(request, locale),
            when=locale.when(request.lapses_at),
        )
    ]
    if request.extends:
        lines.append(locale.text("card.pending.extends", id=request.extends))
    if request.approvals:
        given = [
            locale.text(
                "card.pending.given_by",
                who=locale.person(approval.approver),
                when=locale.when(approval.at),
            )
            for approval in request.approvals
        ]
        count = locale.text(
            "card.pending.given",
            given=len(request.approvals),
            quorum=request.rule.quorum,
            people=locale.text("list.comma").join(given),
        )
        lines.append(count)
    return lines


def _pending_text(request: Request, facts: CardFacts, locale: Locale) -> str:
    why = words.clause(request.justification)
    if request.ticket:
        ticket = safe.escape_mrkdwn(request.ticket, 80)
        why = locale.text("card.pending.why_ticket", reason=why, ticket=ticket)
    if request.change is not None:
        return locale.text(
            "change.pending_text",
            headline=_pending_headline(request, locale),
            who=locale.person(request.requester),
            what=safe.escape_mrkdwn(words.what(request, locale)),
            reason=why,
            when=locale.plain_when(request.lapses_at),
            id=request.id,
        )
    return locale.text(
        "card.pending.text",
        headline=_pending_headline(request, locale),
        who=locale.person(request.requester),
        what=safe.escape_mrkdwn(words.whole(request, locale)),
        window=words.window(request.terms.window, locale),
        source=safe.escape_mrkdwn(request.terms.source),
        reason=why,
        risk=risk.risk_text(facts.risk, locale),
        when=locale.plain_when(request.lapses_at),
        id=request.id,
    )


def _risk_lines(request: Request, facts: CardFacts, locale: Locale) -> list[str]:
    lines = risk.quiet_lines(facts.risk, locale)
    other = facts.shared_with
    if other is not None:
        shared = locale.text(
            "card.shared",
            who=locale.person(other.requester),
            thing=words.thing_code(other.terms, other.target, locale),
            when=locale.when(words.ends_at(other)),
            id=other.id,
        )
        lines.append(shared)
    return lines


def _decision_buttons(request: Request, locale: Locale) -> list[Element]:
    value = words.reference(request)
    _, hidden = reason.cut_reason(request.justification, locale)
    less = [blocks.button(locale.text("button.approve_less"), "jit_approve_less", value)]
    if request.change is not None:
        less = []  # a change is approved as it is
    spoken = locale.text("card.approve_spoken", what=words.whole(request, locale))
    return [
        blocks.button(
            locale.text("button.approve"), "jit_approve", value, style="primary", spoken=spoken
        ),
        *less,
        blocks.button(locale.text("button.deny"), "jit_deny", value),
        blocks.button(
            locale.text("button.show_all" if hidden else "button.more"), "jit_more", value
        ),
    ]


def _small_print(request: Request, facts: CardFacts, locale: Locale) -> list[str]:
    if request.change is not None:
        return [_why_approvers(request, facts, locale), words.number(request, locale)]
    return [
        _why_approvers(request, facts, locale),
        history_line(facts.history, locale),
        _vm_line(request, facts, locale),
    ]


def _why_approvers(request: Request, facts: CardFacts, locale: Locale) -> str:
    """Rule and groups that make somebody an approver; the one place that mentions the group."""
    groups = [f"<!subteam^{group}>" for group in request.rule.groups]
    people = [locale.person(person) for person in request.rule.people]
    if groups:
        groups = [locale.text("card.members", groups=locale.join(groups))]
    return locale.text(
        "card.can_approve",
        who=locale.join(groups + people) or safe.EMPTY,
        rule=safe.escape_mrkdwn(request.rule.name, 80),
        quorum=request.rule.quorum,
        count=facts.approver_count,
    )


def history_line(history: tuple[PastRequest, ...], locale: Locale) -> str:
    """`Last 5 by the same person for this VM: 4 approved, 1 denied.`"""
    if not history:
        return locale.text("card.history.first")
    counts: dict[str, int] = {}
    for past in history:
        kind = outcome_word(past.state)
        counts[kind] = counts.get(kind, 0) + 1
    parts = [locale.text(f"card.history.{kind}", n=n) for kind, n in counts.items()]
    return locale.plural(
        "card.history.last", len(history), counts=locale.text("list.comma").join(parts)
    )


def outcome_word(state: State) -> str:
    """How a request went, in one word of the catalogue (`card.history.<word>`)."""
    match state:
        case State.PENDING:
            return "pending"
        case State.DENIED:
            return "denied"
        case State.LAPSED:
            return "lapsed"
        case State.CANCELLED:
            return "cancelled"
        case State.FAILED:
            return "failed"
        case State.APPROVED | State.APPLYING | State.ACTIVE | State.CLOSING | State.ENDED:
            return "approved"
        case State.APPLIED | State.UNDONE:
            return "approved"
        case _:
            assert_never(state)


def _vm_line(request: Request, facts: CardFacts, locale: Locale) -> str:
    target = request.target
    parts = [target.os, power_word(facts.power, locale), target.subscription_name, target.location]
    parts += [_tags(target.tags, locale)]
    shown = [safe.escape_mrkdwn(part, 120) for part in parts if part]
    return locale.text(
        "card.vm_line",
        facts=locale.text("list.comma").join(shown) or safe.EMPTY,
        id=request.id,
    )


#: Azure's power states that the catalogue has words for; others are shown as they came.
POWER_STATES = frozenset(
    {"running", "starting", "stopping", "stopped", "deallocating", "deallocated"}
)


def power_word(power: str | None, locale: Locale) -> str:
    if power is None:
        return locale.text("power.unknown")
    return locale.text(f"power.{power}") if power in POWER_STATES else power


#: More tags than this are counted, not listed: small print stays small.
TAGS_SHOWN = 3


def _tags(tags: Mapping[str, str], locale: Locale) -> str:
    if len(tags) > TAGS_SHOWN:
        return locale.plural("card.tags", len(tags))
    return locale.text("list.comma").join(f"{key}={value}" for key, value in tags.items())
