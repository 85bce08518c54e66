"""Reads what people type after `/jit` or `@Sekisho`: forgiving about form, exact about meaning.

Words are folded (NFKC) to be understood; the reason keeps its own characters. Nothing is decided
here: ports, source and time stay words until the policy parses them.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from approvals.ports import SERVICES
from approvals.window import parse_length
from handlers.line_words import (
    LINE_MAX,
    QUOTES,
    Word,
    fold,
    reason_marker,
    split,
    take_reason,
    take_word,
    whole,
    without_comment,
)


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
    ENABLE = "enable"
    EDIT = "edit"
    DISABLE = "disable"
    CLEAN = "clean"
    UNDO = "undo"


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
    "申請": Verb.ASK,
    "表示": Verb.SHOW,
    "状況": Verb.STATUS,
    "再試行": Verb.RETRY,
    "承認": Verb.APPROVE,
    "却下": Verb.DENY,
    "取り下げ": Verb.CANCEL,
    "完了": Verb.DONE,
    "延長": Verb.EXTEND,
    "取り消し": Verb.REVOKE,
    "履歴": Verb.HISTORY,
    "ヘルプ": Verb.HELP,
    "enable": Verb.ENABLE,
    "edit": Verb.EDIT,
    "disable": Verb.DISABLE,
    "clean": Verb.CLEAN,
    "undo": Verb.UNDO,
    "整理": Verb.CLEAN,
    "有効化": Verb.ENABLE,
    "設定変更": Verb.EDIT,
    "無効化": Verb.DISABLE,
    "元に戻す": Verb.UNDO,
}

_LONGEST = re.compile(r"max(?:imum)?|最長", re.IGNORECASE)

_UNIT = (
    r"(?:h|hr|hrs|hours?|m|min|mins|minutes?|d|days?|s|sec|secs|seconds?|時間半|時間|分間|分|日|秒)"
)
_DURATION = re.compile(rf"(?:\d+(?:\.\d+)?{_UNIT})+|p(?:\d+d)?(?:t(?:\d+[hms])+)?", re.IGNORECASE)
_UNIT_ONLY = re.compile(_UNIT, re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MADE = re.compile(r".*まで")
_CLOCK = re.compile(r"\d{1,2}(?::\d{2}|時(?:\d{1,2}分)?)(?:am|pm)?|\d{1,2}(?:am|pm)", re.IGNORECASE)
_DAY = re.compile(
    r"today|tomorrow|今日の?|本日の?|明日の?|(?:\d{4}[-/年])?\d{1,2}[-/月]\d{1,2}日?の?"
)
_LENGTHS_IN_WORDS = ("half an hour", "half hour", "an hour", "one hour", "two hours", "three hours")
_ADDRESS = re.compile(r"[0-9a-fx.:%]*[.:][0-9a-z.:%]*(?:/\d+)?|\*|any", re.IGNORECASE)
_PORT = re.compile(r"\d{1,6}(?:/(?:tcp|udp))?", re.ASCII)
_BETWEEN_PORTS = re.compile(r"[,、;]|(?<=\d)と(?=\d)")
_PORT_LABELS = frozenset({"port", "ports", "ポート"})
_LABEL = re.compile(r"(from|source|接続元|ticket|チケット)(?::(.*))?", re.IGNORECASE | re.DOTALL)
_SOURCE_LABELS = frozenset({"from", "source", "接続元"})
_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|@([\w.-]+)")
_REQUEST = re.compile(r"#?([1-9]\d{0,11})", re.ASCII)
_PAGE = re.compile(r"[1-9]\d{0,3}", re.ASCII)

#: Who uses one of these writes Japanese.
_JAPANESE = re.compile("時間|分|まで|から|理由")

#: Words of a line, for a guess at what a mistyped one meant; likeness from 0 to 1.
LINE_WORDS = ("because", "reason", "until", "from", "ticket", "for", "port")
WORD_NEAR = 0.7
VERB_NEAR = 0.8
#: A line with more words that can't be read is not a line.
MENDED_MAX = 5


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A line, understood as far as words go. Absent parts are None or empty."""

    verb: Verb
    vm: str | None = None
    #: machines of a change, as typed.
    vms: tuple[str, ...] = ()
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
    #: the line as it was typed.
    typed: str = ""


