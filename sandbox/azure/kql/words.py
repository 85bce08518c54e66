"""A query's text cut into words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sandbox.azure.kql.errors import syntax
from sandbox.azure.kql.tree import Scalar
from sandbox.azure.wire import parse_instant

#: Characters; Resource Graph and Log Analytics take far longer ones than we send.
QUERY_MAX = 64_000

_WORD = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
    |(?P<verbatim>@'[^']*'|@"[^"]*")
    |(?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<instant>datetime\s*\([^)]*\))
    |(?P<span>\d+(?:\.\d+)?(?:ms|[dhms])\b)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<name>!?[A-Za-z_]\w*)
    |(?P<sign>==|=~|!=|!~|>=|<=|[<>=|(),.~\[\]+*/-])""",
    re.VERBOSE,
)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the query; `value` is what a literal means."""

    kind: Literal["name", "sign", "literal", "end"]
    text: str
    value: Scalar = None


def words_of(query: str) -> list[Word]:
    """The words in order, an end after them."""
    if len(query) > QUERY_MAX:
        raise syntax("The query is too long.")
    found: list[Word] = []
    at = 0
    while at < len(query):
        match = _WORD.match(query, at)
        if match is None:
            raise syntax(f"Query could not be parsed at '{query[at : at + 10]}'")
        at = match.end()
        kind, text = match.lastgroup or "", match[0]
        if kind in ("name", "sign"):
            found.append(Word("name" if kind == "name" else "sign", text))
        elif kind != "blank":
            found.append(Word("literal", text, _value(kind, text)))
    return [*found, Word("end", "end of query")]


def _value(kind: str, text: str) -> Scalar:
    match kind:
        case "verbatim":
            return text[2:-1]
        case "text":
            return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])
        case "instant":
            return _instant(text)
        case "span":
            return _span(text)
        case _:
            return float(text) if "." in text else int(text)


def _instant(text: str) -> datetime | None:
    inner = text.partition("(")[2].rstrip(")").strip().strip("'\"")
    if inner == "null":
        return None
    found = parse_instant(inner if "T" in inner or " " in inner else f"{inner}T00:00:00")
    if found is None:
        raise syntax(f"'{text}' is no datetime literal")
    return found


def _span(text: str) -> timedelta:
    number = text.rstrip("dhms")
    return timedelta(**{_UNITS[text[len(number) :]]: float(number)})
