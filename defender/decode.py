"""Azure's pages as records. Pure: bytes in, facts out, nothing raised for a single odd item.

Each object is decoded into a small struct that ignores unknown fields and takes null everywhere;
what still can't be read is counted, so that 'not in the list' is never said of a list with holes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from defender.errors import AzureUnavailable

T = TypeVar("T")

#: The code of the error for a page that is no list.
UNREADABLE_PAGE = "UnreadablePage"

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)
_LINK = re.compile(rb'"nextLink"\s*:\s*"([^"\\]{1,4000})"', re.IGNORECASE)
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


class _Page(msgspec.Struct, rename="camel"):
    value: list[msgspec.Raw] | None = None
    next_link: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its items still as bytes, and where the next one is."""

    items: tuple[msgspec.Raw, ...]
    next_link: str | None
    is_array: bool  # C015: a bare array where `{"value": […]}` is documented


def page_of(body: bytes) -> Page:
    """The items of a page, whether it is an object with `value` or a bare array."""
    try:
        if body.lstrip()[:1] == b"[":
            items = msgspec.json.decode(body, type=list[msgspec.Raw])
            return Page(tuple(items), None, True)
        page = msgspec.json.decode(body, type=_Page)
    except msgspec.MsgspecError as error:
        raise AzureUnavailable(UNREADABLE_PAGE, f"A list could not be read: {error}.") from error
    return Page(tuple(page.value or ()), (page.next_link or "").strip() or None, False)


def link_after(body: bytes) -> Page:
    """The page for its link alone; of a damaged one the link is taken where it stands whole."""
    try:
        return page_of(body)
    except AzureUnavailable:
        found = _LINK.search(body)
        if found is None:
            raise
        return Page((), found[1].decode("utf-8", "replace"), False)


class Reader:
    """Decodes items one by one and counts what it could not read."""

    def __init__(self) -> None:
        self.unread = 0

    def each(self, raws: Iterable[msgspec.Raw] | None, kind: type[T]) -> Iterator[T]:
        """Every readable item; a null or an odd one is counted."""
        for raw in raws or ():
            item = self.one(raw, kind)
            if item is not None:
                yield item

    def one(self, raw: bytes | msgspec.Raw, kind: type[T]) -> T | None:
        """The item, or None and a count."""
        try:
            return msgspec.json.decode(raw, type=kind, strict=False)
        except msgspec.MsgspecError:
            self.unread += 1
            return None

    def miss(self) -> None:
        """Something was decoded and still is of no use."""
        self.unread += 1


def duration_of(text: str | None) -> timedelta | None:
    """ISO 8601 as Azure writes it (PT3H, PT0H30M, P1D); None for anything else."""
    found = _DURATION.fullmatch((text or "").strip())
    if not found or not any(found.groups()):
        return None
    return timedelta(**{unit: float(number) for unit, number in found.groupdict("0").items()})


def instant_of(text: str | None) -> datetime | None:
    """An instant with zero to seven fraction digits (cut to microseconds), in UTC."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(_FRACTION.sub(_six_digits, text.strip()))
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _six_digits(found: re.Match[str]) -> str:
    return "." + found[1].ljust(6, "0")
