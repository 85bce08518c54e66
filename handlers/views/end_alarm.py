"""A port that Azure left open after its end, and one that it took away before."""

from __future__ import annotations

from approvals.request import Request
from feeds.callers import LOOKING, Answer
from handlers.locale import Locale
from handlers.views import blocks, failures, reason, safe, words
from handlers.views.blocks import Block, Message
from handlers.views.callers import caller_line, why_nobody
from handlers.views.closed_lines import cause_line, closed_lines, closed_text


def left_open_alarm(request: Request, link: str, locale: Locale) -> Message:
    """For the audit channel: what stands, whose it was, which resource, where to look."""
    still = request.still_open
    until = still.until if still else words.ends_at(request)
    title = failures.still_open_headline(request, locale)
    key = f"close.{failures.close_word(still.code if still else '')}"
    resource = still.message if still and still.message else request.target.resource_id
    whose = locale.text(
        "end_alarm.whose",
        who=locale.person(request.requester),
        source=safe.escape_mrkdwn(request.terms.source),
        people=words.approvers(request, locale),
        id=request.id,
    )
    why = locale.text(key, when=locale.plain_when(until))
    said = locale.text("list.sentences").join((why, whose))
    return blocks.message(
        locale.text("sentence", headline=title, rest=said),
        blocks.section(
            f":rotating_light: *{title}*", locale.text(key, when=locale.when(until)), whose
        ),
        blocks.box(resource),
        _way(request, link, locale),
        blocks.context(locale.text("close.by_hand"), locale.text("end_alarm.told_when_closed")),
    )


def closed_after_all(request: Request, locale: Locale) -> Message:
    """The end of such an alarm."""
    title = words.headline("card.ended.headline", request, locale)
    return blocks.message(
        locale.text("sentence", headline=title, rest=closed_text(request, locale)),
        blocks.section(f"*{title}*", *closed_lines(request, locale)),
        blocks.context(words.number(request, locale)),
    )


def vanished_alarm(
    request: Request, link: str, locale: Locale, answer: Answer = LOOKING
) -> Message:
    """For the rule's channel: a session that Azure no longer shows, long before its end."""
    title = words.headline("end_alarm.vanished", request, locale)
    ends = words.ends_at(request)
    whose = locale.text(
        "end_alarm.whose",
        who=locale.person(request.requester),
        source=safe.escape_mrkdwn(request.terms.source),
        people=words.approvers(request, locale),
        id=request.id,
    )
    return blocks.message(
        locale.text(
            "sentence",
            headline=title,
            rest=locale.text("list.sentences").join(
                filter(
                    None,
                    (
                        cause_line(request, locale, tokens=False),
                        caller_line(answer, locale, tokens=False),
                        locale.text("end_alarm.vanished_line", when=locale.plain_when(ends)),
                    ),
                )
            ),
        ),
        blocks.section(
            f":warning: *{title}*",
            cause_line(request, locale, tokens=True),
            caller_line(answer, locale, tokens=True),
            locale.text("end_alarm.vanished_line", when=locale.when(ends)),
            whose,
        ),
        _way(request, link, locale),
        blocks.context(why_nobody(answer, locale)),
    )


def _way(request: Request, link: str, locale: Locale) -> Block | None:
    if not reason.is_web_address(link):
        return None
    label = locale.text("button.open_portal")
    value = words.reference(request)
    return blocks.actions(blocks.button(label, "open_portal", value, style="primary", url=link))
