"""`/jit help`: lines that work when pasted, none longer than a phone's box."""

from __future__ import annotations

from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views.blocks import Message

#: Commands that have examples of their own (`help.lines.<name>`).
TOPICS = (
    "ask",
    "list",
    "mine",
    "pending",
    "active",
    "show",
    "approve",
    "deny",
    "cancel",
    "done",
    "extend",
    "revoke",
    "retry",
    "history",
    "enable",
    "edit",
    "disable",
    "clean",
    "undo",
)


def help_message(locale: Locale, topic: str = "") -> Message:
    """All commands, or the examples of one."""
    if topic in TOPICS:
        return _one(topic, locale)
    return blocks.message(
        locale.text("help.text"),
        blocks.section(f"*{locale.text('help.headline')}*", locale.text("help.intro")),
        blocks.box(locale.text("help.lines.ask")),
        blocks.rich_text(
            _title(locale.text("help.see")),
            blocks.preformatted(locale.text("help.see_lines")),
            _title(locale.text("help.decide")),
            blocks.preformatted(locale.text("help.decide_lines")),
            _title(locale.text("help.policy")),
            blocks.preformatted(locale.text("help.policy_lines")),
        ),
        blocks.actions(
            blocks.button(locale.text("button.ask"), "jit_form", "new", style="primary")
        ),
        blocks.context(locale.text("help.more")),
    )


def unknown_command(word: str, near: str | None, locale: Locale) -> Message:
    """A mistyped word is answered with the nearest one (K5)."""
    said = locale.text("help.unknown", word=safe.code(word or safe.EMPTY, 60))
    near_line = locale.text("help.near", near=safe.code(f"/jit {near}")) if near else ""
    return blocks.message(
        f"{said} {near_line}",
        blocks.section(f"*{said}*", near_line, locale.text("help.all")),
    )


def _one(topic: str, locale: Locale) -> Message:
    lines = locale.text(f"help.lines.{topic}")
    headline = locale.text("help.topic", topic=topic)
    return blocks.message(
        locale.text("sentence", headline=headline, rest=safe.escape_mrkdwn(lines)),
        blocks.section(f"*{headline}*"),
        blocks.box(lines),
    )


def _title(text: str) -> blocks.Element:
    return {"type": "rich_text_section", "elements": [blocks.run(text, bold=True)]}
