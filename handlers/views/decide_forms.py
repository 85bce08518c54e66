"""Forms that come before a decision: approve, for less, deny, revoke, extend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from approvals.events import SHORTEST_WINDOW, Length, Until
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, safe, words
from handlers.views.blocks import Block, Option, View

#: Shorter times an approver can choose from, beside what was asked.
SHORTER = (
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
)
#: So many choices fit a phone beside the time asked for.
SHORTER_MAX = 5

EXTENSIONS = (
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
)

#: Radio value for the time as asked.
AS_ASKED = "as_asked"


def approve_form(request: Request, locale: Locale) -> View:
    """An approval with a comment; the button on the card needs no form."""
    return blocks.modal(
        "jit_approve",
        locale.text("approve.title"),
        _asked(request, locale),
        _comment(locale),
        metadata=words.reference(request),
        submit=locale.text("button.approve"),
        close=locale.text("button.cancel"),
    )


def approve_less_form(request: Request, locale: Locale, *, now: datetime) -> View:
    """Only shorter times and fewer ports exist as choices, so nothing can be widened."""
    times = shorter_times(request, now, locale)
    return blocks.modal(
        "jit_approve_less",
        locale.text("less.title"),
        _asked(request, locale, locale.text("less.choose")),
        blocks.field(
            "window",
            locale.text("form.window"),
            blocks.choices("radio_buttons", "window", times, [times[_default(times)].value]),
        ),
        _ports(request, locale),
        _comment(locale),
        blocks.context(locale.text("less.later")),
        metadata=words.reference(request),
        submit=locale.text("button.approve"),
        close=locale.text("button.cancel"),
    )


def shorter_times(request: Request, now: datetime, locale: Locale) -> list[Option]:
    """`PT1800S` for lengths, an epoch second for instants, `as_asked` last."""
    match request.terms.window:
        case Length() as span:
            fitting = [each for each in SHORTER if each < span.duration]
            found = [
                Option(f"PT{int(each.total_seconds())}S", locale.duration(each))
                for each in fitting[-SHORTER_MAX:]
            ]
            return [*found, _as_asked(locale.duration(span.duration), locale)]
        case Until(at=at):
            fitting = [each for each in SHORTER if SHORTEST_WINDOW <= each < at - now]
            ends = [now + each for each in fitting[-SHORTER_MAX:]]
            found = [Option(str(int(end.timestamp())), _until(end, locale)) for end in ends]
            return [*found, _as_asked(_until(at, locale), locale)]


def _until(instant: datetime, locale: Locale) -> str:
    return locale.text("less.until", when=locale.plain_when(instant))


def _as_asked(time: str, locale: Locale) -> Option:
    return Option(AS_ASKED, locale.text("less.as_asked", time=time))


def _default(times: Sequence[Option]) -> int:
    """The longest of the shorter ones: the smallest step down."""
    return max(0, len(times) - 2)


def _ports(request: Request, locale: Locale) -> Block | None:
    if len(request.terms.ports) < 2:
        return None
    offered = [Option(str(port), words.port(port, locale)) for port in request.terms.ports]
    kind = "multi_static_select" if len(offered) > blocks.CHOICES_MAX else "checkboxes"
    chosen = [option.value for option in offered]
    element = blocks.choices(kind, "ports", offered, chosen)
    return blocks.field("ports", locale.text("form.ports"), element)


def deny_form(request: Request, locale: Locale) -> View:
    """One field; says who will read it."""
    return blocks.modal(
        "jit_deny",
        locale.text("deny.title", id=request.id),
        _asked(request, locale),
        _reason(locale, "deny"),
        metadata=words.reference(request),
        submit=locale.text("button.deny"),
        close=locale.text("button.cancel"),
    )


def revoke_form(request: Request, locale: Locale) -> View:
    """Ends an open session, or takes an approval back."""
    return blocks.modal(
        "jit_revoke",
        locale.text("revoke.title", id=request.id),
        _asked(request, locale, locale.text("revoke.not_cut")),
        _reason(locale, "revoke"),
        metadata=words.reference(request),
        submit=locale.text("button.revoke"),
        close=locale.text("button.cancel"),
    )


def extend_form(
    request: Request,
    locale: Locale,
    *,
    left_in_all: timedelta,
    who: str,
    chosen: timedelta | None = None,
) -> View:
    """How much longer, within what the rule still allows. `who` is asked again (mrkdwn)."""
    offered = [each for each in EXTENSIONS if each <= left_in_all]
    if not offered:
        return _no_extension(request, locale)
    wanted = chosen if chosen in offered else offered[-1 if len(offered) < 3 else 1]
    times = [Option(f"PT{int(each.total_seconds())}S", locale.duration(each)) for each in offered]
    value = f"PT{int(wanted.total_seconds())}S" if wanted else times[0].value
    return blocks.modal(
        "jit_extend",
        locale.text("extend.title"),
        blocks.section(
            f"*{safe.escape_mrkdwn(words.thing_start(request.terms, request.target, locale))}*",
            locale.text("card.open.closes", when=locale.when(words.ends_at(request))),
            locale.text("extend.asks", who=who, quorum=request.rule.quorum),
        ),
        blocks.field(
            "window",
            locale.text("extend.longer"),
            blocks.choices("radio_buttons", "window", times, [value]),
            hint=locale.text(
                "extend.left",
                rule=safe.one_line(request.rule.name),
                left=locale.duration(left_in_all),
            ),
        ),
        blocks.field(
            "reason",
            locale.text("form.reason"),
            blocks.text_input(
                "reason",
                value=request.justification,
                multiline=True,
                max_length=blocks.REASON_MAX,
            ),
        ),
        metadata=words.reference(request),
        submit=locale.text("form.send"),
        close=locale.text("button.cancel"),
    )


def _no_extension(request: Request, locale: Locale) -> View:
    """Slack refuses a choice without options (C062): say it instead."""
    said = locale.text("extend.none", rule=safe.escape_mrkdwn(request.rule.name, 80))
    return blocks.modal(
        "jit_extend",
        locale.text("extend.title"),
        blocks.section(said),
        metadata=words.reference(request),
        close=locale.text("button.close"),
    )


def _asked(request: Request, locale: Locale, more: str = "") -> Block:
    asks = locale.text(
        "decide.asks",
        who=locale.person(request.requester),
        source=safe.code(request.terms.source),
        plain_source=safe.escape_mrkdwn(request.terms.source),
    )
    if request.change is not None:
        asks = locale.text("change.asks", who=locale.person(request.requester))
    return blocks.section(
        f"*{words.whole_start(request, locale)}*", locale.text("list.sentences").join([asks, more])
    )


def _comment(locale: Locale) -> Block:
    element = blocks.text_input("comment", multiline=True, max_length=blocks.REASON_MAX)
    return blocks.field(
        "comment",
        locale.text("decide.comment"),
        element,
        hint=locale.text("decide.comment_hint"),
        optional=True,
    )


def _reason(locale: Locale, form: str) -> Block:
    element = blocks.text_input(
        "reason",
        placeholder=locale.text(f"{form}.placeholder"),
        multiline=True,
        max_length=blocks.REASON_MAX,
    )
    return blocks.field(
        "reason", locale.text("form.reason"), element, hint=locale.text("decide.reason_hint")
    )
