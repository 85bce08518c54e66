"""Answers that one person reads: what was done, or why not, and the one thing left to do.

Every click gets one of these. "Nothing changed" stands only where that is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from approvals.events import State
from approvals.request import Request
from approvals.verdict import Code, Refusal
from handlers.locale import Locale
from handlers.views import blocks, safe, words
from handlers.views.blocks import Element, Message, Option
from handlers.views.open_card import done_button
from handlers.views.refusals import NO_NAMES, refusal_lines, refusal_text

__all__ = ["refusal_text"]

#: Near names as buttons; more would not fit a phone.
NEAR_MAX = 4


def note(locale: Locale, headline: str, *lines: str, buttons: Sequence[Element] = ()) -> Message:
    """A bold headline and lines, the same in one go as the fallback."""
    rest = locale.text("list.sentences").join(line for line in lines if line)
    return blocks.message(
        locale.text("sentence", headline=headline.rstrip(".。"), rest=rest),
        blocks.section(f"*{headline}*", *lines),
        blocks.actions(*buttons) if buttons else None,
    )


def _say(key: str, locale: Locale, *, buttons: Sequence[Element] = (), **args: object) -> Message:
    """`<key>.headline` and `<key>.line` of the catalogue, with the same arguments."""
    headline = locale.text(f"{key}.headline", **args)
    line = locale.text(f"{key}.line", **args)
    return blocks.message(
        locale.text("sentence", headline=headline, rest=line),
        blocks.section(f"*{headline}*", line),
        blocks.actions(*buttons) if buttons else None,
    )


# --- asking -----------------------------------------------------------------------------------


def sent(
    request: Request, approver_count: int, group_names: Mapping[str, str], locale: Locale
) -> Message:
    """Number, who decides and until when."""
    args = {
        "id": request.id,
        "quorum": request.rule.quorum,
        "count": approver_count,
        "who": words.deciders(request, group_names, locale),
        "channel": f"<#{request.rule.channel}>",
    }
    return blocks.message(
        locale.text(
            "answer.sent.text",
            what=safe.escape_mrkdwn(words.whole(request, locale)),
            when=locale.plain_when(request.lapses_at),
            **args,
        ),
        blocks.section(
            f"*{locale.text('answer.sent.headline', id=request.id)}*",
            locale.text(
                "answer.sent.line",
                what=_sent_what(request, locale),
                when=locale.when(request.lapses_at),
                **args,
            ),
        ),
        blocks.actions(_cancel_button(request, locale)),
    )


def _sent_what(request: Request, locale: Locale) -> str:
    if request.change is not None:
        return words.what_code(request, locale)
    what = words.thing_code_start(request.terms, request.target, locale)
    return locale.text("whole", thing=what, window=words.window_token(request.terms.window, locale))


def checking(locale: Locale) -> Message:
    """Azure is being read; nothing is asked yet."""
    text = locale.text("answer.checking")
    return blocks.message(text, blocks.section(text))


def same_already(request: Request, locale: Locale) -> Message:
    """The same person, VM, ports and source: the request that is open already."""
    return _say(
        "answer.same",
        locale,
        buttons=[_cancel_button(request, locale)] if request.state is State.PENDING else [],
        id=request.id,
        thing=safe.escape_mrkdwn(words.what(request, locale)),
        channel=f"<#{request.rule.channel}>",
    )


def already_open_for_you(request: Request, locale: Locale) -> Message:
    """Offers an extension instead of a second session."""
    closes = words.ends_at(request)
    headline = words.headline("answer.open_already.headline", request, locale)
    return blocks.message(
        locale.text("answer.open_already.text", headline=headline, when=locale.plain_when(closes)),
        blocks.section(
            f"*{headline}*", locale.text("answer.open_already.line", when=locale.when(closes))
        ),
        blocks.actions(
            blocks.button(
                locale.text("button.extend"),
                "jit_extend",
                words.reference(request),
                style="primary",
            ),
            done_button(request, locale, primary=False),
        ),
    )


def open_by_other(request: Request, locale: Locale) -> Message:
    """Another person's session on this VM: said, never hidden; asking goes on."""
    line = shared_note(request, locale)
    return blocks.message(line, blocks.section(line))


