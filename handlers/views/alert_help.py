"""`/alerts help`, and what is said to a line that could not be understood: the line as meant."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views.blocks import Element, Message

#: Buttons with a corrected line; more would not fit a phone.
NEAR_MAX = 4


def help_message(locale: Locale) -> Message:
    """Lines that work when pasted, none longer than a phone's box."""
    parts: list[Element] = []
    for part in ("see", "act", "more"):
        title = blocks.run(locale.text(f"alert_help.{part}"), bold=True)
        parts.append({"type": "rich_text_section", "elements": [title]})
        parts.append(blocks.preformatted(locale.text(f"alert_help.{part}_lines")))
    return blocks.message(
        locale.text("alert_help.text"),
        blocks.section(f"*{locale.text('alert_help.headline')}*"),
        blocks.rich_text(*parts),
        blocks.context(locale.text("alert_help.small")),
    )


def unknown_verb(typed: str, near: Sequence[str], locale: Locale) -> Message:
    """Neither a word of `/alerts` nor a machine's name; `near` are whole lines."""
    return _near("verb", typed, near, locale)


def unknown_machine(typed: str, near: Sequence[str], locale: Locale) -> Message:
    return _near("machine", typed, near, locale)


def one_of(typed: str, near: Sequence[str], locale: Locale) -> Message:
    """The beginning of several ids: which one?"""
    said = locale.text("alert_lists.several", typed=safe.code(typed, 60), n=len(near))
    return blocks.message(_bare(said), blocks.section(said), _buttons(near))


def missing(line: str, locale: Locale) -> Message:
    """Which alert, machine or words?"""
    return _said("alerts.near.missing", locale, line=safe.code(line))


def reason_missing(line: str, locale: Locale, *, can_send: bool = False) -> Message:
    """What changes an alert for good needs a reason; with one at hand a click sends it."""
    said = locale.text("alerts.near.reason", line=safe.code(line))
    return blocks.message(_bare(said), blocks.section(said), _buttons([line] if can_send else []))


def unread_words(words: Sequence[str], line: str, locale: Locale) -> Message:
    """Words that are left over: the line without them."""
    said = locale.text(
        "alert_lists.unread", words=safe.code(" ".join(words), 120), line=safe.code(line)
    )
    return blocks.message(_bare(said), blocks.section(said), _buttons([line]))


def bad_severity(typed: str, near: str, locale: Locale) -> Message:
    said = [locale.text("alerts.near.severity", typed=safe.code(typed, 60))]
    if near:
        said.append(locale.text("alert_lists.meant", near=safe.code(near)))
    text = _bare(locale.text("list.sentences").join(said))
    return blocks.message(text, blocks.section(*said), _buttons([near] if near else []))


def bad_days(locale: Locale) -> Message:
    return _said("alerts.stats.days", locale)


def unread(locale: Locale) -> Message:
    """Redis does not answer: nothing is known, and nothing was changed."""
    return _said("alert_lists.unread_store", locale)


def guest(locale: Locale) -> Message:
    """Lists show the alerts of channels that a guest may not see."""
    return _said("alert_lists.guest", locale)


def _near(kind: str, typed: str, near: Sequence[str], locale: Locale) -> Message:
    shown = near[:NEAR_MAX]  # the nearest in words, the others as buttons
    code = safe.code(typed or safe.EMPTY, 60)
    if not shown:
        said = locale.text(f"alerts.near.{kind}_none", typed=code)
    else:
        said = locale.text(f"alerts.near.{kind}", typed=code, near=safe.code(shown[0]))
    hint = locale.text("alert_lists.all_words")
    return blocks.message(_bare(said), blocks.section(said, hint), _buttons(shown))


def _said(key: str, locale: Locale, **args: object) -> Message:
    said = locale.text(key, **args)
    return blocks.message(_bare(said), blocks.section(said))


def _buttons(lines: Sequence[str]) -> blocks.Block | None:
    """One click sends the line as corrected; its label is the line without the command."""
    made: list[Element] = [
        blocks.button(line.removeprefix("/alerts "), f"alerts_run_{at}", safe.echo(line, 1_500))
        for at, line in enumerate(lines[:NEAR_MAX], start=1)
    ]
    return blocks.actions(*made) if made else None


def _bare(said: str) -> str:
    """A notification shows marks as they are."""
    return said.replace("`", "")
