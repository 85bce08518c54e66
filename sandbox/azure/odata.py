"""`$filter` as Microsoft Graph takes it for alerts: comparisons joined by `and` or `or`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from sandbox.azure.wire import Json, parse_instant

_CLAUSE = re.compile(r"(\w+)\s+(eq|ne|gt|ge|lt|le)\s+('(?:[^']|'')*'|\S+)")
_OPERATORS: Mapping[str, Callable[[object, object], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": lambda a, b: isinstance(a, str) and isinstance(b, str) and a > b,
    "ge": lambda a, b: isinstance(a, str) and isinstance(b, str) and a >= b,
    "lt": lambda a, b: isinstance(a, str) and isinstance(b, str) and a < b,
    "le": lambda a, b: isinstance(a, str) and isinstance(b, str) and a <= b,
}

Test = Callable[[Json], bool]


class BadFilter(ValueError):
    """The filter is no sentence, or names what can't be filtered."""


def read_filter(text: str, allowed: frozenset[str]) -> Test:
    """The filter as a test of one object; BadFilter for what Graph refuses."""
    alternatives = [
        [_clause(part, allowed) for part in re.split(r"\s+and\s+", alternative.strip())]
        for alternative in re.split(r"\s+or\s+", text)
    ]
    return lambda item: any(all(one(item) for one in parts) for parts in alternatives)


def _clause(text: str, allowed: frozenset[str]) -> Test:
    found = _CLAUSE.fullmatch(text.strip())
    if found is None:
        raise BadFilter("Invalid filter clause")
    name, sign, value = found[1], found[2], found[3]
    if name not in allowed:
        raise BadFilter(f"Invalid filter clause: '{name}' is not supported.")
    wanted = value[1:-1].replace("''", "'") if value.startswith("'") else value
    compare = _OPERATORS[sign]
    return lambda item: compare(_rank(item.get(name)), _rank(wanted))


def _rank(value: object) -> object:
    """Instants are told apart to the microsecond whatever their digits, words without case."""
    if not isinstance(value, str):
        return value
    at = parse_instant(value)
    return at.isoformat(timespec="microseconds") if at else value.lower()
