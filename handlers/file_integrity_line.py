"""`/fim` as people type it: one machine, a path, a change window, what is read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from approvals.window import parse_length
from handlers.line_words import LINE_MAX, Word, split

DAY = timedelta(hours=24)
#: What is kept in Redis reaches back so far.
LONGEST = timedelta(days=30)


class Verb(StrEnum):
    LIST = "list"
    MACHINE = "machine"
    PATH = "path"
    WINDOW = "window"
    END = "end"
    WINDOWS = "windows"
    STATUS = "status"
    HELP = "help"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FimLine:
    """What was understood. `name`: machine, path, pattern or id of a window, as typed."""

    verb: Verb
    typed: str
    name: str = ""
    since: timedelta = DAY
    #: of a change window, as typed; views and forms read it.
    window: str = ""
    reason: str = ""


_WORDS = {
    "list": Verb.LIST,
    "一覧": Verb.LIST,
    "path": Verb.PATH,
    "file": Verb.PATH,
    "パス": Verb.PATH,
    "window": Verb.WINDOW,
    "作業": Verb.WINDOW,
    "windows": Verb.WINDOWS,
    "変更作業枠": Verb.WINDOWS,
    "status": Verb.STATUS,
    "状態": Verb.STATUS,
    "help": Verb.HELP,
    "?": Verb.HELP,
    "ヘルプ": Verb.HELP,
}
_SINCE = frozenset({"since", "last", "過去"})
_ENDS = frozenset({"end", "close", "stop", "終了"})


def parse(text: str) -> FimLine:
    """The first word is a verb, or the name of a machine."""
    typed = text.strip()[:LINE_MAX]
    words, reason, _ = split(typed)
    if not words:
        return FimLine(Verb.LIST, typed)
    verb = _WORDS.get(words[0].folded.casefold())
    match verb:
        case Verb.WINDOW:
            return _window(typed, words[1:], reason or "")
        case Verb.PATH:
            return _named(Verb.PATH, typed, words[1:])
        case Verb.LIST:
            return _named(Verb.LIST, typed, words[1:])
        case Verb():
            return FimLine(verb if len(words) == 1 else Verb.UNKNOWN, typed)
        case None:
            is_period = words[0].folded.casefold() in _SINCE
            return _named(Verb.LIST if is_period else Verb.MACHINE, typed, words)


def _named(verb: Verb, typed: str, words: tuple[Word, ...]) -> FimLine:
    """A name and a period; a path may hold blanks, a machine's name does not."""
    at = next((n for n, word in enumerate(words) if word.folded.casefold() in _SINCE), len(words))
    name = " ".join(word.typed for word in words[:at])
    since = DAY
    if at < len(words):
        found = parse_length("".join(word.folded for word in words[at + 1 :]))
        if found is None:
            return FimLine(Verb.UNKNOWN, typed)
        since = min(found, LONGEST)
    is_wrong = (verb is Verb.LIST and name) or (verb is not Verb.LIST and not name)
    if is_wrong or (verb is Verb.MACHINE and at != 1):
        return FimLine(Verb.UNKNOWN, typed)
    return FimLine(verb, typed, name=name, since=since)


def _window(typed: str, words: tuple[Word, ...], reason: str) -> FimLine:
    """`web-* 2h because patching`, `end W-3`."""
    if len(words) == 2 and words[0].folded.casefold() in _ENDS:
        return FimLine(Verb.END, typed, name=words[1].folded.upper())
    name = words[0].folded if words else ""
    rest = [word.folded for word in words[1:] if word.folded.casefold() != "for"]
    return FimLine(Verb.WINDOW, typed, name=name, window=" ".join(rest), reason=reason)
