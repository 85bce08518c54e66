"""A request that changes something in Azure, said in a way that fits every kind.

A kind may have words of its own; these are what all of them share: the kind and its targets.
"""

from __future__ import annotations

from approvals.changes import ChangeRecord
from approvals.events import Kind, Target
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import blocks, safe, words
from handlers.views.blocks import Message


def what(kind: Kind, targets: tuple[Target, ...], locale: Locale) -> str:
    """`JIT policy on web-01 and 2 more`; plain: escape it for mrkdwn."""
    return locale.text(
        "change.thing", kind=locale.text(f"kind.{kind}"), targets=_targets(targets, locale)
    )


def what_changes(change: ChangeRecord, locale: Locale) -> str:
    """The same, escaped for mrkdwn."""
    return safe.escape_mrkdwn(what(change.KIND, change.targets, locale))


def _targets(targets: tuple[Target, ...], locale: Locale) -> str:
    """A subscription has no name of its own here: it is called as Azure calls it."""
    first = targets[0]
    name = safe.one_line(first.name or first.subscription_name or first.subscription_id)
    more = len(targets) - 1
    return locale.plural("change.targets", more, first=name) if more else name


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
        blocks.context(words.number(request, locale)),
    )


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
    return safe.escape_mrkdwn(what(request.kind, request.targets, locale))
