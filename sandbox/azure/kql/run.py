"""Running a query over tables of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.azure.kql.errors import semantic
from sandbox.azure.kql.reading import read
from sandbox.azure.kql.tree import (
    Count,
    Expression,
    Extend,
    Function,
    Key,
    Named,
    OrderBy,
    Project,
    Step,
    Summarize,
    Take,
    Where,
)
from sandbox.azure.kql.values import INGESTED, Kind, Row, Runnable, Schema, build


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with their types, and rows; a cell that a row lacks is null."""

    schema: Schema
    rows: Iterable[Row]


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave: columns in order, rows as objects."""

    schema: dict[str, Kind]
    rows: list[Row]


def run(
    query: str,
    tables: Mapping[str, Callable[[], Table]],
    *,
    now: datetime,
    span: tuple[datetime, datetime] | None = None,
) -> Result:
    """The answer, or KqlError; a table's rows are made only when it is asked for.

    `span` is a window on TimeGenerated from beside the query.
    """
    found = read(query)
    if found.table not in tables:
        # Kusto says so of the first operator, which is where the name is used.
        operator = type(found.steps[0]).__name__.lower() if found.steps else "where"
        raise semantic(
            f"'{operator}' operator: Failed to resolve table or column expression named "
            f"'{found.table}'"
        )
    table = tables[found.table]()
    rows = [row for row in table.rows if span is None or _is_within(row, span)]
    result = Result(dict(table.schema), rows)
    for step in found.steps:
        result = _done(step, result, now)
    return result


def _is_within(row: Row, span: tuple[datetime, datetime]) -> bool:
    at = row.get("TimeGenerated")
    return isinstance(at, datetime) and span[0] <= at < span[1]


def _done(step: Step, before: Result, now: datetime) -> Result:
    schema, rows = before.schema, before.rows

    def ready(expression: Expression) -> Runnable:
        return build(expression, schema, now=now, operator=type(step).__name__.lower())

    match step:
        case Where(condition):
            test = ready(condition).of
            return Result(schema, [row for row in rows if test(row)])
        case Extend(columns):
            return _extended(before, [(c.name, ready(c.value)) for c in columns])
        case Project(columns):
            made = [(c.name, ready(c.value)) for c in columns]
            return Result({name: one.kind for name, one in made}, [_row(made, r) for r in rows])
        case Summarize(aggregates, by):
            return _summarized(before, aggregates, [(n.name, ready(n.value)) for n in by], ready)
        case OrderBy(keys):
            return Result(schema, _sorted(rows, keys, ready))
        case Take(count):
            return Result(schema, rows[:count])
        case Count():
            return Result({"Count": "long"}, [{"Count": len(rows)}])


def _extended(before: Result, made: list[tuple[str, Runnable]]) -> Result:
    schema = before.schema | {name: one.kind for name, one in made}
    return Result(schema, [{**row, **{n: one.of(row) for n, one in made}} for row in before.rows])


def _row(made: list[tuple[str, Runnable]], row: Row) -> Row:
    found = {name: one.of(row) for name, one in made}
    if INGESTED in row:
        found[INGESTED] = row[INGESTED]
    return found


def _sorted(
    rows: list[Row], keys: tuple[Key, ...], ready: Callable[[Expression], Runnable]
) -> list[Row]:
    found = list(rows)
    # From the last key to the first: each sort keeps the order of those after it. A null is less
    # than every value, so it comes first going up and last going down.
    for key in reversed(keys):
        of = ready(key.value).of

        def rank(row: Row, of: Callable[[Row], Any] = of) -> tuple[bool, Any]:
            value = of(row)
            return (value is not None, value if value is not None else 0)

        found.sort(key=rank, reverse=key.is_descending)
    return found


def _summarized(
    before: Result,
    aggregates: tuple[Named, ...],
    by: list[tuple[str, Runnable]],
    ready: Callable[[Expression], Runnable],
) -> Result:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in before.rows:
        groups.setdefault(tuple(one.of(row) for _, one in by), []).append(row)
    if not by and not groups:
        groups[()] = []
    made = [(named.name, *_aggregate(named.value, ready)) for named in aggregates]
    schema = {name: one.kind for name, one in by} | {name: kind for name, _, kind in made}
    names = [name for name, _ in by]
    rows = [
        dict(zip(names, key, strict=True)) | {name: of(members) for name, of, _ in made}
        for key, members in groups.items()
    ]
    return Result(schema, list(rows))


def _aggregate(
    value: Expression, ready: Callable[[Expression], Runnable]
) -> tuple[Callable[[list[Row]], Any], Kind]:
    match value:
        case Function("count", ()):
            return len, "long"
        case Function("max" | "min" as name, (argument,)):
            one, pick = ready(argument), max if name == "max" else min
            return lambda rows: pick(_values(one, rows), default=None), one.kind
        case Function("dcount", (argument,)):
            one = ready(argument)
            return lambda rows: len(set(_values(one, rows))), "long"
        case _:
            raise semantic("summarize takes count, max, min and dcount here")


def _values(one: Runnable, rows: list[Row]) -> list[Any]:
    return [value for row in rows if (value := one.of(row)) is not None]
