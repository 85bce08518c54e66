"""Finding a machine by what a person types, at 100,000 machines, without holding up a click.

One joined lower-case text holds a line per machine; a word is looked for with `str.find`, a hit's
line by `bisect`. Exact names and prefixes come from a sorted list first, so that the bound on work
never hides them. Nothing here decides anything: what is found is read from Azure before use.
"""

from __future__ import annotations

import hashlib
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from defender.likeness import Names
from defender.records import Machine

#: Slack shows at most 100 suggestions.
SUGGESTIONS_MAX = 100
#: Machines looked at for one query; 4,000 lines with their `allowed` calls stay under 25 ms.
LOOKED_AT_MAX = 4_000
#: Machines that a person's `allowed` is asked about.
ALLOWED_MAX = 2_000
#: Longer queries are no names.
QUERY_MAX = 200
WORDS_MAX = 8

Allowed = Callable[[Machine], bool]


def fold_text(text: str) -> str:
    """How typed words and names are compared: NFKC without case, so `ｗｅｂ` and カ + ゙ match."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def short_key(machine: Machine) -> str:
    """A stable key of 17 characters: a form's option has no room for a resource id."""
    return "v" + hashlib.blake2b(machine.key.encode(), digest_size=8).hexdigest()


class MachineIndex:
    """An immutable index; a new one is built when the estate changes."""

    def __init__(self, machines: Iterable[Machine]) -> None:
        named = sorted(
            ((fold_text(machine.name), machine.key, machine) for machine in machines),
            key=lambda item: item[:2],
        )
        self.machines: tuple[Machine, ...] = tuple(machine for _, _, machine in named)
        self._names = [name for name, _, _ in named]
        lines = [_line(name, machine) for name, _, machine in named]
        self._starts = list(_starts(lines))
        self._text = "\n".join(lines)
        self._by_key = {key: machine for _, key, machine in named}
        self._by_short = {short_key(machine): machine for machine in self.machines}
        self._near: Names | None = None

    def __len__(self) -> int:
        return len(self.machines)

    def by_id(self, resource_id: str) -> Machine | None:
        """The machine with this id, in whatever case it is written."""
        return self._by_key.get(resource_id.strip().rstrip("/").lower())

    def by_short(self, short: str) -> Machine | None:
        """The machine behind a `short_key`."""
        return self._by_short.get(short)

    def by_name(self, name: str) -> tuple[Machine, ...]:
        """Every machine of this name; more than one means that the person must say which."""
        folded = fold_text(name.strip())
        first, last = bisect_left(self._names, folded), bisect_right(self._names, folded)
        return self.machines[first:last]

    def search(
        self,
        query: str,
        *,
        allowed: Allowed | None = None,
        limit: int = SUGGESTIONS_MAX,
    ) -> list[Machine]:
        """Machines that carry every word: exact name, then prefix, then within, then elsewhere."""
        words = fold_text(query[:QUERY_MAX]).split()[:WORDS_MAX]
        candidates = islice(self._ranked(words), ALLOWED_MAX)
        machines = (self.machines[position] for position in candidates)
        return list(islice((m for m in machines if allowed is None or allowed(m)), limit))

    def near(self, name: str, n: int = 5) -> list[Machine]:
        """Machines whose names are a slip of the finger away, nearest first."""
        if self._near is None:
            self._near = Names(self._names)
        found: list[Machine] = []
        for close in self._near.close_to(fold_text(name.strip()[:QUERY_MAX])):
            found.extend(self.by_name(close))
            if len(found) >= n:
                break
        return found[:n]

    def _ranked(self, words: Sequence[str]) -> Iterator[int]:
        """Positions, best first; bounded by LOOKED_AT_MAX beyond the prefixes."""
        if not words:
            yield from range(len(self.machines))
            return
        first = words[0] if len(words) == 1 else max(words, key=len)
        seen: set[int] = set()
        for position in self._prefixed(words):
            seen.add(position)
            yield position
        within: list[int] = []
        elsewhere: list[int] = []
        for position in self._holding(first, skip=seen):
            line = self._line(position)
            if all(word in line for word in words):
                is_named = any(word in self._names[position] for word in words)
                (within if is_named else elsewhere).append(position)
        yield from within
        yield from elsewhere

    def _prefixed(self, words: Sequence[str]) -> Iterator[int]:
        """Machines whose name begins with one of the words, and that carry all the others."""
        for word in dict.fromkeys(words):
            start = bisect_left(self._names, word)
            for position in range(start, min(len(self._names), start + LOOKED_AT_MAX)):
                if not self._names[position].startswith(word):
                    break
                line = self._line(position)
                if all(other in line for other in words):
                    yield position

    def _line(self, position: int) -> str:
        following = position + 1
        end = self._starts[following] - 1 if following < len(self._starts) else len(self._text)
        return self._text[self._starts[position] : end]

    def _holding(self, word: str, *, skip: set[int]) -> Iterator[int]:
        """Positions of lines that hold the word, in order of name."""
        at = 0
        for _ in range(LOOKED_AT_MAX):
            at = self._text.find(word, at)
            if at < 0:
                return
            position = bisect_right(self._starts, at) - 1
            if position not in skip:
                yield position
            if position + 1 >= len(self._starts):
                return
            at = self._starts[position + 1]


def _line(name: str, machine: Machine) -> str:
    tags = " ".join(f"{key}={value}" for key, value in machine.tags.items())
    rest = [
        machine.resource_group,
        machine.subscription_name,
        machine.location,
        machine.computer_name or "",
        tags,
    ]
    return f"{name}\t{fold_text(chr(9).join(rest))}".replace("\n", " ")


def _starts(lines: Iterable[str]) -> Iterator[int]:
    at = 0
    for line in lines:
        yield at
        at += len(line) + 1
