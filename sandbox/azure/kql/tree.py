"""What a query is made of, once it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: What a literal can be, and a cell.
Scalar = str | int | float | bool | datetime | timedelta | None


@dataclass(frozen=True, slots=True)
class Literal_:
    """A value that stands in the query."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Name:
    """A column, and the way into it where it holds an object."""

    column: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function and what it is given."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """Two sides and what stands between them."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Among:
    """`in`, `in~` and their opposites."""

    left: Expression
    items: tuple[Expression, ...]
    is_caseless: bool
    is_negated: bool


Expression = Literal_ | Name | Function | Operation | Among


@dataclass(frozen=True, slots=True)
class Named:
    """An expression and the column that it becomes."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Key:
    """One part of an order."""

    value: Expression
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Where:
    condition: Expression


@dataclass(frozen=True, slots=True)
class Extend:
    columns: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Project:
    columns: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Summarize:
    aggregates: tuple[Named, ...]
    by: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class OrderBy:
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Take:
    rows: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows there are."""


Step = Where | Extend | Project | Summarize | OrderBy | Take | Count


@dataclass(frozen=True, slots=True)
class Query:
    """A table and what is done with its rows, in turn."""

    table: str
    steps: tuple[Step, ...]
