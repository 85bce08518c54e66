"""Expressions made runnable: each becomes a function of a row, with the type of what it gives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from sandbox.azure.kql.errors import semantic, unknown_name
from sandbox.azure.kql.tree import (
    Among,
    Expression,
    Function,
    Literal_,
    Name,
    Operation,
)
from sandbox.azure.wire import instant_text, parse_instant

Kind = Literal["string", "long", "real", "bool", "datetime", "timespan", "dynamic"]
Row = Mapping[str, Any]
Schema = Mapping[str, Kind]

#: The hidden cell that holds when a row became readable; no column is called that.
INGESTED = "\0ingested"


@dataclass(frozen=True, slots=True)
class Runnable:
    """What an expression gives for a row."""

    of: Callable[[Row], Any]
    kind: Kind


def build(expression: Expression, schema: Schema, *, now: datetime, operator: str) -> Runnable:
    """The expression for rows of this schema; KqlError for a name that is not there."""

    def one(inner: Expression) -> Runnable:
        return build(inner, schema, now=now, operator=operator)

    match expression:
        case Literal_(value):
            return Runnable(lambda row: value, _kind_of(value))
        case Name(column, path):
            if column not in schema:
                raise unknown_name(operator, column)
            return _column(column, path, schema[column])
        case Function(name, arguments):
            return _function(name, [one(argument) for argument in arguments], now)
        case Among(left, items, is_caseless, is_negated):
            return _among(one(left), [one(item) for item in items], is_caseless, is_negated)
        case Operation(sign, left, right):
            return _operation(sign, one(left), one(right))


def _column(column: str, path: tuple[str, ...], kind: Kind) -> Runnable:
    if not path:
        return Runnable(lambda row: row.get(column), kind)
    if kind != "dynamic":
        raise semantic(f"'{column}' has no members")

    def inside(row: Row) -> Any:
        found: Any = row.get(column)
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    return Runnable(inside, "dynamic")


def _function(name: str, given: list[Runnable], now: datetime) -> Runnable:
    match name, given:
        case "now", []:
            return Runnable(lambda row: now, "datetime")
        case "ago", [length]:
            return Runnable(lambda row: now - length.of(row), "datetime")
        case "ingestion_time", []:
            return Runnable(lambda row: row.get(INGESTED), "datetime")
        case "coalesce", [first, *_]:
            return Runnable(lambda row: _coalesce(given, row), first.kind)
        case _, [one] if name in _OF_ONE:
            work, kind = _OF_ONE[name]
            return Runnable(lambda row: work(one.of(row)), kind)
        case _:
            raise semantic(f"Unknown function: '{name}' with {len(given)} argument(s)")


def _coalesce(given: list[Runnable], row: Row) -> Any:
    for one in given:
        value = one.of(row)
        # A text is never null in Kusto: an empty one is what coalesce goes past.
        if value is not None and value != "":
            return value
    return None


def _among(left: Runnable, items: list[Runnable], is_caseless: bool, is_negated: bool) -> Runnable:
    fold = _folded if is_caseless else _plain

    def test(row: Row) -> bool:
        value = fold(left.of(row))
        return any(fold(item.of(row)) == value for item in items) != is_negated

    return Runnable(test, "bool")


def _operation(sign: str, left: Runnable, right: Runnable) -> Runnable:
    match sign:
        case "and":
            return Runnable(lambda row: bool(left.of(row)) and bool(right.of(row)), "bool")
        case "or":
            return Runnable(lambda row: bool(left.of(row)) or bool(right.of(row)), "bool")
        case "+" | "-":
            return Runnable(lambda row: _moved(left.of(row), right.of(row), sign), left.kind)
        case _:
            test = _TESTS[sign]
            return Runnable(lambda row: _tested(test, left.of(row), right.of(row)), "bool")


def _moved(value: Any, by: Any, sign: str) -> Any:
    if value is None or by is None:
        return None
    return value + by if sign == "+" else value - by


def _tested(test: Callable[[Any, Any], bool], a: Any, b: Any) -> bool:
    """Nothing compares with a null, and a text never with a number."""
    try:
        return a is not None and b is not None and test(a, b)
    except TypeError:
        return False


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "=~": lambda a, b: _folded(a) == _folded(b),
    "!~": lambda a, b: _folded(a) != _folded(b),
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "contains": lambda a, b: _folded(b) in _folded(a),
    "!contains": lambda a, b: _folded(b) not in _folded(a),
    "has": lambda a, b: _folded(b) in _folded(a),
    "!has": lambda a, b: _folded(b) not in _folded(a),
    "startswith": lambda a, b: _folded(a).startswith(_folded(b)),
    "endswith": lambda a, b: _folded(a).endswith(_folded(b)),
}


def _plain(value: Any) -> Any:
    return value


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def to_instant(value: Any) -> datetime | None:
    """`todatetime`: null for what is none."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return _parsed(value) if isinstance(value, str) else None


@functools.lru_cache(maxsize=50_000)
def _parsed(text: str) -> datetime | None:
    return parse_instant(text)


def to_text(value: Any) -> str:
    """`tostring`: a null is the empty text, an object its JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, datetime):
        return instant_text(value)
    return msgspec.json.encode(value).decode()


_OF_ONE: Mapping[str, tuple[Callable[[Any], Any], Kind]] = {
    "todatetime": (to_instant, "datetime"),
    "tostring": (to_text, "string"),
    "tolower": (lambda value: to_text(value).lower(), "string"),
    "isnull": (lambda value: value is None, "bool"),
    "isnotnull": (lambda value: value is not None, "bool"),
    "isempty": (lambda value: value in (None, ""), "bool"),
    "isnotempty": (lambda value: value not in (None, ""), "bool"),
    "not": (lambda value: not value, "bool"),
}


def _kind_of(value: object) -> Kind:
    match value:
        case bool():
            return "bool"
        case int():
            return "long"
        case float():
            return "real"
        case datetime():
            return "datetime"
        case timedelta():
            return "timespan"
        case str():
            return "string"
        case _:
            return "dynamic"
