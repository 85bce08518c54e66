"""'Did you mean': names within a few slips of the one that was typed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice

#: Slips (a letter added, left out, changed or two swapped) that still count as the same name.
SLIPS_MAX = 3
#: Names compared for one question beside those one slip away; each takes about 50 µs.
COMPARED_MAX = 300
#: Letters tried in a slip: all that names of an estate use, unless they use very many.
LETTERS_MAX = 64


class Names:
    """Names as a set, for those one slip away, and as one text, for those further off."""

    def __init__(self, sorted_names: Sequence[str]) -> None:
        self._names = list(dict.fromkeys(sorted_names))
        self._known = frozenset(self._names)
        counts = Counter(chain.from_iterable(self._names))
        self._letters = "".join(letter for letter, _ in counts.most_common(LETTERS_MAX))
        self._text = "\n" + "\n".join(self._names) + "\n"

    def close_to(self, name: str) -> list[str]:
        """Names within SLIPS_MAX (fewer for short ones), nearest first, then by name."""
        most = min(SLIPS_MAX, max(1, len(name) // 3))
        found = {other: 1 for other in one_slip(name, self._letters) if other in self._known}
        others = (
            other
            for other in self._candidates(name)
            if other not in found and abs(len(other) - len(name)) <= most
        )
        for other in islice(dict.fromkeys(others), COMPARED_MAX):
            found[other] = slips(name, other, most=most)
        return [other for count, other in sorted((c, o) for o, c in found.items()) if count <= most]

    def _candidates(self, name: str) -> Iterator[str]:
        if len(self._names) <= COMPARED_MAX:
            yield from self._names
            return
        for piece in _pieces(name):
            yield from self._holding(piece)

    def _holding(self, piece: str) -> Iterator[str]:
        at = 0
        for _ in range(COMPARED_MAX):
            at = self._text.find(piece, at)
            if at < 0:
                return
            start = self._text.rfind("\n", 0, at) + 1
            at = self._text.index("\n", at)
            yield self._text[start:at]


def one_slip(name: str, letters: str) -> Iterator[str]:
    """Everything one slip away from the name."""
    for at in range(len(name) + 1):
        head, tail = name[:at], name[at:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
        yield from (head + letter + tail for letter in letters)


def slips(left: str, right: str, *, most: int) -> int:
    """Edits and swaps of neighbours between two texts; `most + 1` when there are more."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        two_before, before, row = before, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _pieces(name: str) -> list[str]:
    """The halves and thirds of a name, longest first: with few slips, one of them is whole."""
    pieces = [
        name[at : at + size]
        for size in (len(name) // 2, len(name) // 3)
        if size >= 2
        for at in range(0, len(name) - size + 1, size)
    ]
    return list(dict.fromkeys(pieces))