def shared_note(request: Request, locale: Locale) -> str:
    """The sentence about another open session, for the form and for answers (mrkdwn)."""
    return locale.text(
        "card.shared",
        who=locale.person(request.requester),
        thing=words.thing_code(request.terms, request.target, locale),
        when=locale.when(words.ends_at(request)),
        id=request.id,
    )


def unknown_vm(typed: str, near: Sequence[Option], draft_id: str, locale: Locale) -> Message:
    """Near names as buttons that keep the rest of the line. `value` of a name is a short key."""
    return _choose_vm("answer.unknown_vm", typed, near, draft_id, locale)


def ambiguous_vm(typed: str, found: Sequence[Option], draft_id: str, locale: Locale) -> Message:
    """Several VMs of one name: which group?"""
    return _choose_vm("answer.ambiguous_vm", typed, found, draft_id, locale)


def _choose_vm(
    key: str, typed: str, found: Sequence[Option], draft_id: str, locale: Locale
) -> Message:
    name = safe.escape_mrkdwn(typed or safe.EMPTY, 80)
    shown = found[:NEAR_MAX]
    names = locale.text("list.comma").join(safe.escape_mrkdwn(each.label, 80) for each in shown)
    headline = locale.text(f"{key}.headline", typed=name)
    buttons = [
        blocks.button(each.label, f"jit_pick_vm_{at}", f"{draft_id}.{each.value}")
        for at, each in enumerate(shown, start=1)
    ]
    search = blocks.button(locale.text("button.search_form"), "jit_form", draft_id)
    return blocks.message(
        locale.text(f"{key}.text", headline=headline, near=names or safe.EMPTY),
        blocks.section(
            f"*{headline}*", locale.text(f"{key}.line" if shown else "answer.unknown_vm.none")
        ),
        blocks.actions(*buttons, search),
    )


def corrected(
    refusals: tuple[Refusal, ...],
    line: str,
    draft_id: str,
    locale: Locale,
    group_names: Mapping[str, str] = NO_NAMES,
) -> Message:
    """The corrected line, to be sent with one click or copied."""
    said = refusal_lines(refusals, locale, group_names)
    return blocks.message(
        locale.text(
            "answer.corrected.text",
            why=" ".join(said),
            line=safe.escape_mrkdwn(line, 400),
        ),
        blocks.section(
            f"*{locale.text('answer.not_sent')}*", *said, locale.text("answer.corrected.line")
        ),
        blocks.box(line, 1_500),
        blocks.actions(
            blocks.button(locale.text("button.send_this"), "jit_send", draft_id, style="primary"),
            blocks.button(locale.text("button.open_form"), "jit_form", draft_id),
        ),
    )


def refused(
    refusals: tuple[Refusal, ...],
    locale: Locale,
    *,
    draft_id: str | None = None,
    group_names: Mapping[str, str] = NO_NAMES,
) -> Message:
    """Every reason at once, and the form with what was typed."""
    said = refusal_lines(refusals, locale, group_names) or [locale.text("answer.nothing_changed")]
    opens = blocks.button(locale.text("button.open_form"), "jit_form", draft_id or "new")
    return note(
        locale,
        locale.text("answer.not_sent"),
        *said,
        buttons=[opens] if draft_id is not None else [],
    )


def azure_unreachable(code: str, locale: Locale, *, draft_id: str | None = None) -> Message:
    """What must be read first could not be read: nothing was sent."""
    again = blocks.button(locale.text("button.send_again"), "jit_send", draft_id or "")
    return _say(
        "answer.azure",
        locale,
        buttons=[again] if draft_id else [],
        code=safe.escape_mrkdwn(code or safe.EMPTY, 80),
    )


