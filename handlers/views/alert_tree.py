"""The processes of an alert as a tree that fits a phone: name, process id, command. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from defender.alert import Entity
from handlers.views import safe

#: Half-width columns of a code block on a phone.
COLUMNS = 40
LINES_MAX = 20
DEPTH_MAX = 8


def process_tree(entities: Sequence[Entity]) -> str:
    """Lines of at most 40 columns; "" without a process. Circles and strays end as roots."""
    lines: list[str] = []
    seen: set[int] = set()
    for place in _roots(entities):
        for depth, at in _walk(entities, place, 0, seen):
            if len(lines) == LINES_MAX:
                return "\n".join([*lines, safe.ELLIPSIS])
            lines.append(_line(entities[at], depth))
    return "\n".join(lines)


def _roots(entities: Sequence[Entity]) -> Iterator[int]:
    """Processes without a parent first, then those that only a circle holds."""
    processes = [at for at, entity in enumerate(entities) if entity.kind == "process"]
    yield from (at for at in processes if _parent(entities, at) is None)
    yield from processes


def _parent(entities: Sequence[Entity], at: int) -> int | None:
    parent = entities[at].parent
    if parent is None or not 0 <= parent < len(entities) or parent == at:
        return None
    return parent if entities[parent].kind == "process" else None


def _walk(
    entities: Sequence[Entity], at: int, depth: int, seen: set[int]
) -> Iterator[tuple[int, int]]:
    if at in seen:
        return
    seen.add(at)
    yield depth, at
    for child, entity in enumerate(entities):
        if entity.kind == "process" and _parent(entities, child) == at:
            yield from _walk(entities, child, min(depth + 1, DEPTH_MAX), seen)


def _line(entity: Entity, depth: int) -> str:
    name = safe.one_line(entity.name).replace("\\", "/").rpartition("/")[2]
    command = safe.one_line(entity.facts.get("command_line", ""))
    parts = [name, entity.facts.get("pid", ""), command or entity.facts.get("account", "")]
    said = "  ".join(safe.one_line(part) for part in parts if part.strip())
    mark = "  " * (depth - 1) + "└ " if depth else ""
    return _cut(mark + (said or safe.EMPTY))


def _cut(line: str) -> str:
    if sum(map(_width, line)) <= COLUMNS:
        return line
    used = 0
    for at, char in enumerate(line):
        used += _width(char)
        if used > COLUMNS - 1:
            return line[: safe.boundary(line, at)].rstrip() + safe.ELLIPSIS
    return line


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
