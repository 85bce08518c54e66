"""The prose of an alert: descriptions with slots, steps, and properties as short texts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeGuard

from defender.alert_decode_fields import (
    FACT_MAX,
    LIST_MAX,
    NAME_MAX,
    TEXT_MAX,
    first,
    fold,
    inner,
    lines_of,
    text_of,
)

#: One property (C021: 30 kB of encoded PowerShell is cut by views, not here), and all of them.
PROPERTY_MAX = 32_768
PROPERTIES_MAX = 48_000
PROPERTIES_COUNT_MAX = 80
#: A value put into a slot of a sentence.
_SLOT_VALUE_MAX = 1_000
#: What all slots of one text may add to it.
_GROWTH_MAX = 3_000
#: All steps together.
_STEPS_MAX = 20_000

#: `%{Process Path}` is the documented slot, `{Process Path}` is seen too; `${x}` and `{{x}}` are
#: other people's.
_SLOT = re.compile(r"(?<![$%{])%?\{([^{}%]{1,100})\}(?!\})")
_NUMBERED = re.compile(r"\s*(?:\d{1,2}[.)]|[•\-*])\s")


def prose(value: object) -> str:
    """A text of several lines."""
    return lines_of(text_of(value, TEXT_MAX)).strip()


class Slots:
    """What the slots of an alert's texts stand for: its extended properties, whatever the case."""

    def __init__(self, extended: Mapping[str, str]) -> None:
        self._extended = extended
        self._values: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """The text with its slots filled once; a slot without a value stays, readable."""
        if "{" not in text or not self._extended:
            return text
        if not self._values:
            self._values = {name.casefold(): value for name, value in self._extended.items()}
        return _SLOT.sub(self._value, text)[: len(text) + _GROWTH_MAX]

    def fill_all(self, texts: dict[str, str]) -> dict[str, str]:
        """Every text of these filled; the same where none has a slot."""
        if "{" not in "".join(texts.values()):
            return texts
        return {name: self.fill(text) for name, text in texts.items()}

    def _value(self, slot: re.Match[str]) -> str:
        found = self._values.get(slot[1].strip().casefold())
        return slot[0] if not found else found[:_SLOT_VALUE_MAX]


def extended_of(value: object) -> dict[str, str]:
    """The extended properties as texts, in their order, with the names Defender gave them."""
    if isinstance(value, str):
        value = inner(value)
    kept: dict[str, str] = {}
    room = PROPERTIES_MAX
    if not isinstance(value, dict):
        return kept
    if _is_all_plain(value):
        return value
    for name, item in value.items():
        if len(kept) == PROPERTIES_COUNT_MAX or room <= 0:
            break
        text = item if _is_plain(item) else _property(item)
        text, name = text[:room], name[:NAME_MAX]
        if text:
            kept[name] = text
            room -= len(text) + len(name)
    return kept


def steps_of(value: object, slots: Slots) -> tuple[str, ...]:
    """The remediation steps as a list of plain texts, whatever they were written as."""
    items = inner(value) if isinstance(value, str) and value.lstrip()[:1] == "[" else value
    listed = items if isinstance(items, list) else [] if items is None else [items]
    steps: list[str] = []
    room = _STEPS_MAX
    for item in listed[:LIST_MAX]:
        for step in _steps(item):
            if room <= 0 or len(steps) == LIST_MAX:
                return tuple(steps)
            steps.append(slots.fill(step)[:room])
            room -= len(steps[-1])
    return tuple(steps)


def _is_plain(item: object) -> TypeGuard[str]:
    """A short text with nothing in it to resolve: most are."""
    return (
        isinstance(item, str)
        and 0 < len(item) <= FACT_MAX
        and item[0] not in "{["
        and not item[0].isspace()
        and "\r" not in item
        and "<" not in item
    )


def _is_all_plain(value: dict[str, object]) -> TypeGuard[dict[str, str]]:
    """The same of every value, and none is too long: a few looks at all of them at once."""
    texts = [item for item in value.values() if isinstance(item, str)]
    whole = "".join(texts)
    return (
        len(texts) == len(value) <= PROPERTIES_COUNT_MAX
        and len(whole) <= FACT_MAX
        and len("".join(value)) <= NAME_MAX
        and all(texts)
        and not ("{" in whole or "[" in whole or "\r" in whole or "<" in whole)
        and [*map(str.lstrip, texts)] == texts
    )


def _property(item: object) -> str:
    """A value, or a portal's link in it (`{"displayValue", "kind": "Link", "value"}`) as text."""
    found = inner(item) if isinstance(item, str) else item
    if isinstance(found, dict):
        shown = _shown(found)
        if shown:
            return shown
    return lines_of(text_of(item, PROPERTY_MAX))


def _steps(item: object) -> Iterable[str]:
    """One item as one step, or several where it is a numbered list in one text."""
    if _is_plain(item) and "\n" not in item:
        return (item.strip(),)
    found = inner(item) if isinstance(item, str) else item
    text = (_shown(found) if isinstance(found, dict) else "") or text_of(item, FACT_MAX)
    lines = [line.strip() for line in lines_of(text).split("\n") if line.strip()]
    if len(lines) > 1 and all(_NUMBERED.match(line) for line in lines):
        return lines
    return ("\n".join(lines),) if lines else ()


def _shown(value: object) -> str:
    """What the portal shows for its own command; a link keeps its address (C085)."""
    node = fold(value)
    label = first(node, "displayvalue", longest=FACT_MAX)
    address = first(node, "value", longest=FACT_MAX)
    is_link = first(node, "kind").lower() == "link" and address.lower().startswith("http")
    return f"{label}: {address}" if label and is_link else label
