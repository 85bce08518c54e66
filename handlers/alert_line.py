"""Reads what people type after `/alerts`: forgiving about form, exact about meaning.

Words are folded (NFKC) to be understood; a reason keeps its own characters. Nothing is looked up
here: machines and ids stay words.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from handlers.alert_verbs import ABOUT_ONE, EDR_WORDS, SEVERITY_WORDS, VERBS, AlertVerb
from handlers.line_words import LINE_MAX, Word, fold, split, whole, without_comment

V = AlertVerb

#: What stands in the lines that are shown as examples.
EXAMPLE_ID = "A-7K2Q9ZD"
EXAMPLES: dict[AlertVerb, str] = {
    V.MACHINE: "web-01",
    V.SEARCH: "powershell",
    **dict.fromkeys(ABOUT_ONE, EXAMPLE_ID),
}

#: Likeness from 0 to 1 of a mistyped word to the one that was meant.
VERB_NEAR = 0.72
SEVERITY_NEAR = 0.6
#: Days of statistics.
DAYS_DEFAULT = 7
DAYS_MAX = 90

_SHORT = re.compile(r"a-?([0-9a-z]{7})", re.IGNORECASE | re.ASCII)
_KEY = re.compile(r"(?=.*\d)[0-9a-f_-]{8,}|/subscriptions/\S+", re.IGNORECASE | re.ASCII)
_PAGE = re.compile(r"[1-9]\d{0,2}", re.ASCII)
_DAYS = re.compile(r"(\d{1,4})(d|days?|日間?|w|weeks?|週間?|)", re.IGNORECASE | re.ASCII)
_UNIT = re.compile(r"d|days?|日間?|w|weeks?|週間?", re.IGNORECASE)
#: Letters that a short id does not have, and which one was surely meant.
_LOOKS_LIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})
#: What Japanese puts behind a name (`web-01を`), and what pasting brings along.
_AROUND = "`\"'“”「」『』<>#"


@dataclass(frozen=True, slots=True)
class AlertLine:
    """A line, understood as far as words go. `about` is a machine, an id or words to search."""

    verb: AlertVerb
    about: str = ""
    severity: str = ""
    #: what stands where a severity should.
    bad_severity: str = ""
    reason: str = ""
    #: None: what was typed is no number of days.
    days: int | None = DAYS_DEFAULT
    page: int = 1
    is_edr: bool = False
    #: words that are left over.
    rest: tuple[str, ...] = ()
    typed: str = ""


def parse(text: str) -> AlertLine:
    """Never raises. An empty line asks for the open ones."""
    text = whole(text)
    words, reason, _ = split(text[:LINE_MAX])
    words = _bare(without_comment(words))
    if not words:
        return AlertLine(V.OPEN, typed=text)
    verb, rest = _verb(words)
    line = AlertLine(verb, reason=" ".join((reason or "").split()), typed=text)
    match verb:
        case V.OPEN | V.MINE | V.MUTED | V.HELP:
            return _page(line, rest)
        case V.SEARCH:
            return _search(line, rest, text)
        case V.ROUTE:
            return _route(line, rest)
        case V.STATS:
            return replace(line, days=_days(rest))
        case _:
            return _about(line, rest)


def near_verb(word: str) -> AlertVerb | None:
    """The verb that was surely meant: `opne`, `resovle`."""
    low = fold(word).casefold()[:40]
    found = difflib.get_close_matches(low, VERBS, n=1, cutoff=VERB_NEAR)
    return VERBS[found[0]] if found else None


def near_severity(word: str) -> str:
    """`hihg` was `high`; "" where nothing is near."""
    low = fold(word).casefold()[:40]
    found = difflib.get_close_matches(low, SEVERITY_WORDS, n=1, cutoff=SEVERITY_NEAR)
    return SEVERITY_WORDS[found[0]] if found else ""


def id_of(word: str) -> str:
    """`A-7K2Q9ZD` however it is written, a key or the beginning of one; "" for other words."""
    folded = fold(word).strip(_AROUND)
    short = _SHORT.fullmatch(folded)
    if short and (folded[1] == "-" or any(map(str.isdecimal, folded))):
        return f"A-{short[1].upper().translate(_LOOKS_LIKE)}"
    return folded.casefold() if _KEY.fullmatch(folded) else ""


def format_line(line: AlertLine, because: str = "because {}") -> str:
    """The line as it works when pasted."""
    parts = ["/alerts", line.verb.value]
    parts += [line.about] if line.about else []
    parts += [line.severity] if line.severity else []
    parts += ["edr"] if line.is_edr else []
    parts += [because.format(line.reason)] if line.reason else []
    return " ".join(parts)


def corrected(line: AlertLine, *, reason: str = "") -> str:
    """The line as it can be pasted, without what was not understood."""
    return format_line(replace(line, reason=reason or line.reason, rest=()))


def example(line: AlertLine) -> str:
    """The line with what is missing in it filled in."""
    if line.verb is V.ROUTE:
        return format_line(AlertLine(V.ROUTE, about="web-01", severity=line.severity or "high"))
    return format_line(AlertLine(line.verb, about=EXAMPLES.get(line.verb, "")))


# --- understanding ----------------------------------------------------------------------------


def _bare(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Without the marks that pasting leaves around a word."""
    stripped = (
        replace(word, typed=word.typed.strip(_AROUND), folded=word.folded.strip(_AROUND))
        for word in words
    )
    return tuple(word for word in stripped if word.folded)