def trigger_expired(draft_id: str, locale: Locale) -> Message:
    """The form came too late for Slack: a button opens it afresh, nothing typed is lost (C119)."""
    opens = blocks.button(
        locale.text("button.open_form"), "jit_form", draft_id or "new", style="primary"
    )
    return _say("answer.trigger_expired", locale, buttons=[opens])


def trigger_expired_again(action_id: str, value: str, locale: Locale) -> Message:
    """The same for a form behind another button: the very same click again."""
    opens = blocks.button(locale.text("button.open_form"), action_id, value, style="primary")
    return _say("edge.trigger_again", locale, buttons=[opens])


# --- deciding ---------------------------------------------------------------------------------


def not_decided(
    refusal: Refusal,
    request: Request,
    locale: Locale,
    group_names: Mapping[str, str] = NO_NAMES,
) -> Message:
    """The answer to a refused click: which of those below it is."""
    match refusal.code:
        case Code.OWN_REQUEST:
            return own_request(request, locale)
        case Code.TOO_LATE | Code.ALREADY_APPROVED if request.state is not State.PENDING:
            return late(request, locale)
        case Code.TOO_LATE:
            return late(request, locale)
        case Code.OUTDATED:
            return outdated(request, locale)
        case Code.NOT_APPROVER:
            return not_approver(refusal, locale, group_names)
        case _:
            said = refusal_text(refusal, locale, group_names=group_names)
            return note(
                locale, locale.text("answer.not_done"), said, locale.text("answer.nothing_changed")
            )


def not_approver(
    refusal: Refusal, locale: Locale, group_names: Mapping[str, str] = NO_NAMES
) -> Message:
    """Whom the rule asks; no blame."""
    return note(
        locale,
        locale.text("answer.not_approver"),
        refusal_text(refusal, locale, group_names=group_names),
        locale.text("answer.nothing_changed"),
    )


def own_request(request: Request, locale: Locale) -> Message:
    """The requester never decides; the try is on record."""
    cancel = [_cancel_button(request, locale)] if request.state is State.PENDING else []
    return _say("answer.own_request", locale, buttons=cancel)


def late(request: Request, locale: Locale) -> Message:
    """Who decided and when. Nothing changed."""
    line = locale.text("answer.late", line=late_line(request, locale, tokens=True))
    text = locale.text("answer.late", line=late_line(request, locale, tokens=False))
    return blocks.message(text, blocks.section(line))


def late_line(request: Request, locale: Locale, *, tokens: bool) -> str:
    """What became of it already, in one sentence (mrkdwn)."""
    show = locale.when if tokens else locale.plain_when
    last = request.approvals[-1].at if request.approvals else request.changed_at
    at = {
        State.PENDING: request.lapses_at,
        State.APPROVED: last,
        State.APPLYING: last,
        State.ACTIVE: last,
        State.CLOSING: request.closing_since or request.changed_at,
    }.get(request.state, request.changed_at)
    if request.state in (State.APPROVED, State.APPLYING, State.ACTIVE):
        by = words.approvers(request, locale)
    else:
        by = locale.person(request.decided_by or request.closed_by or request.requester)
    family = "late"
    if request.change is not None and request.state is State.FAILED:
        family = "change_late"
    return locale.text(f"{family}.{request.state}", by=by, when=show(at))


def outdated(request: Request, locale: Locale) -> Message:
    """The terms were narrowed since this card was drawn: look again, then decide."""
    headline = locale.text("answer.outdated.headline")
    now = safe.escape_mrkdwn(words.whole(request, locale))
    line = locale.text("answer.outdated.line", what=now)
    return note(locale, headline, line, locale.text("answer.nothing_changed"))


