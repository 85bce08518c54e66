"""Forms before a deed: why it was you, why it is expected, which path is not told here."""

from __future__ import annotations

from typing import Final

from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views import change_words as words
from handlers.views.blocks import REASON_MAX, Message, Option, View
from handlers.views.change_words import ChangeView

#: For how long a path may be muted, the usual one first.
LENGTHS: Final = {"7d": "week", "1d": "day", "30d": "month", "90d": "quarter"}
PATTERN_MAX: Final = 260


def reason_form(view: ChangeView, kind: str, locale: Locale) -> View:
    """`yes`, `expected` or `resolved`: the reason stays on the card."""
    reason = blocks.text_input("reason", multiline=True, max_length=REASON_MAX)
    hint = locale.text("fim.form.reason_hint")
    return blocks.modal(
        f"fim_{kind}",
        locale.text(f"fim.form.{kind}_title"),
        blocks.section(_about(view, locale)),
        blocks.field("reason", locale.text("fim.form.reason"), reason, hint=hint),
        metadata=view.value,
        submit=locale.text(f"fim.form.{kind}_submit"),
        close=locale.text("fim.form.cancel"),
    )


def mute_form(view: ChangeView, locale: Locale) -> View:
    """Filled with the folder of the first ordinary path, to be narrowed or changed."""
    ordinary = [row for row in view.rows if not row.danger.is_dangerous] or list(view.rows)
    path = ordinary[0].change.path if ordinary else ""
    pattern = blocks.text_input("pattern", value=safe.echo(path, 200), max_length=PATTERN_MAX)
    machine = words.machine(view, locale)
    offered = [Option(key, locale.text(f"fim.length.{name}")) for key, name in LENGTHS.items()]
    length = blocks.choices("static_select", "length", offered, ("7d",))
    return blocks.modal(
        "fim_mute",
        locale.text("fim.form.mute_title"),
        blocks.section(_about(view, locale)),
        blocks.field(
            "pattern",
            locale.text("fim.form.pattern"),
            pattern,
            hint=locale.text("fim.form.pattern_hint", machine=machine),
        ),
        blocks.field("length", locale.text("fim.form.length"), length),
        blocks.field(
            "reason",
            locale.text("fim.form.reason"),
            blocks.text_input("reason", max_length=REASON_MAX),
        ),
        metadata=view.value,
        submit=locale.text("fim.form.mute_submit"),
        close=locale.text("fim.form.cancel"),
    )


def note(text: str) -> Message:
    """A short private answer."""
    return blocks.message(text, blocks.section(text))


def _about(view: ChangeView, locale: Locale) -> str:
    """What the form is about, in the card's own words (mrkdwn)."""
    burst = view.burst
    title = locale.plural(
        f"fim.head.plain.{words.noun(view)}",
        burst.count,
        machine=safe.escape_mrkdwn(words.machine(view, locale)),
    )
    return f"*{title}* ({burst.id})" if locale.language == "en" else f"*{title}（{burst.id}）*"