def parse(text: str) -> CommandLine:
    """Never raises. An empty line asks for the form."""
    text = whole(text)
    words, reason, hidden = split(text[:LINE_MAX])
    words = without_comment(words)
    if not words:
        return CommandLine(Verb.FORM, reason=reason, hidden=hidden, typed=text)
    verb = VERBS.get(words[0].folded.casefold())
    if verb is None:
        line = _ask(words)
    elif verb is Verb.ASK:
        line = _ask(words[1:])
    else:
        line = _act(verb, words[1:])
    return replace(line, reason=reason, hidden=hidden, typed=text)


def near_verb(word: str) -> str | None:
    """The command that was surely meant: `aprove`, `pendng`."""
    found = difflib.get_close_matches(fold(word).casefold()[:40], VERBS, n=1, cutoff=VERB_NEAR)
    return found[0] if found else None


def near_word(word: Word) -> str | None:
    """The word of a line that was surely meant: `becuase`, `untill`."""
    low = word.folded.casefold()[:40]
    found = difflib.get_close_matches(low, LINE_WORDS, n=1, cutoff=WORD_NEAR)
    return found[0] if found else None


def mended(line: CommandLine) -> tuple[CommandLine, tuple[Word, ...]]:
    """The line with each unknown word as the near one says, or without it; and those words."""
    text = line.typed[:LINE_MAX]
    changed: list[Word] = []
    while line.unknown and len(changed) < MENDED_MAX:
        word = next((word for word in line.unknown if near_word(word)), line.unknown[0])
        start = word.position - 1
        _, end = take_word(text, start)
        changed.append(word)
        text = f"{text[:start]}{near_word(word) or ''}{text[end:]}"
        line = parse(text)
    return line, tuple(changed)


def format_like(line: CommandLine, typed: str) -> str:
    """The line in the words that the person used: `/jit web-01 22 3時間 203.0.113.7から 理由：修正`
    for one who typed Japanese, if it is then understood as the same."""
    english = format_line(line)
    if not _JAPANESE.search(typed):
        return english
    length = parse_length(line.window) if line.window else None
    window = line.window if length is None else _japanese_length(length)
    japanese = format_line(replace(line, window=window), source="{}から", reason="理由：{}")
    return japanese if _meaning(japanese) == _meaning(english) else english


def _japanese_length(length: timedelta) -> str:
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    units = ((hours, "時間"), (minutes, "分"))
    return "".join(f"{value}{unit}" for value, unit in units if value) or "0分"


def _meaning(text: str) -> tuple[CommandLine, timedelta | str | None]:
    line = parse(text.removeprefix("/jit "))
    length = parse_length(line.window) if line.window else None
    return replace(line, window=None, typed=""), length or line.window


def format_line(line: CommandLine, *, source: str = "from {}", reason: str = "because {}") -> str:
    """The line as it works when pasted: `/jit web-01 22 2h from 203.0.113.7 because deploy fix`."""
    parts = ["/jit"]
    if line.verb not in (Verb.ASK, Verb.FORM):
        parts.append(line.verb.value)
    elif line.vm and fold(line.vm).casefold() in VERBS:
        parts.append("open")  # a VM that is called like a verb
    parts += [_quoted(line.vm)] if line.vm else []
    parts += [line.request_id] if line.request_id else []
    parts += [_person_text(line.person)] if line.person else []
    parts += [",".join(line.ports)] if line.ports else []
    parts += [line.window] if line.window else []
    parts += [source.format(_quoted(line.source))] if line.source else []
    parts += [f"ticket {_quoted(line.ticket)}"] if line.ticket else []
    parts += [str(line.page)] if line.page > 1 else []
    parts += [reason.format(_reason_text(line.reason))] if line.reason else []
    return " ".join(parts)


def _person_text(person: str) -> str:
    return f"<@{person}>" if re.fullmatch(r"[UW][A-Z0-9]+", person) else f"@{person}"


