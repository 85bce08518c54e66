"""Private messages to the requester: the port is open, it ends soon, what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
    Postponed,
    Refused,
    Retried,
    StillOpen,
    Submitted,
    Undone,
    Warned,
)
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, end_card, failures, reason, safe, words
from handlers.views.blocks import Message
from handlers.views.change_request import applied_card, undone_card
from handlers.views.open_card import done_button
from handlers.views.thread import less

#: Ports that have a line of their own to connect; others get address and port.
_SSH = 22
_RDP = 3389

#: What can be asked for with one tap, as far as the rule still allows it.
EXTENSIONS = (timedelta(minutes=30), timedelta(hours=1))


def dm_open(request: Request, locale: Locale) -> Message:
    """The line to connect, alone in a box and ready to copy."""
    closes = words.ends_at(request)
    lines = connect_lines(request)
    title = words.headline("card.open.headline", request, locale)
    return blocks.message(
        locale.text(
            "dm.open.text",
            headline=title,
            when=locale.plain_when(closes),
            source=safe.escape_mrkdwn(request.terms.source),
            line=safe.escape_mrkdwn(lines[0]) if lines else safe.EMPTY,
        ),
        blocks.section(
            f":unlock: *{title}*",
            locale.text("card.open.closes", when=locale.when(closes)),
            locale.text(
                "dm.open.connect" if lines else "dm.open.no_address",
                source=safe.code(request.terms.source),
            ),
        ),
        blocks.box("\n".join(lines)) if lines else None,
        blocks.actions(
            done_button(request, locale),
            blocks.button(locale.text("button.extend"), "jit_extend", words.reference(request)),
        ),
        blocks.context(
            *_mapped(request, locale),
            locale.text("card.approved_by", people=words.approvers(request, locale)),
            words.number(request, locale),
        ),
    )


def connect_lines(request: Request) -> list[str]:
    """A line per port: `ssh -p 50022 203.0.113.40`, `mstsc /v:203.0.113.40:3389`."""
    opening = request.opening
    if opening is None or not opening.address:
        return []
    address = safe.one_line(opening.address)
    host = f"[{address}]" if ":" in address else address
    lines = []
    for asked in request.terms.ports:
        port = opening.mapped_ports.get(asked, asked)
        match asked:
            case 22:
                lines.append(f"ssh {address}" if port == _SSH else f"ssh -p {port} {address}")
            case 3389:
                lines.append(f"mstsc /v:{host}" if port == _RDP else f"mstsc /v:{host}:{port}")
            case _:
                lines.append(f"{host}:{port}")
    return lines


def _mapped(request: Request, locale: Locale) -> list[str]:
    opening = request.opening
    if opening is None:
        return []
    vm = safe.escape_mrkdwn(request.target.name)
    return [
        locale.text("dm.open.mapped", mapped=mapped, port=port, vm=vm)
        for port, mapped in sorted(opening.mapped_ports.items())
        if mapped != port and port in request.terms.ports
    ]


def dm_ending(
    request: Request,
    locale: Locale,
    *,
    now: datetime,
    group_names: Mapping[str, str],
    left_in_all: timedelta | None = None,
) -> Message:
    """Both ways on as buttons. `left_in_all` is what the rule still allows; None where unknown."""
    closes = words.ends_at(request)
    left = words.left(closes - now, locale)
    offered = [each for each in EXTENSIONS if left_in_all is None or each <= left_in_all]
    title = locale.text(
        "dm.ending.headline",
        left=left,
        thing=safe.escape_mrkdwn(words.thing(request.terms, request.target, locale)),
    )
    asks = locale.text(
        "dm.ending.asks" if offered else "dm.ending.no_more",
        who=words.deciders(request, group_names, locale),
        quorum=request.rule.quorum,
    )
    return blocks.message(
        locale.text("dm.ending.text", headline=title, when=locale.plain_when(closes), asks=asks),
        blocks.section(
            f"*{title}*", locale.text("dm.ending.closes", when=locale.when(closes), asks=asks)
        ),
        blocks.actions(done_button(request, locale), *extend_buttons(request, offered, locale)),
        blocks.context(_left_line(request, left_in_all, locale)),
    )


def extend_buttons(
    request: Request, offered: Sequence[timedelta], locale: Locale
) -> list[blocks.Element]:
    """`jit_extend_30`: the minutes are in the action id, so that two buttons differ."""
    return [
        blocks.button(
            locale.text("button.extend_by", duration=locale.short_duration(each)),
            f"jit_extend_{int(each.total_seconds()) // 60}",
            words.reference(request),
        )
        for each in offered
    ]


def _left_line(request: Request, left_in_all: timedelta | None, locale: Locale) -> str:
    if left_in_all is None:
        return words.number(request, locale)
    return locale.text(
        "dm.ending.left",
        rule=safe.escape_mrkdwn(request.rule.name, 80),
        total=locale.duration(timedelta(seconds=request.rule.longest_total_seconds)),
        left=locale.duration(left_in_all),
        id=request.id,
    )


def dm_outcome(  # noqa: C901 (one arm an event)
    request: Request, event: Event, locale: Locale, *, now: datetime
) -> Message | None:
    """What became of it. None where the step is told elsewhere or is no news to the requester."""
    match event:
        case Denied():
            return end_card.denied_card(request, locale)
        case Lapsed():
            return end_card.lapsed_card(request, locale)
        case Failed():
            return failures.failed_card(request, now, locale)
        case Approved():
            return _approved(request, event, locale)
        case Cancelled():
            own = request.closed_by is None or request.is_same_person(request.closed_by)
            return None if own else _taken_back(request, event, locale)
        case Closing(cause=EndCause.REVOKED):
            return _revoked(request, event, locale)
        case StillOpen():
            return failures.still_open_card(request, None, locale)
        case Ended():
            return end_card.ended_card(request, locale)
        case Applied():
            return applied_card(request, locale)
        case Undone():
            return undone_card(request, locale)
        case Submitted() | Applying() | Opened() | Postponed() | Retried():
            return None
        case Closing() | Warned() | Refused():
            return None
        case _:
            assert_never(event)


def _approved(request: Request, event: Approved, locale: Locale) -> Message | None:
    """Only an approval for less, or one with a comment, is news; the rest shows on the card."""
    approval = event.approval
    narrowed = approval.terms != request.asked
    if not narrowed and not approval.comment:
        return None
    who = locale.person(approval.approver)
    title = words.headline(
        "dm.approved.less" if narrowed else "dm.approved.headline", request, locale
    )
    given = locale.text(
        "dm.approved.given",
        who=who,
        given=len(request.approvals),
        quorum=request.rule.quorum,
    )
    difference = less(request.asked, approval.terms, locale) if narrowed else ""
    text = locale.text("list.sentences").join(
        part
        for part in (locale.text("dm.approved.text", headline=title), given, difference)
        if part
    )
    return blocks.message(
        text,
        blocks.section(f"*{title}*", given, difference),
        reason.quoted(approval.comment, locale) if approval.comment else None,
        blocks.context(words.number(request, locale)),
    )


def _revoked(request: Request, event: Closing, locale: Locale) -> Message:
    title = words.headline("dm.revoked.headline", request, locale)
    who = locale.person(request.closed_by or "")
    at = request.closing_since or request.changed_at
    return blocks.message(
        locale.text(
            "dm.revoked.text",
            headline=title,
            who=who,
            when=locale.plain_when(at),
            reason=words.clause(event.reason),
        ),
        blocks.section(f"*{title}*", locale.text("dm.revoked.line", who=who, when=locale.when(at))),
        reason.quoted(event.reason, locale),
        blocks.context(words.number(request, locale)),
    )


def _taken_back(request: Request, event: Cancelled, locale: Locale) -> Message:
    """An approver took the approval back before the port was open."""
    title = words.headline("card.cancelled.headline", request, locale)
    who = locale.person(request.closed_by or "")
    line = locale.text("dm.taken_back.line", who=who, unchanged=words.unchanged(request, locale))
    return blocks.message(
        locale.text(
            "dm.taken_back.text", headline=title, line=line, reason=words.clause(event.reason)
        ),
        blocks.section(f"*{title}*", line),
        reason.quoted(event.reason, locale),
        end_card.again(request, locale),
        blocks.context(words.number(request, locale)),
    )
