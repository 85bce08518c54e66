"""A typed line as words: white space of every kind, quotes, hidden characters, the reason whole.

Nothing is understood here; `handlers.command_line` does that.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

#: Longer lines than Slack sends (4,000) are cut before anything looks at them.
LINE_MAX = 4_000

#: Characters that show nothing: zero width space and joiners, word joiner, soft hyphen, BOM, and
#: the marks of direction that come along with pasted text.
HIDDEN = frozenset(
    "\u200b\u200c\u200d\u2060\u00ad\ufeff\u180e"
    "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
#: Between words, as white space is; a comma stands inside lists of ports.
SEPARATORS = frozenset("、，")

QUOTES = {
    '"': '"',
    "'": "'",
    "“": "”",
    "‘": "’",
    "„": "“",
    "‚": "‘",
    "«": "»",
    "「": "」",
    "『": "』",
    "＂": "＂",
    "＇": "＇",
}
#: `„deploy fix”` is closed either way, by writers of different languages.
ALSO_CLOSES = {"„": "”", "‚": "’", "“": "“"}

_REASON = re.compile(r"(?:because|reason|理由)(?P<colon>[:：])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """One word: as typed, folded for understanding, and its place (1 = first character)."""

    typed: str
    folded: str
    position: int


def whole(text: str) -> str:
    """Half a character (an emoji cut by a client) becomes U+FFFD: no ledger can hold it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def split(text: str) -> tuple[tuple[Word, ...], str | None, tuple[int, ...]]:
    """Words before (and after a quoted) reason, the reason, places of hidden characters."""
    words: list[Word] = []
    hidden: list[int] = []
    reason: str | None = None
    at = 0
    while at < len(text):
        if _is_space(text[at]):
            at += 1
            continue
        if text[at] in HIDDEN:
            hidden.append(at + 1)
            at += 1
            continue
        marker = reason_marker(text, at)
        if marker is not None:
            reason, at = take_reason(text, marker)
            continue
        start = at
        word, at = take_word(text, at)
        hidden += [
            start + offset + 1 for offset, char in enumerate(text[start:at]) if char in HIDDEN
        ]
        visible = "".join(char for char in word if char not in HIDDEN)
        if visible:
            words.append(Word(visible, fold(visible), start + 1))
    return tuple(words), reason or None, tuple(hidden)


def _is_space(char: str) -> bool:
    """What separates words: every kind of white space, and the ideographic comma."""
    if char in SEPARATORS or char.isspace():
        return True
    return unicodedata.category(char) in ("Zs", "Zl", "Zp")


def fold(word: str) -> str:
    return unicodedata.normalize("NFKC", word)


def take_word(text: str, at: int) -> tuple[str, int]:
    """A word up to white space, or what stands between a pair of quotes."""
    closers = _closers(text[at])
    if closers:
        end = _closing(text, at + 1, closers)
        if end is not None:
            return text[at + 1 : end], end + 1
    end = at
    while end < len(text) and not _is_space(text[end]):
        end += 1
    return text[at:end], end


def _closers(opening: str) -> str:
    return QUOTES.get(opening, "") + ALSO_CLOSES.get(opening, "")


def _closing(text: str, start: int, closers: str) -> int | None:
    """The place of a closing quote that ends a word, so that `don't` is one."""
    for place in range(start, len(text)):
        after = text[place + 1 : place + 2]
        if text[place] in closers and (not after or _is_space(after)):
            return place
    return None


def reason_marker(text: str, at: int) -> int | None:
    """The place behind `because`, `reason:`, `理由：` when the marker stands here."""
    match = _REASON.match(text, at)
    if match is None:
        folded = _REASON.match(fold(text[at : at + 8]))
        if folded is None or folded.start() != 0:
            return None
        if len(fold(text[at : at + folded.end()])) != folded.end():
            return None
        end = at + folded.end()
        colon = folded["colon"]
    else:
        end, colon = match.end(), match["colon"]
    after = text[end : end + 1]
    if colon or not after or _is_space(after):
        return end
    return end if _closers(after) else None


def take_reason(text: str, at: int) -> tuple[str, int]:
    """The reason with its own characters: up to its closing quote, else to the end of the line."""
    while at < len(text) and _is_space(text[at]):
        at += 1
    if at < len(text) and (closers := _closers(text[at])):
        end = _closing(text, at + 1, closers)
        if end is not None:
            return text[at + 1 : end].strip(), end + 1
    return text[at:].strip(), len(text)


def without_comment(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """What stands behind a lone `#`, as in the lines of the help, is not meant for us."""
    end = next((at for at, word in enumerate(words) if word.folded == "#"), len(words))
    return words[:end]