def _quoted(word: str) -> str:
    """As it is where it is one word; else in the first pair of quotes that keeps it whole."""
    if take_word(word, 0) == (word, len(word)) and reason_marker(word, 0) is None:
        return word
    wrapped = (f"{opening}{word}{closing}" for opening, closing in QUOTES.items())
    return next((text for text in wrapped if take_word(text, 0) == (word, len(text))), word)


def _reason_text(reason: str) -> str:
    """One line; in quotes only where its own quotes would be taken for ours."""
    text = " ".join(reason.split())
    if take_reason(text, 0) == (text, len(text)):
        return text
    wrapped = (f"{opening}{text}{closing}" for opening, closing in QUOTES.items())
    return next((found for found in wrapped if take_reason(found, 0) == (text, len(found))), text)


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
        case Verb.ENABLE | Verb.EDIT | Verb.DISABLE | Verb.CLEAN:
            return _policy(line, words)
        case _:
            return _decision(line, words)


def _page(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    for word in words:
        if _PAGE.fullmatch(word.folded):
            line = replace(line, page=int(word.folded))
        elif line.verb in (Verb.HELP, Verb.LIST) and line.vm is None:
            line = replace(line, vm=word.typed)
        else:
            line = replace(line, unknown=(*line.unknown, word))
    return line


def _history(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    for word in words:
        person = _PERSON.fullmatch(word.typed)
        if person and line.person is None:
            line = replace(line, person=person[1] or person[2])
        elif _PAGE.fullmatch(word.folded):
            line = replace(line, page=int(word.folded))
        elif line.vm is None and line.person is None:
            line = replace(line, vm=word.typed)
        else:
            line = replace(line, unknown=(*line.unknown, word))
    return line


def _policy(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    """`enable web-01,web-02 ssh,rdp max 3h from 203.0.113.0/24`: machines come first."""
    at = 0
    while at < len(words) and (at == 0 or _is_machine(words, at)):
        at += 1
    names = (part for word in words[:at] for part in re.split(r"[,、，]", word.typed))
    rest = tuple(word for word in map(_without_longest, words[at:]) if word.folded)
    return _terms(replace(line, vms=tuple(dict.fromkeys(filter(None, names)))), rest)


def _is_machine(words: tuple[Word, ...], at: int) -> bool:
    """What is no other part of such a line; a word that means nothing is then an unknown name."""
    low = words[at].folded.casefold()
    is_term = _LONGEST.match(low) or _LABEL.fullmatch(low) or _window_words(words, at)
    return not (
        is_term
        or _ports(low)
        or _ADDRESS.fullmatch(low)
        or _is_filler(low, CommandLine(Verb.ENABLE), following=True)
    )


def _without_longest(word: Word) -> Word:
    """`max` and `最長` only say what the time is."""
    found = _LONGEST.match(word.folded)
    if found is None or not (found.end() == len(word.folded) or word.folded[found.end()].isdigit()):
        return word
    return replace(word, folded=word.folded[found.end() :], typed=word.typed[found.end() :])


def _decision(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    """`approve 1042 for 1h 22`, `deny 1042`; in a thread the number may be left out."""
    number = _REQUEST.fullmatch(words[0].folded) if words else None
    if number and not _window_words(words, 0):
        return _terms(replace(line, request_id=number[1]), words[1:])
    return _terms(line, words)


def _terms(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    at = 0
    while at < len(words):
        line, at = _term(line, words, at)
    return line


def _term(line: CommandLine, words: tuple[Word, ...], at: int) -> tuple[CommandLine, int]:
    """The line with what stands at `at`, and where to go on."""
    word, low = words[at], words[at].folded.casefold()
    following = at + 1 < len(words)
    if _is_filler(low, line, following=following):
        return line, at + 1
    if label := _LABEL.fullmatch(word.folded):
        found = _labelled(line, label, words, at)
        if found is not None:
            return found
    if low in ("until", "till", "to") and following:
        return _until(line, words, at)
    if low.endswith("から") and len(low) > 2 and line.source is None:
        return replace(line, source=word.folded[:-2]), at + 1
    if window := _window_words(words, at):
        return _with_window(line, words[at : at + window]), at + window
    if ports := _ports(low):
        return replace(line, ports=(*line.ports, *ports)), at + 1
    if _CLOCK.fullmatch(low):  # a time without `until`: the policy names what was meant
        return _with_window(line, words[at : at + 1]), at + 1
    if line.source is None and _ADDRESS.fullmatch(word.folded):
        return replace(line, source=word.typed), at + 1
    return replace(line, unknown=(*line.unknown, word)), at + 1


def _is_filler(low: str, line: CommandLine, *, following: bool) -> bool:
    """Words that say nothing by themselves: `for`, `port`, `and` between two parts."""
    if low in ("for", "and") or low in _PORT_LABELS:
        return following
    return low == "," or (low == "から" and line.source is not None)


def _labelled(
    line: CommandLine, label: re.Match[str], words: tuple[Word, ...], at: int
) -> tuple[CommandLine, int] | None:
    """`from X`, `接続元：X`, `ticket X`: the next word, or what is behind the colon. Each once."""
    name = "source" if label[1].casefold() in _SOURCE_LABELS else "ticket"
    is_taken = (line.source if name == "source" else line.ticket) is not None
    if is_taken:
        return None
    value, end = (label[2], at + 1)
    if not value:
        if at + 1 >= len(words):
            return None
        value, end = words[at + 1].typed, at + 2
    if name == "source":
        return replace(line, source=value), end
    return replace(line, ticket=value), end


def _with_window(line: CommandLine, words: tuple[Word, ...]) -> CommandLine:
    """`1h` and `30m` are one time."""
    text = " ".join(word.folded for word in words)
    if not _UNIT_ONLY.search(text) or " " not in text or not text[0].isdecimal():
        return replace(line, window=f"{line.window or ''}{text}")
    return replace(line, window=f"{line.window or ''}{text.replace(' ', '')}")


def _until(line: CommandLine, words: tuple[Word, ...], at: int) -> tuple[CommandLine, int]:
    """`until 18:00`, `until tomorrow 18:00`, `until 2026-11-25 6 pm`."""
    taken = [words[at + 1].folded]
    place = at + 2
    if _DAY.fullmatch(taken[0].casefold()) and place < len(words):
        taken.append(words[place].folded)
        place += 1
    if place < len(words) and re.fullmatch(r"[ap]\.?m\.?", words[place].folded, re.IGNORECASE):
        taken[-1] += words[place].folded.casefold()
        place += 1
    window = f"{line.window or ''}until {' '.join(taken)}"
    return replace(line, window=window), place


def _window_words(words: tuple[Word, ...], at: int) -> int:
    """How many words from here are a time: `2h`, `2 hours`, `an hour`, `明日 18時 まで`."""
    lows = [word.folded.casefold() for word in words[at : at + 3]]
    low, following = lows[0], lows[1] if len(lows) > 1 else ""
    if _MADE.fullmatch(low) or (low != "p" and _DURATION.fullmatch(low)):
        return 1
    if _NUMBER.fullmatch(low) and _UNIT_ONLY.fullmatch(following):
        return 2
    for count in (3, 2):
        part = lows[:count]
        if len(part) == count and " ".join(part) in _LENGTHS_IN_WORDS:
            return count
        if len(part) == count and part[-1].endswith("まで") and _is_time(part):
            return count
    return 0


def _is_time(lows: list[str]) -> bool:
    """`18時 まで`, `明日 18時まで`, `明日 18時 まで`."""
    *days, clock = [low for low in (*lows[:-1], lows[-1].removesuffix("まで")) if low]
    return bool(_CLOCK.fullmatch(clock)) and all(_DAY.fullmatch(day) for day in days)


def _ports(low: str) -> tuple[str, ...]:
    """Numbers, or a list in which each part is a number or the name of a port; else nothing."""
    parts = [part for part in _BETWEEN_PORTS.split(low) if part]
    is_list = all(_PORT.fullmatch(part) or part in SERVICES for part in parts)
    return tuple(parts) if is_list else ()
