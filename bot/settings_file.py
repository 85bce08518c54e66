"""The YAML file as plain values, with the line of each, and YAML's own traps refused by name.

YAML 1.1 reads `on` as true, `22:00` as 1320 and takes the last of two equal keys without a word.
All three have changed what a rule means, so none of them gets through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

#: A policy of a thousand rules is 400 kB; more is not a settings file.
FILE_MAX_BYTES = 1_000_000
#: Aliases can make a small file unfold without end.
NODES_MAX = 200_000
_DEPTH_MAX = 20

Loc = tuple[str | int, ...]
Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]

#: No setting has more digits, and Python refuses to read thousands of them.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,15})")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place; `key` and `args` make its sentence (`settings.<key>`)."""

    loc: Loc
    key: str
    args: Mapping[str, object] = field(default_factory=dict)
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What the file says. Without a file everything comes from the environment."""

    path: str = ""
    data: dict[str, Value] = field(default_factory=dict)
    lines: dict[Loc, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def line(self, loc: Loc) -> int:
        """The line of this place, or of the nearest place around it; 0 where there is none."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1 if self.path else 0)


def read_document(path: Path) -> Document:
    """Read and check the file; problems are collected, none of them shows the file's content."""
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Document(name, problems=(Problem((), "file_unreadable", {"reason": reason}),))
    if len(raw) > FILE_MAX_BYTES:
        return Document(name, problems=(Problem((), "file_too_large"),))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Document(name, problems=(Problem((), "file_not_utf8", line=line),))
    return parse_document(text, name)


def parse_document(text: str, name: str) -> Document:
    """The same from text."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        return Document(name, problems=(_not_yaml(text, error),))
    except (yaml.YAMLError, RecursionError):
        return Document(name, problems=(Problem((), "file_not_yaml", {"column": 1}, 1),))
    if root is None:
        return Document(name)
    if not isinstance(root, yaml.MappingNode):
        return Document(name, problems=(Problem((), "file_not_mapping", line=1),))
    reader = _Reader()
    data = reader.value(root, ())
    assert isinstance(data, dict)
    return Document(name, data, reader.lines, tuple(reader.problems))


def place(loc: Loc) -> str:
    """`rules[0].quorum`, as it is said in a sentence."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{shown(part)}" if text else shown(part)
    return text


def _not_yaml(text: str, error: yaml.MarkedYAMLError) -> Problem:
    """Where it stops being YAML. PyYAML's own text quotes the file, so it is not shown."""
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    column = mark.column if mark else 0
    lines = text.splitlines()
    is_tab = line < len(lines) and "\t" in lines[line][: column + 1]
    key = "file_tab" if is_tab else "file_not_yaml"
    return Problem((), key, {"column": column + 1}, line + 1)


class _Reader:
    """Turns nodes into values, noting lines and problems on the way."""

    def __init__(self) -> None:
        self.lines: dict[Loc, int] = {}
        self.problems: list[Problem] = []
        self._nodes = 0

    def value(self, node: yaml.Node, loc: Loc) -> Value:
        self._nodes += 1
        line = node.start_mark.line + 1
        self.lines.setdefault(loc, line)
        if self._nodes > NODES_MAX or len(loc) > _DEPTH_MAX:
            self._note(loc, "file_too_deep", line)
            return None
        match node:
            case yaml.MappingNode():
                return dict(self._pairs(node, loc))
            case yaml.SequenceNode():
                if self._nodes + len(node.value) > NODES_MAX:
                    self._note(loc, "file_too_deep", line)
                    return None
                return [self.value(item, (*loc, index)) for index, item in enumerate(node.value)]
            case yaml.ScalarNode():
                return self._scalar(node, loc, line)
            case _:
                raise AssertionError("YAML knows mappings, sequences and scalars only")

    def _pairs(self, node: yaml.MappingNode, loc: Loc) -> Iterator[tuple[str, Value]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(loc, "key_not_text", line)
                continue
            key = key_node.value
            here = (*loc, key)
            if key_node.tag == "tag:yaml.org,2002:bool":
                self._note(loc, "yaml_word", line, word=key.lower())
            if key in seen:
                self._note(loc, "key_twice", line, key=shown(key), first=seen[key])
                continue
            seen[key] = line
            self.lines[here] = line
            yield key, self.value(value_node, here)

    def _scalar(self, node: yaml.ScalarNode, loc: Loc, line: int) -> Value:
        text: str = node.value
        match node.tag.rpartition(":")[2]:
            case "null":
                self._note(loc, "no_value", line)
                return None
            case "bool":
                if text.lower() not in ("true", "false"):
                    self._note(loc, "yaml_word", line, word=text.lower())
                return text.lower() in ("true", "yes", "on")
            case "int":
                if not _INT.fullmatch(text):
                    self._note(loc, "yaml_number", line)
                    return 0
                return int(text.replace("_", ""))
            case "float":
                if ":" in text:
                    self._note(loc, "yaml_number", line)
                    return 0
                return _float(text)
            case "timestamp":
                self._note(loc, "yaml_date", line)
                return text
            case "str":
                return text
            case _:
                self._note(loc, "yaml_tag", line)
                return text

    def _note(self, loc: Loc, trap: str, line: int, **args: object) -> None:
        self.problems.append(Problem(loc, trap, args, line))


def _float(text: str) -> float:
    try:
        return float(text.replace("_", ""))
    except ValueError:
        return float("nan")


def shown(word: str) -> str:
    """A key of the file as a message may show it: a token put there by mistake is not shown."""
    return word if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,23}", word) else "…"
