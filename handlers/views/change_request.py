"""A request that changes something in Azure, said in a way that fits every kind.

A kind may have words of its own; these are what all of them share: the kind and its targets.
"""

from __future__ import annotations

from approvals.changes import ChangeRecord
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, change_what, safe, words
from handlers.views.blocks import Element, Message


def what_changes(change: ChangeRecord, locale: Locale) -> str:
    """What shall be different, escaped for mrkdwn."""
    return safe.escape_mrkdwn(change_what.what_of(change, locale))


def applied_card(request: Request, locale: Locale) -> Message:
    """Done and read back."""
    title = locale.text("change.applied", thing=_said(request, locale))
    people = words.approvers(request, locale)
    return blocks.message(
        locale.text(
            "sentence",
            headline=title,
            rest=locale.text(
                "change.applied_line", when=locale.plain_when(request.changed_at), people=people
            ),
        ),
        blocks.section(
            f"*{title}*",
            locale.text("change.applied_line", when=locale.when(request.changed_at), people=people),
        ),
        words.terms_box(request, locale),
        blocks.actions(undo_button(request, locale)) if request.undo_until else None,
        blocks.context(words.number(request, locale)),
    )


def undo_button(request: Request, locale: Locale) -> Element | None:
    """Puts back what was done, as a request of its own."""
    if request.undo_until is None:
        return None
    return blocks.button(locale.text("change.undo"), "jit_undo", words.reference(request))


def undone_card(request: Request, locale: Locale) -> Message:
    """Put back by a later request, which is named."""
    title = locale.text("change.undone", thing=_said(request, locale))
    by = request.undone_by or safe.EMPTY
    at = request.changed_at
    return blocks.message(
        locale.text(
            "sentence",
            headline=title,
            rest=locale.text("change.undone_line", id=by, when=locale.plain_when(at)),
        ),
        blocks.section(
            f"*{title}*", locale.text("change.undone_line", id=by, when=locale.when(at))
        ),
        blocks.context(words.number(request, locale)),
    )


def _said(request: Request, locale: Locale) -> str:
    return safe.escape_mrkdwn(words.what(request, locale))


def applying_card(request: Request, locale: Locale) -> Message:
    """Azure is at work: no buttons, and nothing promised before it is read back."""
    title = locale.text("change.applying", thing=_said(request, locale))
    waits = locale.text("change.waits")
    if request.postponed is not None:
        waits = locale.text("card.opening.postponed", when=locale.when(request.postponed.retry_at))
    plain = locale.text("change.waits")
    return blocks.message(
        locale.text("sentence", headline=title, rest=plain),
        blocks.section(
            f"*{title}*",
            waits,
            locale.text("card.approved_by", people=words.approvers(request, locale)),
        ),
        words.terms_box(request, locale),
        blocks.context(words.number(request, locale)),
    )