def approved(request: Request, locale: Locale) -> Message:
    """`You approved: 1 of 2`."""
    args = {"given": len(request.approvals), "quorum": request.rule.quorum, "id": request.id}
    whole = "change.answer_approved" if request.change is not None else "answer.approved.all"
    key = "answer.approved.more" if request.missing_approvals else whole
    line = (
        locale.plural(key, request.missing_approvals, **args)
        if request.missing_approvals
        else locale.text(key, **args)
    )
    return note(locale, locale.text("answer.approved.headline", **args), line)


def denied(request: Request, locale: Locale) -> Message:
    return _say("answer.denied", locale, id=request.id, who=locale.person(request.requester))


def cancelled(request: Request, locale: Locale) -> Message:
    """Taken back; or, once Azure is at work, closed as soon as the outcome is known."""
    if request.state in (State.CLOSING, State.APPLYING):
        return _say("answer.cancelling", locale, id=request.id)
    return _say(
        "answer.cancelled", locale, id=request.id, unchanged=words.unchanged(request, locale)
    )


def done_asked(request: Request, locale: Locale) -> Message:
    """Asked of Azure; proved when Azure no longer shows it."""
    headline = words.headline("card.closing.headline", request, locale)
    return note(locale, headline, locale.text("answer.closing"))


def revoked(request: Request, locale: Locale) -> Message:
    """An approver ended it, or took the approval back before it was open."""
    if request.state is State.CLOSING:
        return done_asked(request, locale)
    return _say("answer.taken_back", locale, id=request.id)


def retried(request: Request, locale: Locale) -> Message:
    if request.change is not None:
        said = safe.escape_mrkdwn(words.what(request, locale))
        headline = locale.text("change.applying", thing=said)
        return note(locale, headline, locale.text("change.waits"))
    headline = words.headline("card.opening.headline", request, locale)
    return note(locale, headline, locale.text("card.opening.waits"))


def settings_saved(locale: Locale) -> Message:
    text = locale.text("answer.settings_saved")
    return blocks.message(text, blocks.section(text))


# --- when something is wrong ------------------------------------------------------------------


def no_ledger(locale: Locale, *, unknown: bool = False) -> Message:
    """Nothing recorded; or, where the answer was lost, not known: the same click is safe again."""
    return _say("answer.no_ledger_unknown" if unknown else "answer.no_ledger", locale)


def frozen(locale: Locale) -> Message:
    """The audit log is not what it was: only closing goes on."""
    return _say("answer.frozen", locale)


def closing_frozen(request: Request, locale: Locale) -> Message:
    """Closing never stops: asked of Azure, and written where the frozen log can't be."""
    return _say("answer.closing_frozen", locale, id=request.id)


def rights_unknown(refusal: Refusal, locale: Locale) -> Message:
    return note(
        locale,
        locale.text("answer.not_done"),
        refusal_text(refusal, locale),
        locale.text("answer.nothing_changed"),
    )


def foreign_instance(request_id: str, instance: str, locale: Locale) -> Message:
    """A card of another installation that shares this app's token (C013)."""
    return _say(
        "answer.foreign",
        locale,
        id=safe.escape_mrkdwn(request_id or safe.EMPTY, 40),
        instance=safe.escape_mrkdwn(instance or safe.EMPTY, 80),
    )


def no_such_request(typed: str, locale: Locale) -> Message:
    """A number that this ledger doesn't hold (any more)."""
    return _say("answer.no_request", locale, typed=safe.code(typed or safe.EMPTY, 40))


def stranger(locale: Locale) -> Message:
    return _say("answer.stranger", locale)


def unseen(locale: Locale) -> Message:
    """Slack can't tell who this is: perhaps a stranger, perhaps only slow."""
    return _say("edge.unseen", locale)


def closes_at(instant: datetime, now: datetime, locale: Locale) -> str:
    """`closes today at 18:25 (13 min)`."""
    left = words.left(max(instant - now, timedelta()), locale)
    return locale.text("list.closes", when=locale.when(instant), left=left)


def _cancel_button(request: Request, locale: Locale) -> Element:
    return blocks.button(
        locale.text("button.cancel_request"), "jit_cancel", words.reference(request)
    )
