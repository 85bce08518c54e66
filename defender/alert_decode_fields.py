"""Foreign JSON read field by field: keys without case, any type, every text bounded. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from defender.decode import instant_of

#: An object with its keys in small letters.
Node: TypeAlias = dict[str, object]

#: Bounds in characters: an alert as we keep it stays below about 150 kB, most are 3 kB.
NAME_MAX = 500
TITLE_MAX = 1_000
TEXT_MAX = 10_000
#: One text of a list (a step), or one fact of an entity; Windows' longest command line is 32,767.
FACT_MAX = 8_000
LINK_MAX = 3_000
#: A list of one-line texts (techniques, steps).
LIST_MAX = 40

#: .NET's "no date" is the year 1; nothing of Defender is older than this or newer than that.
YEARS = range(1990, 2200)
_US_DATE = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})[ ,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([AP])M)?", re.IGNORECASE
)
#: What ends an address in a text; printable text has no other blank.
_NOT_IN_LINKS = (" ", "<", ">", '"', "|")
_BREAK = re.compile(r"<br\s*/?>|\r\n?", re.IGNORECASE)


def parse(raw: bytes | msgspec.Raw) -> object:
    """Any JSON as Python's own objects; lone surrogates and bad bytes become U+FFFD.

    ValueError (with what is wrong) for what is no JSON or nests too deep.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        try:
            text = bytes(memoryview(raw)).decode("utf-8", "replace")
            found = json.loads(text, parse_constant=lambda _: None)
            clean = json.dumps(found, ensure_ascii=False)
            repaired = clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return msgspec.json.decode(repaired)
        except (ValueError, RecursionError):
            raise ValueError(str(error)) from error


def fold(value: object) -> Node:
    """An object by its small-letter keys, the first that holds something; else {}."""
    if not isinstance(value, dict):
        return {}
    folded: Node = {key.lower(): item for key, item in value.items()}
    if len(folded) != len(value):
        for key, item in reversed(value.items()):
            if item not in (None, ""):
                folded[key.lower()] = item
    return folded


def text_of(value: object, longest: int = NAME_MAX) -> str:
    """Any value as bounded text; null is "", what is no text is written as JSON."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _written(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def first(node: Node, *names: str, longest: int = NAME_MAX) -> str:
    """The first of these fields that holds a text, without blanks around it."""
    for name in names:
        value = node.get(name)
        if value is not None and value != "":
            text = text_of(value, longest).strip()
            if text:
                return text
    return ""


def plain(node: Node, name: str, longest: int = NAME_MAX) -> str:
    """`first` of one field: nearly always a short text, and read 40 times for each alert."""
    value = node.get(name)
    if value.__class__ is str and len(value) <= longest:
        return value.strip()
    return "" if value is None else first(node, name, longest=longest)


def lines_of(text: str) -> str:
    """Line breaks of every kind, `<br>` too, as \\n (C049); other tags stay as they are."""
    return _BREAK.sub("\n", text) if "\r" in text or "<" in text else text


def texts_of(value: object, longest: int = NAME_MAX) -> Iterator[str]:
    """The texts of a list, of one text, or of a JSON list inside a text."""
    if isinstance(value, str):
        value = inner(value) if value.lstrip()[:1] == "[" else [value]
    if not isinstance(value, list):
        value = [] if value is None else [value]
    for item in value[:LIST_MAX]:
        text = text_of(item, longest).strip()
        if text:
            yield text


def objects_of(value: object) -> Iterator[Node]:
    """The objects of a list, their keys in small letters; anything else in it is passed over."""
    if isinstance(value, str):
        value = inner(value)
    if isinstance(value, list):
        yield from (fold(item) for item in value if isinstance(item, dict))


def inner(text: str) -> object:
    """JSON inside a text; the text itself when it is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return parse(text.encode("utf-8", "replace"))
    except ValueError:
        return text


def flag(value: object) -> bool:
    """A truth, also as text or number."""
    return value is True or (
        not isinstance(value, bool) and str(value).strip().lower() in ("true", "1", "yes")
    )


def time_of(node: Node, *names: str) -> datetime | None:
    """The first of these fields that is an instant: ISO with any fraction, or a US date in UTC."""
    for name in names:
        value = node.get(name)
        if not isinstance(value, str) or not value:
            continue
        try:  # cuts a fraction of seven digits, never rounds it
            found = datetime.fromisoformat(value) if value[-1] == "Z" else None
        except ValueError:
            found = None
        found = found or instant_of(value) or _us_date(value)
        if found is not None and found.year in YEARS:
            return found
    return None


def web_link(text: str) -> str:
    """The address when it is one of the web without blanks or controls, else ""."""
    scheme, _, rest = text.partition("://")
    if not rest or scheme.lower() not in ("http", "https") or len(text) >= LINK_MAX:
        return ""
    return text if text.isprintable() and not any(map(rest.count, _NOT_IN_LINKS)) else ""


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return "…"


def _number(value: float) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "…"


def _us_date(text: str) -> datetime | None:
    found = _US_DATE.fullmatch(text.strip())
    if found is None:
        return None
    month, day, year, hour, minute = (int(part) for part in found.groups()[:5])
    if found[7]:
        hour = hour % 12 + (12 if found[7].upper() == "P" else 0)
    try:
        return datetime(year, month, day, hour, minute, int(found[6] or 0), tzinfo=UTC)
    except ValueError:
        return None
