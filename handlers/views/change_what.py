"""What a change to Azure is called, and what its box says. A kind adds its own words here.

Everything is plain text: escape it for mrkdwn.
"""

from __future__ import annotations

from approvals.changes import ChangeRecord, JitPolicyChange
from approvals.events import Kind, Target
from handlers.locale import Locale
from handlers.views import jit_policy_words, safe


def what_of(change: ChangeRecord, locale: Locale) -> str:
    """`JIT turned on for web-01 and 2 more`."""
    if isinstance(change, JitPolicyChange):
        return jit_policy_words.what(change, targets_of(change.targets, locale), locale)
    return what(change.KIND, change.targets, locale)


def box_lines(change: ChangeRecord, locale: Locale) -> list[str]:
    """What will be sent and what Azure will make of it, a fact a line."""
    if isinstance(change, JitPolicyChange):
        return jit_policy_words.lines(change, locale)
    return [targets_of(change.targets, locale)]


def what(kind: Kind, targets: tuple[Target, ...], locale: Locale) -> str:
    """For a kind without words of its own: `JIT policy on web-01 and 2 more`."""
    return locale.text(
        "change.thing", kind=locale.text(f"kind.{kind}"), targets=targets_of(targets, locale)
    )


def targets_of(targets: tuple[Target, ...], locale: Locale) -> str:
    """A subscription has no name of its own here: it is called as Azure calls it."""
    first = targets[0]
    name = safe.one_line(first.name or first.subscription_name or first.subscription_id)
    more = len(targets) - 1
    return locale.plural("change.targets", more, first=name) if more else name
