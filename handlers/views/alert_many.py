"""Answers about many alerts at once: what was done with them, and the first of them."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_buttons import take_or_open
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Block, Message


def many_done(key: str, done: int, left: int, *, is_cut: bool, locale: Locale) -> Message:
    """How many were done, how many stay as they are, and whether there are more."""
    lines = [locale.plural(f"alert.answer.{key}", done)]
    if left:
        lines.append(locale.text("alert.answer.taken_many_rest", n=left))
    if is_cut:
        lines.append(locale.text("alert.answer.too_many", n=done))
    return blocks.message(locale.text("list.sentences").join(lines), blocks.section(*lines))


def shown_alerts(family: str, rows: Sequence[AlertView], total: int, locale: Locale) -> Message:
    """The first of a storm or a digest, one row each; the others are found by `/alerts`."""
    if not rows:
        headline = locale.text(f"{family}.none")
        return blocks.message(headline, blocks.section(f"*{headline}*"))
    headline = locale.plural(f"{family}.count", total)
    span = locale.text("alerts.span", first=1, last=len(rows), total=say.number(total))
    also = locale.text("alerts.also", id=say.short_id(rows[0].alert.key))
    return blocks.message(
        headline,
        blocks.section(f"*{headline}*", span),
        *(_row(view, number, locale) for number, view in enumerate(rows, start=1)),
        blocks.context(also),
    )


def _row(view: AlertView, number: int, locale: Locale) -> Block:
    args = {
        "title": safe.code(say.title(view.alert), 150),
        "machine": safe.code(say.machine(view.alert)),
        "when": say.when(view.at, locale),
        "severity": safe.escape_mrkdwn(say.severity(view.alert, locale), 40),
    }
    if view.is_closed:
        said = locale.text(
            "alerts.row_closed", state=locale.text(f"alerts.state.{view.phase}"), **args
        )
    else:
        owner = view.case.owner
        who = say.name(owner, view.names, locale) if owner else locale.text("alerts.no_owner")
        said = locale.text("alerts.row", owner=who, **args)
    return blocks.section(said, accessory=take_or_open(view, number, locale))
