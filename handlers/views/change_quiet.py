"""Two small cards: what a change window has folded into two lines, and a machine gone silent."""

from __future__ import annotations

from datetime import datetime, timedelta

from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views import change_words as words
from handlers.views.blocks import Message
from handlers.views.change_words import ChangeView


def window_card(view: ChangeView, locale: Locale) -> Message:
    """Expected work is two lines, edited as it grows."""
    burst, window = view.burst, view.window
    machines = locale.plural("fim.window.machines", burst.machines)
    title = locale.plural("fim.window.head", burst.count, machines=machines)
    if window is None:
        return blocks.message(title, blocks.section(f"*{title}*"))
    who = words.name(window.opened_by, view.names, locale)
    ends = window.ends_at
    is_near = words.same_day(burst.opened_at, ends, locale)
    line = locale.text(
        "fim.window.line" if window.is_open(view.now) else "fim.window.line_closed",
        pattern=safe.code(window.pattern, 60),
        until=words.clock_token(ends, locale) if is_near else locale.when(ends),
        who=who,
        reason=safe.code(window.reason, 120),
    )
    details = blocks.button(
        locale.text("fim.button.details"), "fim_details", f"{burst.id}.{burst.version}"
    )
    text = locale.text(
        "fim.window.text",
        headline=title,
        pattern=safe.escape_mrkdwn(window.pattern, 60),
        until=locale.plain_when(ends),
        who=who,
        reason=safe.escape_mrkdwn(window.reason, 120),
    )
    return blocks.message(text, blocks.section(f"*{title}*", line, accessory=details))


def silent_card(view: ChangeView, locale: Locale) -> Message:
    """What is not known, what is, and the next step; never `0 changes`."""
    burst, facts = view.burst, view.burst.facts
    last = facts.last_row_at or burst.opened_at
    if burst.back_at is not None:
        return _back_card(view, locale)
    length = _length(last, view.now, locale)
    is_machine = bool(facts.machine)
    name = facts.machine or facts.workspace
    code = safe.code(name, words.NAME_MAX)
    key = "fim.silent.head" if is_machine else "fim.silent.head_workspace"
    title = locale.text(key, name=code, length=length)
    line = "fim.silent.last" if is_machine else "fim.silent.last_workspace"
    if facts.is_unknown:
        line = "fim.silent.last_unknown"
    quiet = burst.quiet_until
    workspace = safe.code(facts.workspace, 64)
    others = locale.text("fim.silent.alone", workspace=workspace)
    if is_machine and facts.others_send:
        others = locale.plural("fim.silent.others", facts.others_send, workspace=workspace)
    return blocks.message(
        locale.text(
            "fim.silent.text", name=safe.escape_mrkdwn(name), since=locale.plain_when(last)
        ),
        blocks.section(f"*{title}*", locale.text(line, name=code, when=locale.when(last))),
        blocks.actions(
            blocks.button(
                locale.text("fim.button.check_machine"), "fim_silent", burst.id, style="primary"
            ),
            None
            if quiet
            else blocks.button(locale.text("fim.button.quiet"), "fim_quiet", burst.id),
        ),
        blocks.context(
            _where(view, others, locale),
            locale.text("fim.silent.quiet", when=locale.when(quiet)) if quiet else "",
        ),
    )


def _where(view: ChangeView, others: str, locale: Locale) -> str:
    parts = [words.place(view, locale)] if view.burst.facts.resource_group else []
    return locale.text("fim.sep").join([*parts, others])


def _back_card(view: ChangeView, locale: Locale) -> Message:
    burst, facts = view.burst, view.burst.facts
    name = safe.escape_mrkdwn(facts.machine or facts.workspace)
    title = locale.text("fim.silent.back", machine=name)
    last = facts.last_row_at or burst.opened_at
    back = burst.back_at or view.now
    return blocks.message(
        title,
        blocks.section(
            f"*{title}*",
            locale.text("fim.silent.back_line", when=locale.when(back), since=locale.when(last)),
        ),
    )


def _length(since: datetime, now: datetime, locale: Locale) -> str:
    """Whole hours up to three days, then whole days: silence is measured in them."""
    hours = max((now - since) // timedelta(hours=1), 1)
    if hours > 72:
        return locale.plural("duration.days", hours // 24)
    return locale.plural("duration.hours", hours)
