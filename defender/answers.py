"""What an answer of Azure means: error bodies, refusals and waits. Pure, no SDK.

Azure's errors come in two shapes (`{"error": {...}}` and the same at the top), its wish to wait
in three places (`Retry-After`, `x-ms-…-retry-after`, prose), so all of it is read here once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

import msgspec

from defender.errors import (
    AzureBusy,
    AzureError,
    AzureForbidden,
    AzureLocked,
    AzureNotFound,
    AzureRefused,
    AzureUnavailable,
    OutcomeUnknown,
)

#: Azure's texts are one sentence; a whole page of HTML is not shown to anyone.
MESSAGE_MAX = 1_000
#: No published wait is longer than 20 minutes; a header is not believed beyond a day.
WAIT_MAX = timedelta(days=1)

#: 409 codes that will not pass by waiting.
_LASTING_CONFLICTS = frozenset(
    {"missingsubscriptionregistration", "resourcealreadyexists", "disallowedoperation"}
)
_WAIT_IN_TEXT = re.compile(r"after '?(\d{1,6})'?\s*(?:s\b|sec)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
#: The window that Resource Graph counts queries in.
_QUOTA_WINDOW = timedelta(seconds=5)
_ACTION = re.compile(r"\baction '([^']{1,300})'")
_SCOPE = re.compile(r"\bscope '([^']{1,500})'")
_TOKEN = re.compile(r"(?:Bearer\s+\S+|eyJ[\w-]{8,}(?:\.[\w-]+)*)")


class _Detail(msgspec.Struct):
    code: str | int | None = None
    message: str | None = None


class _Body(msgspec.Struct):
    error: _Detail | str | None = None
    code: str | int | None = None
    message: str | None = None


def clean(text: str) -> str:
    """Azure's text, bounded and without anything that looks like a token."""
    return _TOKEN.sub("[removed]", text).strip()[:MESSAGE_MAX]


def error_text(body: bytes, *, status: int) -> tuple[str, str]:
    """Code and message of an error body, whichever shape it has."""
    try:
        found = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        return f"HTTP{status}", "" if _looks_like_html(body) else clean(
            body.decode("utf-8", "replace")
        )
    if isinstance(found.error, str):
        return found.error, clean(found.message or "")
    code, message = (
        (found.error.code, found.error.message) if found.error else (found.code, found.message)
    )
    return str(code or f"HTTP{status}"), clean(message or "")


def is_azure_answer(body: bytes) -> bool:
    """Empty, a JSON object or (C015) an array: what a proxy's error page never is."""
    start = body.lstrip()[:1]
    if start not in (b"", b"{", b"["):
        return False
    if not start:
        return True
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.MsgspecError, RecursionError):
        return _is_loose_json(body)
    return True


def wait_of(headers: Mapping[str, str], message: str) -> timedelta | None:
    """How long Azure asks us to wait; None where it does not say."""
    folded = {name.lower(): value for name, value in headers.items()}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := _number(folded.get(name))) is not None:
            return _bounded(timedelta(milliseconds=milliseconds))
    names = ["retry-after", *(n for n in folded if n.startswith("x-ms-") and "retry-after" in n)]
    for name in names:
        if (seconds := _number(folded.get(name))) is not None:
            return _bounded(timedelta(seconds=seconds))
    if (until := _until_date(folded)) is not None:
        return _bounded(until)
    if found := _WAIT_IN_TEXT.search(message):
        return _bounded(timedelta(seconds=int(found[1])))
    return None


def quota_wait(headers: Mapping[str, str]) -> timedelta | None:
    """How long Resource Graph wants no further query after this one; None: go on."""
    folded = {name.lower(): value for name, value in headers.items()}
    left = _number(folded.get("x-ms-user-quota-remaining"))
    if left is None or left >= 1:
        return None
    clock = _CLOCK.fullmatch(folded.get("x-ms-user-quota-resets-after", "").strip())
    if clock is None:
        return _QUOTA_WINDOW
    hours, minutes, seconds = (float(part) for part in clock.groups())
    return _bounded(timedelta(hours=hours, minutes=minutes, seconds=seconds))


def failure(status: int, headers: Mapping[str, str], body: bytes, *, is_write: bool) -> AzureError:
    """The error that an answer other than success means to the caller."""
    code, message = error_text(body, status=status)
    folded = code.lower()
    if status == 429:
        return AzureBusy(code, message, status, retry_after=wait_of(headers, message))
    if folded == "scopelocked":
        return AzureLocked(code, message, status)
    if status == 409 and folded not in _LASTING_CONFLICTS:
        return AzureBusy(code, message, status, retry_after=wait_of(headers, message))
    if status == 403:
        action, scope = _ACTION.search(message), _SCOPE.search(message)
        return AzureForbidden(
            code,
            message,
            status,
            action=action[1] if action else None,
            scope=scope[1] if scope else None,
        )
    if status == 404:
        return AzureNotFound(code, message, status)
    if 400 <= status < 500 and status != 408:
        return AzureRefused(code, message, status)
    unsure = OutcomeUnknown if is_write else AzureUnavailable
    return unsure(code, message, status)


def _is_loose_json(body: bytes) -> bool:
    """JSON but for halves of characters, which a command line cut in the middle leaves."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 1e9 else None


def _until_date(headers: Mapping[str, str]) -> timedelta | None:
    """`Retry-After` as a date, measured against the answer's own `Date`."""
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        return until - parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return None


def _bounded(wait: timedelta) -> timedelta:
    return min(max(wait, timedelta(0)), WAIT_MAX)


def _looks_like_html(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"
