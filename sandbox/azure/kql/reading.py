"""Reading a query: its words become a table and steps, or a syntax error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sandbox.azure.kql.errors import syntax
from sandbox.azure.kql.tree import (
    Among,
    Count,
    Expression,
    Extend,
    Function,
    Key,
    Literal_,
    Name,
    Named,
    Operation,
    OrderBy,
    Project,
    Query,
    Step,
    Summarize,
    Take,
    Where,
)
from sandbox.azure.kql.words import Word, words_of

T = TypeVar("T")

_COMPARISONS = frozenset({"==", "=~", "!=", "!~", ">=", "<=", "<", ">"})
_TEXT_TESTS = frozenset({"contains", "!contains", "has", "!has", "startswith", "endswith"})
_CONSTANTS = {"true": True, "false": False, "null": None}
#: Brackets within brackets; nothing that we send comes near.
_DEEP = 50


def read(query: str) -> Query:
    """The query, or KqlError."""
    reader = _Reader(words_of(query.rstrip().rstrip(";")))
    table = reader.name()
    steps: list[Step] = []
    while reader.took("|"):
        steps.append(reader.step())
    reader.must_end()
    return Query(table, tuple(steps))


class _Reader:
    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._at = 0
        self._depth = 0

    # Words

    @property
    def _next(self) -> Word:
        return self._words[self._at]

    def _is(self, text: str) -> bool:
        return self._next.kind in ("name", "sign") and self._next.text == text

    def took(self, *texts: str) -> bool:
        """Whether these words come next; then they are taken."""
        ahead = self._words[self._at : self._at + len(texts)]
        if [word.text for word in ahead if word.kind in ("name", "sign")] != list(texts):
            return False
        self._at += len(texts)
        return True

    def must(self, *texts: str) -> None:
        """These words come next, else the query is no sentence."""
        if not self.took(*texts):
            raise syntax(f"Expected '{' '.join(texts)}' at '{self._next.text}'")

    def must_end(self) -> None:
        """The query is over."""
        if self._next.kind != "end":
            raise syntax(f"Unexpected '{self._next.text}'")

    def name(self) -> str:
        """A name."""
        word = self._next
        if word.kind != "name" or word.text.startswith("!"):
            raise syntax(f"Expected a name at '{word.text}'")
        self._at += 1
        return word.text

    def _list(self, one: Callable[[], T]) -> tuple[T, ...]:
        found = [one()]
        while self.took(","):
            found.append(one())
        return tuple(found)

    # Steps

    def step(self) -> Step:
        """What stands between two bars."""
        match self.name():
            case "where" | "filter":
                return Where(self._expression())
            case "extend":
                return Extend(self._list(self._named))
            case "project":
                return Project(self._list(self._named))
            case "summarize":
                return self._summarize()
            case "order" | "sort":
                self.must("by")
                return OrderBy(self._list(self._key))
            case "take" | "limit":
                return Take(self._number())
            case "count":
                return Count()
            case other:
                raise syntax(f"The sandbox does not know the operator '{other}'")

    def _summarize(self) -> Summarize:
        aggregates = () if self._is("by") else self._list(self._named)
        return Summarize(aggregates, self._list(self._named) if self.took("by") else ())

    def _number(self) -> int:
        value = self._next.value
        if not isinstance(value, int) or isinstance(value, bool):
            raise syntax(f"Expected a number of rows at '{self._next.text}'")
        self._at += 1
        return value

    def _key(self) -> Key:
        value = self._expression()
        is_descending = not self.took("asc")
        self.took("desc")
        return Key(value, is_descending)

    def _named(self) -> Named:
        if self._next.kind == "name" and self._words[self._at + 1].text == "=":
            name = self.name()
            self.must("=")
            return Named(name, self._expression())
        value = self._expression()
        return Named(_column_name(value), value)

    # Expressions

    def _expression(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEP:
            raise syntax("The query is nested too deep")
        found = self._all_of()
        while self.took("or"):
            found = Operation("or", found, self._all_of())
        self._depth -= 1
        return found

    def _all_of(self) -> Expression:
        found = self._comparison()
        while self.took("and"):
            found = Operation("and", found, self._comparison())
        return found

    def _comparison(self) -> Expression:
        left = self._sum()
        word = self._next
        if word.text in _COMPARISONS or word.text in _TEXT_TESTS:
            self._at += 1
            return Operation(word.text, left, self._sum())
        if word.text in ("in", "!in"):
            self._at += 1
            is_caseless = self.took("~")
            self.must("(")
            items = self._list(self._expression)
            self.must(")")
            return Among(left, items, is_caseless, word.text == "!in")
        return left

    def _sum(self) -> Expression:
        found = self._single()
        while self._is("+") or self._is("-"):
            sign = self._next.text
            self._at += 1
            found = Operation(sign, found, self._single())
        return found

    def _single(self) -> Expression:
        word = self._next
        if word.kind == "literal":
            self._at += 1
            return Literal_(word.value)
        if self.took("("):
            found = self._expression()
            self.must(")")
            return found
        name = self.name()
        if self.took("("):
            arguments = () if self._is(")") else self._list(self._expression)
            self.must(")")
            return Function(name, arguments)
        if name in _CONSTANTS:
            return Literal_(_CONSTANTS[name])
        return Name(name, self._path())

    def _path(self) -> tuple[str, ...]:
        found: list[str] = []
        while True:
            if self.took("."):
                found.append(self.name())
            elif self.took("["):
                word = self._next
                if not isinstance(word.value, str):
                    raise syntax(f"Expected a key at '{word.text}'")
                self._at += 1
                self.must("]")
                found.append(word.value)
            else:
                return tuple(found)


def _column_name(value: Expression) -> str:
    """What Kusto calls a column that was given no name."""
    match value:
        case Name(column, path):
            return "_".join((column, *path))
        case Function(name, (Name(column, _), *_)):
            return f"{name}_{column}"
        case Function(name, _):
            return f"{name}_"
        case _:
            return "Column1"
