"""Answers that belong to no request: a line that needs a form, what `/audit verify` found."""

from __future__ import annotations

from approvals.audit.verify import VerifyReport
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views.answers import note
from handlers.views.blocks import Message


def form_needed(draft_id: str, locale: Locale) -> Message:
    """A mention can't open a form by itself; the button can."""
    opens = blocks.button(locale.text("button.open_form"), "jit_form", draft_id, style="primary")
    headline = locale.text("edge.form_needed.headline")
    return note(locale, headline, locale.text("edge.form_needed.line"), buttons=[opens])


def verify_answer(report: VerifyReport, locale: Locale) -> Message:
    """How far the log is good, and the first entry that is not."""
    if report.is_good:
        args = {"first": report.first, "head": report.head}
        return note(
            locale, locale.text("edge.verified.headline"), locale.text("edge.verified.line", **args)
        )
    return note(
        locale,
        locale.text("edge.verify_broken.headline", sequence=report.first_bad),
        locale.text(
            "edge.verify_broken.line",
            good_to=report.good_to,
            reason=safe.escape_mrkdwn(report.reason, 400),
        ),
    )


def estate_unread(locale: Locale) -> Message:
    """Right after the first start of all: no VM is known yet, so none can be unknown."""
    text = locale.text("edge.empty.not_read")
    return blocks.message(text, blocks.section(text))
