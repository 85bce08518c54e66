"""`More`: everything known of a request, the reason in full, and Cancel away from Approve."""

from __future__ import annotations

from datetime import timedelta

from approvals.events import State
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, safe, words
from handlers.views.blocks import Block, Message, View
from handlers.views.card_facts import CardFacts, PastRequest
from handlers.views.pending_card import outcome_word, power_word

#: Names listed before the rest are counted.
APPROVERS_SHOWN = 8
TAGS_MAX = 1_000
REASON_MAX = 2_500


#: States that are said in other words of a change.
CHANGE_STATES = frozenset({State.APPROVED, State.APPLYING, State.FAILED})


def details_view(
    request: Request,
    facts: CardFacts,
    locale: Locale,
    *,
    approvers: tuple[str, ...] = (),
    may_cancel: bool = False,
) -> View:
    """`approvers` are ids of people who could decide now; the requester is not among them."""
    return blocks.modal(
        "jit_details",
        words.number(request, locale),
        blocks.section(f"*{words.whole_start(request, locale)}*", state_line(request, locale)),
        words.terms_box(request, locale),
        _reason(request, facts, locale),
        blocks.section(*_vm_lines(request, facts, locale)),
        blocks.section(*_rule_lines(request, facts, locale)),
        _approvers(approvers, facts, locale),
        _history(facts.history, locale),
        _cancel(request, locale) if may_cancel else None,
        metadata=str(request.id),
        close=locale.text("button.close"),
    )


def details_message(request: Request, facts: CardFacts, locale: Locale) -> Message:
    """`/jit show 1042`: the same facts for one reader."""
    text = locale.text(
        "details.text",
        what=safe.escape_mrkdwn(words.whole(request, locale)),
        state=state_line(request, locale, tokens=False),
        id=request.id,
    )
    return blocks.message(
        text,
        blocks.section(f"*{words.whole_start(request, locale)}*", state_line(request, locale)),
        words.terms_box(request, locale),
        _reason(request, facts, locale),
        blocks.section(*_rule_lines(request, facts, locale)),
        blocks.context(words.number(request, locale)),
    )


def state_line(request: Request, locale: Locale, *, tokens: bool = True) -> str:
    """Where a request is, in one sentence with the instant that matters (mrkdwn)."""
    show = locale.when if tokens else locale.plain_when
    who = locale.person(request.requester)
    match request.state:
        case State.PENDING:
            return locale.text(
                "state.pending",
                who=who,
                given=len(request.approvals),
                quorum=request.rule.quorum,
                when=show(request.lapses_at),
            )
        case State.ACTIVE:
            return locale.text("state.active", who=who, when=show(words.ends_at(request)))
        case State.CLOSING if request.still_open is not None:
            return locale.text("state.still_open", who=who, when=show(request.still_open.until))
        case state:
            by = locale.person(request.decided_by or request.closed_by or "")
            own = request.change is not None and state in CHANGE_STATES
            family = "change_state" if own else "state"
            return locale.text(f"{family}.{state}", who=who, by=by, when=show(request.changed_at))


def _reason(request: Request, facts: CardFacts, locale: Locale) -> Block:
    """The whole reason: the card hides lines, this never does."""
    text = safe.plain(request.justification, REASON_MAX)
    if request.ticket:
        text += locale.text("reason.before_ticket")
        text += safe.plain(safe.one_line(request.ticket), 80) + locale.text("reason.after_ticket")
    return blocks.quote(blocks.run(text))


def _vm_lines(request: Request, facts: CardFacts, locale: Locale) -> list[str]:
    target = request.target
    comma = locale.text("list.comma")
    first = [safe.escape_mrkdwn(target.os, 80)] if target.os else []
    first.append(safe.escape_mrkdwn(power_word(facts.power, locale), 80))
    place = (target.resource_group, target.subscription_name, target.location)
    lines = [
        f"*{locale.text('details.vm')}*",
        locale.text("details.vm_line", vm=safe.code(target.name), facts=comma.join(first)),
        comma.join(safe.escape_mrkdwn(part, 120) for part in place if part),
    ]
    if target.tags:
        tags = comma.join(f"{key}={value}" for key, value in target.tags.items())
        lines.append(locale.text("details.tags", tags=safe.escape_mrkdwn(tags, TAGS_MAX)))
    return lines


def _rule_lines(request: Request, facts: CardFacts, locale: Locale) -> list[str]:
    rule = request.rule
    return [
        f"*{locale.text('details.rule', rule=safe.escape_mrkdwn(rule.name, 80))}*",
        locale.text(
            "details.rule_line",
            who=words.deciders(request, facts.group_names, locale),
            quorum=rule.quorum,
            longest=locale.duration(timedelta(seconds=rule.longest_seconds)),
        ),
        locale.text("details.rule_place", line=rule.line),
    ]


def _approvers(approvers: tuple[str, ...], facts: CardFacts, locale: Locale) -> Block | None:
    if not approvers:
        return None
    shown = locale.people(approvers[:APPROVERS_SHOWN])
    more = len(approvers) - APPROVERS_SHOWN
    if more > 0:
        shown = locale.plural("details.and_more", more, people=shown)
    return blocks.section(f"*{locale.text('details.can_approve')}*", shown)


def _history(history: tuple[PastRequest, ...], locale: Locale) -> Block | None:
    if not history:
        return None
    items = [
        locale.text(
            "details.past",
            day=locale.day(past.at),
            ports=words.ports(past.ports, locale),
            window=words.window_noun(past.window, locale),
            outcome=locale.text(f"outcome.{outcome_word(past.state)}"),
        )
        for past in history
    ]
    return blocks.titled_list(locale.plural("details.history", len(items)), items)


def _cancel(request: Request, locale: Locale) -> Block:
    label = locale.text("button.cancel_request")
    return blocks.actions(blocks.button(label, "jit_cancel", words.reference(request)))
