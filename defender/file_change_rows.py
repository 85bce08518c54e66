"""Log Analytics' answers: tables of named columns, errors nested as deep as Azure likes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from defender.decode import instant_of
from defender.errors import AzureUnavailable

#: The longest value of a column that is kept: a registry value may be a whole file.
TEXT_MAX = 2_000
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer: named columns, a partial answer's reason, and rows that were no rows."""

    rows: tuple[Mapping[str, object], ...]
    #: "" for a complete answer, else what Azure says of it.
    partial: str = ""
    bad: int = 0


class _Column(msgspec.Struct):
    name: str = ""


class _Table(msgspec.Struct):
    name: str = ""
    columns: list[_Column] = []
    rows: list[msgspec.Raw] = []


class _Inner(msgspec.Struct):
    code: str | int | None = None
    message: str | None = None
    innererror: msgspec.Raw = msgspec.Raw()
    details: list[msgspec.Raw] | None = None


class _Answer(msgspec.Struct):
    tables: list[_Table] | None = None
    error: msgspec.Raw = msgspec.Raw()


def rows_of(body: bytes) -> Rows:
    """The primary table. 204 and 200 without a body mean that the workspace holds nothing."""
    if not body.strip():
        return Rows(())
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError as error:
        raise AzureUnavailable("UnreadableRows", f"Rows could not be read: {error}.") from error
    partial = " ".join(said_of(bytes(answer.error)))
    table = next(iter(answer.tables or ()), None)
    if table is None:
        return Rows((), partial)
    names = [column.name for column in table.columns]
    found: list[Mapping[str, object]] = []
    bad = 0
    for raw in table.rows:
        try:
            values = msgspec.json.decode(raw, type=list[object])
        except msgspec.MsgspecError:
            bad += 1
            continue
        found.append(dict(zip(names, values, strict=False)))
    return Rows(tuple(found), partial, bad)


#: Nesting of an error that is still read.
DEEP = 6


def said_of(raw: bytes, depth: int = 0) -> Iterator[str]:
    """The messages of a nested error, outermost first; the innermost names the cause."""
    if not raw.strip() or depth > DEEP:
        return
    try:
        error = msgspec.json.decode(raw, type=_Inner)
    except msgspec.MsgspecError:
        return
    if error.message:
        yield error.message[:300]
    for each in (*(error.details or ())[:3], error.innererror):
        yield from said_of(bytes(each), depth + 1)


@dataclass(frozen=True, slots=True)
class Row:
    """Columns by name, whatever was in them."""

    values: Mapping[str, object]

    def text(self, name: str) -> str:
        found = self.values.get(name)
        if found is None:
            return ""
        return whole(found if isinstance(found, str) else str(found))[:TEXT_MAX]

    def number(self, name: str) -> int | None:
        found = self.values.get(name)
        if isinstance(found, str) and re.fullmatch(r"-?\d{1,20}", found, re.ASCII):
            return int(found)
        if isinstance(found, float) and not found.is_integer():
            return None
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return int(found) if is_number and abs(found) < 1e20 else None  # type: ignore[arg-type,call-overload]

    def instant(self, name: str) -> datetime | None:
        return instant_of(self.text(name))


def whole(text: str) -> str:
    """Without halves of characters, which JSON may hold and UTF-8 can't."""
    return text.encode("utf-8", "replace").decode() if _HALF.search(text) else text
