"""Reads what people type after `/jit` or `@Sekisho`: forgiving about form, exact about meaning.

Words are folded (NFKC) to be understood; the reason keeps its own characters. Nothing is decided
here: ports, source and time stay words until the policy parses them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from enum import StrEnum

#: Longer lines than Slack sends (4,000) are cut before anything looks at them.
LINE_MAX = 4_000

#: Characters that show nothing: zero width space and joiners, word joiner, soft hyphen, BOM.
HIDDEN = frozenset("\u200b\u200c\u200d\u2060\u00ad\ufeff\u180e")

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


class Verb(StrEnum):
    ASK = "ask"
    FORM = "form"
    LIST = "list"
    MINE = "mine"
    PENDING = "pending"
    ACTIVE = "active"
    SHOW = "show"
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    DONE = "done"
    EXTEND = "extend"
    REVOKE = "revoke"
    RETRY = "retry"
    HISTORY = "history"
    STATUS = "status"
    HELP = "help"


VERBS: dict[str, Verb] = {
    "list": Verb.LIST,
    "mine": Verb.MINE,
    "pending": Verb.PENDING,
    "active": Verb.ACTIVE,
    "show": Verb.SHOW,
    "approve": Verb.APPROVE,
    "deny": Verb.DENY,
    "cancel": Verb.CANCEL,
    "done": Verb.DONE,
    "extend": Verb.EXTEND,
    "revoke": Verb.REVOKE,
    "retry": Verb.RETRY,
    "history": Verb.HISTORY,
    "status": Verb.STATUS,
    "help": Verb.HELP,
    "open": Verb.ASK,
    "?": Verb.HELP,
    "一覧": Verb.LIST,
    "承認": Verb.APPROVE,
    "却下": Verb.DENY,
    "取り下げ": Verb.CANCEL,
    "完了": Verb.DONE,
    "延長": Verb.EXTEND,
    "取り消し": Verb.REVOKE,
    "履歴": Verb.HISTORY,
    "ヘルプ": Verb.HELP,
}

_UNIT = (
    r"(?:h|hr|hrs|hours?|m|min|mins|minutes?|d|days?|s|sec|secs|seconds?|時間半|時間|分間|分|日|秒)"
)
_DURATION = re.compile(rf"(?:\d+(?:\.\d+)?{_UNIT})+|p(?:\d+d)?(?:t(?:\d+[hms])+)?", re.IGNORECASE)
_UNIT_ONLY = re.compile(_UNIT, re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MADE = re.compile(r".*まで")
_CLOCK = re.compile(r"\d{1,2}(?::\d{2}|時(?:\d{1,2}分)?)(?:am|pm)?|\d{1,2}(?:am|pm)", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9a-fx.:%]*[.:][0-9a-z.:%]*(?:/\d+)?|\*|any", re.IGNORECASE)
_PORT = r"(?:\d{1,6}|[a-z][a-z0-9-]*)"
_PORTS = re.compile(rf"{_PORT}(?:,{_PORT})*,?", re.IGNORECASE)
_REASON = re.compile(r"(?:because|reason|理由)(?P<colon>[:：])?", re.IGNORECASE)
_TICKET = re.compile(r"(?:ticket|チケット)[:：]?", re.IGNORECASE)
_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|@([\w.-]+)")

#: Names of ports that a line may hold; the policy knows their numbers.
PORT_NAMES = frozenset(
    {"ssh", "rdp", "winrm", "winrm-http", "winrm-https", "http", "https", "postgres", "postgresql"}
    | {"mysql", "mssql", "sql", "redis", "smb", "vnc"}
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word: as typed, folded for understanding, and its place (1 = first character)."""

    typed: str
    folded: str
    position: int


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A line, understood as far as words go. Absent parts are None or empty."""

    verb: Verb
    vm: str | None = None
    request_id: str | None = None
    ports: tuple[str, ...] = ()
    window: str | None = None
    source: str | None = None
    reason: str | None = None
    ticket: str | None = None
    person: str | None = None
    page: int = 1
    unknown: tuple[Word, ...] = ()
    #: places of characters that show nothing, outside the reason.
    hidden: tuple[int, ...] = field(default=())


def parse(text: str) -> CommandLine:
    """Never raises. An empty line asks for the form."""
    words, reason, hidden = _split(text[:LINE_MAX])
    if not words:
        return CommandLine(Verb.FORM, reason=reason, hidden=hidden)
    verb = VERBS.get(words[0].folded.casefold())
    if verb is None:
        line = _ask(words)
    elif verb is Verb.ASK:
        line = _ask(words[1:])
    else:
        line = _act(verb, words[1:])
    return replace(line, reason=reason, hidden=hidden)


def format_line(line: CommandLine) -> str:
    """The line as it works when pasted: `/jit web-01 22 2h from 203.0.113.7 because deploy fix`."""
    parts = ["/jit"]
    if line.verb not in (Verb.ASK, Verb.FORM):
        parts.append(line.verb.value)
    parts += [part for part in (line.vm, line.request_id) if part]
    parts += [",".join(line.ports)] if line.ports else []
    parts += [line.window] if line.window else []
    parts += [f"from {line.source}"] if line.source else []
    parts += [f"ticket {line.ticket}"] if line.ticket else []
    parts += [f"because {_one_line(line.reason)}"] if line.reason else []
    return " ".join(parts)


def _one_line(text: str) -> str:
    return " ".join(text.split())


# --- splitting --------------------------------------------------------------------------------


def _split(text: str) -> tuple[tuple[Word, ...], str | None, tuple[int, ...]]:
    """Words before (and after a quoted) reason, the reason, places of hidden characters."""
    words: list[Word] = []
    hidden: list[int] = []
    reason: str | None = None
    at = 0
    while at < len(text):
        if text[at].isspace() or _is_space(text[at]):
            at += 1
            continue
        marker = _reason_marker(text, at)
        if marker is not None:
            reason, at = _take_reason(text, marker)
            continue
        start = at
        word, at = _take_word(text, at)
        hidden += [
            start + offset + 1 for offset, char in enumerate(text[start:at]) if char in HIDDEN
        ]
        visible = "".join(char for char in word if char not in HIDDEN)
        if visible:
            words.append(Word(visible, _fold(visible), start + 1))
    return tuple(words), reason or None, tuple(hidden)


def _is_space(char: str) -> bool:
    return unicodedata.category(char) in ("Zs", "Zl", "Zp")


def _fold(word: str) -> str:
    return unicodedata.normalize("NFKC", word)


def _take_word(text: str, at: int) -> tuple[str, int]:
    """A word up to white space, or what stands between a pair of quotes."""
    closers = _closers(text[at])
    if closers:
        end = _closing(text, at + 1, closers)
        if end is not None:
            return text[at + 1 : end], end + 1
    end = at
    while end < len(text) and not (text[end].isspace() or _is_space(text[end])):
        end += 1
    return text[at:end], end


def _closers(opening: str) -> str:
    return QUOTES.get(opening, "") + ALSO_CLOSES.get(opening, "")


def _closing(text: str, start: int, closers: str) -> int | None:
    """The place of a closing quote that ends a word, so that `don't` is one."""
    for place in range(start, len(text)):
        after = text[place + 1 : place + 2]
        if text[place] in closers and (not after or after.isspace() or _is_space(after)):
            return place
    return None


def _reason_marker(text: str, at: int) -> int | None:
    """The place behind `because`, `reason:`, `理由：` when the marker stands here."""
    match = _REASON.match(text, at)
    if match is None:
        folded = _REASON.match(_fold(text[at : at + 8]))
        if folded is None or folded.start() != 0:
            return None
        if len(_fold(text[at : at + folded.end()])) != folded.end():
            return None
        end = at + folded.end()
        colon = folded["colon"]
    else:
        end, colon = match.end(), match["colon"]
    after = text[end : end + 1]
    if colon or not after or after.isspace() or _is_space(after):
        return end
    return end if _closers(after) else None


def _take_reason(text: str, at: int) -> tuple[str, int]:
    """The reason with its own characters: up to its closing quote, else to the end of the line."""
    while at < len(text) and (text[at].isspace() or _is_space(text[at])):
        at += 1
    if at < len(text) and (closers := _closers(text[at])):
        end = _closing(text, at + 1, closers)
        if end is not None:
            return text[at + 1 : end].strip(), end + 1
    return text[at:].strip(), len(text)


# --- understanding ----------------------------------------------------------------------------


def _ask(words: tuple[Word, ...]) -> CommandLine:
    if not words:
        return CommandLine(Verb.FORM)
    return _terms(CommandLine(Verb.ASK, vm=words[0].typed), words[1:])


def _act(verb: Verb, words: tuple[Word, ...]) -> CommandLine:
    line = CommandLine(verb)
    match verb:
        case Verb.LIST | Verb.MINE | Verb.PENDING | Verb.ACTIVE | Verb.HELP | Verb.STATUS:
            return _page(line, words)
        case Verb.HISTORY:
            return _history(line, words)
        case _:
            return _decision(line, words)


def _page(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    for word in words:
        if word.folded.isdecimal() and len(word.folded) <= 4:
            line = replace(line, page=max(1, int(word.folded)))
        elif line.verb in (Verb.HELP, Verb.LIST) and line.vm is None:
            line = replace(line, vm=word.typed)
        else:
            line = replace(line, unknown=(*line.unknown, word))
    return line


def _history(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    for word in words:
        person = _PERSON.fullmatch(word.typed)
        if person:
            line = replace(line, person=person[1] or person[2])
        elif line.vm is None and line.person is None:
            line = replace(line, vm=word.typed)
        elif word.folded.isdecimal() and len(word.folded) <= 4:
            line = replace(line, page=max(1, int(word.folded)))
        else:
            line = replace(line, unknown=(*line.unknown, word))
    return line


def _decision(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    """`approve 1042 for 1h 22`, `deny 1042`; in a thread the number may be left out."""
    if words and words[0].folded.lstrip("#").isdecimal():
        number = words[0].folded.lstrip("#")
        is_duration = len(words) > 1 and _UNIT_ONLY.fullmatch(words[1].folded) is not None
        if len(number) <= 12 and not is_duration:
            return _terms(replace(line, request_id=number), words[1:])
    return _terms(line, words)


def _terms(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    at = 0
    while at < len(words):
        line, at = _term(line, words, at)
    return line


def _term(line: CommandLine, words: tuple[Word, ...], at: int) -> tuple[CommandLine, int]:
    word = words[at]
    low = word.folded.casefold()
    following = words[at + 1] if at + 1 < len(words) else None
    if low in ("for", "、", ",") and (following or low != "for"):
        return line, at + 1
    if low == "from" and following is not None:
        return replace(line, source=following.typed), at + 2
    if low in ("until", "till", "to") and following is not None:
        return _until(line, words, at)
    if low.endswith("から") and len(low) > 2:
        return replace(line, source=word.folded[:-2]), at + 1
    if _TICKET.fullmatch(word.folded) and following is not None:
        return replace(line, ticket=following.typed), at + 2
    window = _window_words(words, at)
    if window:
        text = "".join(words[place].folded for place in range(at, at + window))
        return replace(line, window=(line.window or "") + text), at + window
    if low in PORT_NAMES or _is_ports(low):
        ports = tuple(part for part in low.split(",") if part)
        return replace(line, ports=(*line.ports, *ports)), at + 1
    if line.source is None and _ADDRESS.fullmatch(word.folded):
        return replace(line, source=word.typed), at + 1
    return replace(line, unknown=(*line.unknown, word)), at + 1


def _until(line: CommandLine, words: tuple[Word, ...], at: int) -> tuple[CommandLine, int]:
    clock = words[at + 1].folded
    used = 2
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", clock) and at + 2 < len(words):
        clock, used = f"{clock} {words[at + 2].folded}", 3
    elif at + 2 < len(words) and re.fullmatch(r"[ap]m", words[at + 2].folded, re.IGNORECASE):
        clock, used = clock + words[at + 2].folded.casefold(), 3
    return replace(line, window=f"until {clock}"), at + used


def _window_words(words: tuple[Word, ...], at: int) -> int:
    """How many words from here are a time: `2h`, `1h 30m` (one by one), `2 hours`, `18時 まで`."""
    low = words[at].folded.casefold()
    following = words[at + 1].folded.casefold() if at + 1 < len(words) else ""
    if _MADE.fullmatch(low) or (low != "p" and _DURATION.fullmatch(low)):
        return 1
    if _NUMBER.fullmatch(low) and _UNIT_ONLY.fullmatch(following):
        return 2
    if _CLOCK.fullmatch(low) and following == "まで":
        return 2
    return 0


def _is_ports(low: str) -> bool:
    """Numbers, or a list in which each part is a number or the name of a port."""
    if not _PORTS.fullmatch(low):
        return False
    return all(part.isdecimal() or part in PORT_NAMES for part in low.split(",") if part)