def _verb(words: tuple[Word, ...]) -> tuple[AlertVerb, tuple[Word, ...]]:
    """The verb first, or behind what it is about (`A-7K2Q9ZD 担当`)."""
    first = VERBS.get(words[0].folded.casefold())
    if first is not None:
        return first, words[1:]
    second = VERBS.get(words[1].folded.casefold().lstrip("を")) if words[1:] else None
    if id_of(words[0].folded):
        if second in ABOUT_ONE and second is not None:
            return second, (words[0], *words[2:])
        return V.SHOW, words
    return V.GUESS, words


def _page(line: AlertLine, words: tuple[Word, ...]) -> AlertLine:
    """A number is a page; other words are left over."""
    for word in words:
        if _PAGE.fullmatch(word.folded):
            line = replace(line, page=int(word.folded))
        else:
            line = replace(line, rest=(*line.rest, word.typed))
    return line


def _about(line: AlertLine, words: tuple[Word, ...]) -> AlertLine:
    """One name or id; the page behind a machine's name."""
    if not words:
        return line
    line = replace(line, about=words[0].typed)
    if line.verb in ABOUT_ONE:
        line = replace(line, about=id_of(words[0].folded) or words[0].typed)
    for word in words[1:]:
        if line.verb is V.MACHINE and _PAGE.fullmatch(word.folded):
            line = replace(line, page=int(word.folded))
        else:
            line = replace(line, rest=(*line.rest, word.typed))
    return line


def _search(line: AlertLine, words: tuple[Word, ...], text: str) -> AlertLine:
    """Every word counts, also one that opens a reason elsewhere."""
    said = [word.folded for word in words]
    if line.reason:
        at = text.casefold().rfind(line.reason.casefold())
        marker = fold(text[:at]).split()[-1:] if at > 0 else []
        said += [word.strip(":：") for word in marker if word not in said]
        said += fold(line.reason).split()
    return replace(line, about=" ".join(said)[:200], reason="")


def _route(line: AlertLine, words: tuple[Word, ...]) -> AlertLine:
    """`web-01 high edr` in any order: what is no severity and no `edr` is the machine."""
    for word in words:
        low = word.folded.casefold()
        if low in SEVERITY_WORDS and not line.severity:
            line = replace(line, severity=SEVERITY_WORDS[low])
        elif low in EDR_WORDS:
            line = replace(line, is_edr=True)
        elif not line.about:
            line = replace(line, about=word.typed)
        elif not line.bad_severity and not line.severity:
            line = replace(line, bad_severity=word.typed)
        else:
            line = replace(line, rest=(*line.rest, word.typed))
    return line


def _days(words: tuple[Word, ...]) -> int | None:
    """`7d`, `7`, `7 days`, `2週間`; None for everything else."""
    if not words:
        return DAYS_DEFAULT
    said = words[0].folded
    if len(words) == 2 and _UNIT.fullmatch(words[1].folded):
        said += words[1].folded
    elif len(words) > 1:
        return None
    found = _DAYS.fullmatch(said)
    if found is None:
        return None
    is_weeks = found[2][:1].casefold() in ("w", "週")
    days = int(found[1]) * (7 if is_weeks else 1)
    return days if 1 <= days <= DAYS_MAX else None
