"""Collects what is wrong with a message or view, and judges single text objects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.json_types import JsonObject

#: An ampersand that does not begin one of Slack's three entities.
_BARE_AMPERSAND = re.compile(r"&(?!amp;|lt;|gt;)")
#: A `<…>` that Slack reads as a mention, link or date instead of escaping its brackets.
_TOKEN = re.compile(r"<(?:[@#!][^<>\n]*|(?:https?|mailto|tel|slack):[^<>\n]*)>")


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that Slack would not accept, and where."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"


@dataclass(slots=True)
class Problems:
    """The violations found so far."""

    found: list[Violation] = field(default_factory=list)

    def add(self, pointer: str, message: str) -> None:
        """Note one violation."""
        self.found.append(Violation(pointer, message))

    def longest(self, holder: JsonObject, key: str, limit: int, pointer: str) -> None:
        """A bare string of the holder must be text within its limit, when it is there."""
        value = holder.get(key)
        if value is None:
            return
        if not isinstance(value, str):
            self.add(f"{pointer}/{key}", "must be a string")
        elif len(value) > limit:
            self.add(f"{pointer}/{key}", f"must be less than {limit + 1} characters")

    def required(self, holder: JsonObject, key: str, pointer: str) -> bool:
        """Whether the field is there; noted when it is not."""
        if holder.get(key) in (None, ""):
            self.add(pointer, f"missing required field: {key}")
            return False
        return True

    def items(
        self, holder: JsonObject, key: str, limit: int, pointer: str, *, least: int = 1
    ) -> list[Any]:
        """The list under this key, noted when it is missing, empty or too long."""
        value = holder.get(key)
        if not isinstance(value, list):
            self.add(f"{pointer}/{key}", "must be an array")
            return []
        if len(value) < least:
            self.add(f"{pointer}/{key}", f"must provide at least {least} items")
        if len(value) > limit:
            self.add(f"{pointer}/{key}", f"no more than {limit} items allowed")
        return value


def counted_length(text: str, *, kind: str = "mrkdwn") -> int:
    """Characters as Slack counts them: after it has escaped `&`, `<` and `>`."""
    escaped = len(text) + 4 * len(_BARE_AMPERSAND.findall(text))
    loose = text if kind == "plain_text" else _TOKEN.sub("", text)
    return escaped + 3 * (loose.count("<") + loose.count(">"))


def check_text(
    problems: Problems,
    node: Any,
    pointer: str,
    *,
    limit: int,
    kinds: tuple[str, ...] = ("plain_text", "mrkdwn"),
) -> None:
    """A text object must be of an allowed kind, not empty, and within its limit."""
    if not isinstance(node, dict):
        problems.add(pointer, "must be a text object")
        return
    kind, text = node.get("type"), node.get("text")
    if kind not in kinds:
        problems.add(f"{pointer}/type", f"must be one of: {', '.join(kinds)}")
        return
    if not isinstance(text, str):
        problems.add(f"{pointer}/text", "must be a string")
        return
    if not text:
        problems.add(f"{pointer}/text", "must be more than 0 characters")
    elif counted_length(text, kind=str(kind)) > limit:
        problems.add(f"{pointer}/text", f"must be less than {limit + 1} characters")


def check_plain(problems: Problems, node: Any, pointer: str, *, limit: int) -> None:
    """A text object that must be plain text."""
    check_text(problems, node, pointer, limit=limit, kinds=("plain_text",))
