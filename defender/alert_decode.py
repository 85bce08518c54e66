"""Alerts out of whatever carries them: ARM's pages, Resource Graph's rows, pushed exports. Pure.

What can't be read is set aside as a sentence and does not stop the rest, down to a page that is
no JSON any more: what stands whole in it is still taken, and so is the link to the next one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import msgspec

from defender.alert import Alert
from defender.alert_decode_core import DEFAULT_EDR, EdrRule, alert_of
from defender.alert_decode_fields import fold, parse
from defender.alert_decode_pushed import decode_pushed
from defender.alert_decode_quick import quick_alert

__all__ = [
    "AlertPage", "EdrRule", "Undecoded", "alert_page", "decode_arm", "decode_page",
    "decode_pushed", "undecoded",
]  # fmt: skip

#: An item of a broken page: each begins with its id, in both APIs.
_ITEM = re.compile(rb'\{\s*"id"\s*:\s*"/subscriptions/', re.IGNORECASE)
_LINK = re.compile(rb'"(?:nextLink|\$skipToken)"\s*:\s*"([^"\\]{1,4000})"', re.IGNORECASE)
#: Items looked for in a broken page; each try may read the rest of it.
_SALVAGED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Undecoded:
    """An item that is set aside; the sentence names no more of it than its place and fault."""

    sentence: str


@dataclass(frozen=True, slots=True)
class AlertPage:
    """A page of either API, its items still as bytes."""

    items: tuple[msgspec.Raw, ...] = ()
    #: the nextLink or the $skipToken; "" at the end.
    following: str = ""
    #: Resource Graph's own count of all rows; None where it is not said.
    total: int | None = None
    #: the list goes on and there is no way to ask for the rest.
    is_cut: bool = False
    #: the page was no JSON, or no list; only what stood whole in it is here.
    is_broken: bool = False
    is_array: bool = False


class _Wire(msgspec.Struct, rename={"following": "nextLink", "token": "$skipToken"}):
    value: list[msgspec.Raw] | None = None
    data: list[msgspec.Raw] | None = None
    following: str | None = None
    token: str | None = None
    total: int | None = msgspec.field(default=None, name="totalRecords")
    truncated: str | bool | None = msgspec.field(default=None, name="resultTruncated")


def alert_page(body: bytes) -> AlertPage:
    """The items of a page of the alerts API, bare arrays too (C015), or of Resource Graph."""
    try:
        return _page(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    try:  # halves of characters in a text are mended, the rest of the page is as good as any
        return _page(msgspec.json.encode(parse(body)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _salvaged(body)


def _page(body: bytes) -> AlertPage:
    if body.lstrip()[:1] == b"[":
        bare = msgspec.json.decode(body, type=list[msgspec.Raw])
        return AlertPage(tuple(bare), is_array=True)
    page = msgspec.json.decode(body, type=_Wire, strict=False)
    following = (page.following or page.token or "").strip()
    items = tuple(page.data if page.data is not None else page.value or ())
    is_truncated = str(page.truncated).lower() == "true"
    return AlertPage(items, following, page.total, is_cut=is_truncated and not following)


def decode_arm(item: bytes | msgspec.Raw, edr: EdrRule = DEFAULT_EDR) -> Alert:
    """One alert, of the alerts API or of Resource Graph; ValueError for what is no object."""
    quick = quick_alert(item, edr)
    return quick if quick is not None else decode_slowly(item, edr)


def decode_slowly(item: bytes | msgspec.Raw, edr: EdrRule = DEFAULT_EDR) -> Alert:
    """The same by the reader of every spelling alone."""
    found = parse(item)
    if not isinstance(found, dict):
        raise ValueError("null" if found is None else f"a {type(found).__name__}, not an object")
    return alert_of(fold(found), edr)


def decode_page(body: bytes, edr: EdrRule = DEFAULT_EDR) -> tuple[list[Alert], list[Undecoded]]:
    """The alerts of a page, and what could not be read of it."""
    page = alert_page(body)
    alerts: list[Alert] = []
    bad: list[Undecoded] = [BROKEN_PAGE] if page.is_broken else []
    for place, item in enumerate(page.items, start=1):
        try:
            alerts.append(decode_arm(item, edr))
        except ValueError as error:
            bad.append(undecoded(place, error))
    return alerts, bad


BROKEN_PAGE = Undecoded("A page of alerts was damaged; what stood whole in it was read.")


def undecoded(place: int, error: Exception) -> Undecoded:
    """The sentence for an item that could not be read."""
    return Undecoded(f"Alert {place} of a page could not be read: {str(error)[:200]}.")


def _salvaged(body: bytes) -> AlertPage:
    """The whole items of a page that is no JSON, and its link where that stands in it."""
    text, decoder = body.decode("utf-8", "replace"), json.JSONDecoder()
    items: list[msgspec.Raw] = []
    end = 0
    for found in re.finditer(_ITEM.pattern.decode(), text, re.IGNORECASE):
        if found.start() < end or len(items) == _SALVAGED_MAX:
            continue
        try:
            _, end = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            continue
        items.append(msgspec.Raw(text[found.start() : end].encode()))
    link = _LINK.search(body)
    following = link[1].decode("utf-8", "replace").strip() if link else ""
    return AlertPage(tuple(items), following, is_cut=not following, is_broken=True)
