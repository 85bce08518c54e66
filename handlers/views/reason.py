"""A person's words on a card: quoted, in rich text, cut after three lines of a phone."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

from handlers.locale import Locale
from handlers.views import blocks, safe

#: Half-width columns of a quote at a phone's width, and lines of it on a card.
COLUMNS = 44
LINES = 3


def cut_reason(text: str, locale: Locale) -> tuple[str, int]:
    """The text as a card shows it, and how many lines are hidden."""
    lines = wrap(safe.visible_controls(text).strip() or safe.EMPTY)
    hidden = len(lines) - LINES
    if hidden <= 0:
        return "".join(lines), 0
    shown = "".join(lines[:LINES]).rstrip()
    return shown + locale.plural("reason.hidden", hidden), hidden


def quoted(
    text: str, locale: Locale, *, ticket: str = "", ticket_url: str | None = None
) -> blocks.Block:
    """The quote, the ticket behind it as a link where the settings know its address."""
    shown, _ = cut_reason(text, locale)
    runs = [blocks.run(shown)]
    if ticket:
        name = safe.plain(safe.one_line(ticket), 80)
        before, after = locale.text("reason.before_ticket"), locale.text("reason.after_ticket")
        linked = ticket_url is not None and is_web_address(ticket_url)
        runs = [blocks.run(shown + before)]
        runs.append(blocks.link(ticket_url or "", name) if linked else blocks.run(name))
        runs += [blocks.run(after)] if after else []
    return blocks.quote(*runs)


def is_web_address(url: str) -> bool:
    """Only http(s) addresses become links."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:  # a broken IPv6 host
        return False
    return len(url) <= 2_000 and scheme in ("http", "https")


def wrap(text: str) -> list[str]:
    """Lines as a phone would break them, with their own line breaks; joined they are the text."""
    lines: list[str] = []
    for paragraph in text.splitlines(keepends=True):
        start = 0
        while start < len(paragraph):
            end = _line_end(paragraph, start)
            lines.append(paragraph[start:end])
            start = end
    return lines


def _line_end(paragraph: str, start: int) -> int:
    """Where the line from `start` ends: at a space if one is near, never inside a character."""
    used = 0
    for at in range(start, len(paragraph)):
        used += 0 if paragraph[at] == "\n" else _width(paragraph[at])
        if used > COLUMNS:
            space = paragraph.rfind(" ", start + (at - start) // 2, at)
            return space + 1 if space >= 0 else max(safe.boundary(paragraph, at), start + 1)
    return len(paragraph)


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
