"""Azure's activity log as plain facts: who did what to which resource. Pure: bytes in, facts out.

One operation is two events or more (asked, accepted, done or refused), of which any may lack its
caller, and the last may never come; they are put together here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec

from defender.decode import Reader, instant_of, page_of
from defender.resources import fold

_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
#: "Windows Azure Security Resource Provider": JIT's own writer of network rules.
DEFENDER_APP = "8edd93e1-2103-40b4-bd70-6e34e586362d"
_REFUSED = frozenset({"failed", "failure", "canceled", "cancelled"})

#: `defender`: Defender for Cloud itself, which does what somebody asked it for; `sekisho`: our own
#: identity, which whoever reads the log has to tell apart.
CallerKind = Literal[
    "person", "managed_identity", "application", "defender", "sekisho", "nobody"
]  # fmt: skip


class Caller(msgspec.Struct, frozen=True):
    """Who did it. `name`: a person's address, a resource's name, or an application's id."""

    kind: CallerKind = "nobody"
    name: str = ""


NOBODY = Caller()


@dataclass(frozen=True, slots=True)
class Activity:
    """One operation. `operation` is Azure's action in small letters, `at` its first event."""

    at: datetime
    operation: str
    resource_id: str
    caller: Caller
    has_failed: bool = False


class _Words(msgspec.Struct):
    value: str | None = None


class _Claims(msgspec.Struct):
    upn: str | None = msgspec.field(default=None, name=f"{_SOAP}upn")
    address: str | None = msgspec.field(default=None, name=f"{_SOAP}name")
    email: str | None = msgspec.field(default=None, name=f"{_SOAP}emailaddress")
    app_id: str | None = msgspec.field(default=None, name="appid")
    identity_id: str | None = msgspec.field(default=None, name="xms_mirid")


class _Authorization(msgspec.Struct):
    action: str | None = None
    scope: str | None = None


class _Event(msgspec.Struct, rename="camel"):
    event_timestamp: str | None = None
    operation_name: _Words | str | None = None
    status: _Words | str | None = None
    resource_id: str | None = None
    caller: str | None = None
    claims: _Claims | None = None
    authorization: _Authorization | None = None
    operation_id: str | None = None
    correlation_id: str | None = None
    event_data_id: str | None = None


def activities_of(bodies: Iterable[bytes]) -> tuple[Activity, ...]:
    """Every operation on these pages, the newest first."""
    reader = Reader()
    found: dict[tuple[str, str, str], Activity] = {}
    for body in bodies:
        for event in reader.each(page_of(body).items, _Event):
            activity = _activity(event)
            if activity is None:
                continue
            said = event.operation_id or event.correlation_id or event.event_data_id or ""
            key = (said or str(len(found)), activity.operation, fold(activity.resource_id))
            earlier = found.get(key)
            found[key] = activity if earlier is None else _together(earlier, activity)
    return tuple(sorted(found.values(), key=lambda activity: activity.at, reverse=True))


def _activity(event: _Event) -> Activity | None:
    """None for what says neither when nor what."""
    at = instant_of(event.event_timestamp)
    asked = event.authorization or _Authorization()
    operation = _word(event.operation_name) or asked.action or ""
    if at is None or not operation:
        return None
    return Activity(
        at=at,
        operation=operation.lower(),
        resource_id=event.resource_id or asked.scope or "",
        caller=_caller(event),
        has_failed=_word(event.status).lower() in _REFUSED,
    )


def _together(one: Activity, other: Activity) -> Activity:
    named = one.caller if one.caller.kind != "nobody" else other.caller
    return replace(
        one,
        at=min(one.at, other.at),
        caller=named,
        has_failed=one.has_failed or other.has_failed,
    )


def _caller(event: _Event) -> Caller:
    claims = event.claims or _Claims()
    app_id = (claims.app_id or "").strip()
    caller = (event.caller or "").strip()
    if DEFENDER_APP in (app_id.lower(), caller.lower()):
        return Caller("defender", DEFENDER_APP)
    address = next(
        (text.strip() for text in (caller, claims.upn, claims.email, claims.address)
         if text and "@" in text),
        "",
    )  # fmt: skip
    if address:
        return Caller("person", address)
    if claims.identity_id:
        return Caller("managed_identity", claims.identity_id.rstrip("/").rpartition("/")[2])
    if app_id or caller:
        return Caller("application", app_id or caller)
    return NOBODY


def _word(found: _Words | str | None) -> str:
    text = found.value if isinstance(found, _Words) else found
    return (text or "").strip()
