"""Microsoft Graph's side of an alert, where it is configured: owner, verdict, comments, evidence.

Its rights are tenant-wide, so everything here is optional, and an alert that is not found there
is an answer, not an error: Informational alerts never get there, others minutes later.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from defender.alert import Alert
from defender.alert_decode_fields import fold as fold_keys
from defender.alert_decode_fields import parse
from defender.alert_routes import NoRoute
from defender.clients import AzureClients, Call, Service
from defender.errors import AzureNotFound, AzureRefused, AzureUnavailable, OutcomeUnknown
from defender.xdr_decode import (
    Comment,
    XdrAlert,
    XdrIncident,
    comments_of,
    xdr_alert_of,
    xdr_incident_of,
)
from defender.xdr_match import best, named_id

log = logging.getLogger(__name__)

T = TypeVar("T")

_ALERTS = "/v1.0/security/alerts_v2"
_INCIDENTS = "/v1.0/security/incidents"
#: Without it Defender for Cloud's own alerts come as `unknownFutureValue`.
_HEADERS = {"Prefer": "include-unknown-enum-members"}
#: What may stand in a path: letters that mean nothing there.
_ID = re.compile(r"[0-9A-Za-z_.\-]{1,200}")
#: Graph knows an alert by its own time, ours by Defender for Cloud's; they are minutes apart.
_AROUND = timedelta(minutes=90)
#: Alerts looked through for one; in `_AROUND` a tenant has a few dozen.
_LISTED_MAX = 200
#: Pages of one look at what changed.
_PAGES_MAX = 50
COMMENT_MAX = 1_000


class _Listed(msgspec.Struct):
    value: list[msgspec.Raw] | None = None


_listed_of = msgspec.json.Decoder(_Listed).decode


class XdrGateway:
    """Reads and changes alerts of Defender XDR; raises AzureError as `defender.errors` sorts it."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def find(self, alert: Alert) -> XdrAlert | None:
        """The same alert there: by its id in the providing product, else by machine and title."""
        for xdr_id in (named_id(alert), alert.key):
            if _is_id(xdr_id):
                try:
                    return await self.read(xdr_id)
                except (AzureNotFound, AzureRefused) as error:
                    if error.status not in (400, 404):
                        raise
        at = alert.generated_at or alert.started_at
        return best(alert, await self.around(at)) if at else None

    async def around(self, at: datetime) -> list[XdrAlert]:
        """The alerts that were created within an hour and a half of an instant."""
        first, last = _text(at - _AROUND), _text(at + _AROUND)
        query = {
            "$filter": f"createdDateTime ge {first} and createdDateTime le {last}",
            "$top": str(_LISTED_MAX),
        }
        return (await self._listed(query))[0]

    async def changed_since(self, at: datetime) -> list[XdrAlert]:
        """Every alert that changed then or later, page by page."""
        found: list[XdrAlert] = []
        for page in range(_PAGES_MAX):
            query = {
                "$filter": f"lastUpdateDateTime ge {_text(at)}",
                "$top": str(_LISTED_MAX),
                "$skip": str(page * _LISTED_MAX),
            }
            listed, rows = await self._listed(query)
            found += listed
            if rows < _LISTED_MAX:
                return found
        log.error("Defender XDR: more than %s alerts changed; the rest is not read", len(found))
        return found

    async def _listed(self, query: Mapping[str, str]) -> tuple[list[XdrAlert], int]:
        """The alerts of a page, and how many rows it had."""
        rows = _read(_listed_of, await self._ask("GET", _ALERTS, query)).value or []
        found = []
        for raw in rows:
            try:
                found.append(xdr_alert_of(raw))
            except ValueError:
                continue  # one of another alert; nothing is said of it
        return found, len(rows)

    async def read(self, xdr_id: str) -> XdrAlert:
        """The alert as it is now."""
        return _alert(await self._ask("GET", f"{_ALERTS}/{_checked(xdr_id)}"))

    async def change(
        self,
        xdr_id: str,
        *,
        status: str | None = None,
        owner: str | None = None,
        classification: str | None = None,
        determination: str | None = None,
    ) -> XdrAlert:
        """Change what is named, once; the alert as it is then. OutcomeUnknown: read it first."""
        body = _named(status, owner, classification, determination)
        path = f"{_ALERTS}/{_checked(xdr_id)}"
        answer = await self._ask("PATCH", path, body=body, kind=Call.WRITE)
        try:
            return _alert(answer)
        except AzureUnavailable as error:
            raise OutcomeUnknown(error.code, error.message) from error

    async def comment(self, xdr_id: str, text: str) -> tuple[Comment, ...]:
        """Add a comment, once; all comments then."""
        body = {
            "@odata.type": "microsoft.graph.security.alertComment",
            "comment": text[:COMMENT_MAX],
        }
        path = f"{_ALERTS}/{_checked(xdr_id)}/comments"
        answer = await self._ask("POST", path, body=body, kind=Call.WRITE)
        return comments_of(fold_keys(_parsed(answer)).get("value"))

    async def incident(self, incident_id: str) -> XdrIncident:
        """With its alerts; one that went into another is that other one."""
        path, query = f"{_INCIDENTS}/{_checked(incident_id)}", {"$expand": "alerts"}
        found = _read(xdr_incident_of, await self._ask("GET", path, query))
        if not found.redirected_to:
            return found
        path = f"{_INCIDENTS}/{_checked(found.redirected_to)}"
        return _read(xdr_incident_of, await self._ask("GET", path, query))

    async def change_incident(
        self,
        incident_id: str,
        *,
        status: str | None = None,
        owner: str | None = None,
        classification: str | None = None,
        determination: str | None = None,
    ) -> None:
        """The same for an incident; its words for a status are others (`active`, `resolved`)."""
        body = _named(status, owner, classification, determination)
        path = f"{_INCIDENTS}/{_checked(incident_id)}"
        await self._ask("PATCH", path, body=body, kind=Call.WRITE)

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, str] | None = None,
        kind: Call = Call.READ,
    ) -> bytes:
        return await self._clients.ask(
            Service.GRAPH,
            method,
            path,
            query or {},
            None if body is None else msgspec.json.encode(body),
            headers=_HEADERS,
            kind=kind,
        )


def _named(
    status: str | None,
    owner: str | None,
    classification: str | None,
    determination: str | None,
) -> dict[str, str]:
    """Only what is to change: a field that is left out stays as it is."""
    said = {
        "status": status,
        "assignedTo": owner,
        "classification": classification,
        "determination": determination,
    }
    body = {name: value for name, value in said.items() if value is not None}
    if not body:
        raise ValueError("Nothing to change was named.")
    return body


def _alert(body: bytes) -> XdrAlert:
    return _read(xdr_alert_of, body)


def _read(read: Callable[[bytes], T], body: bytes) -> T:
    try:
        return read(body)
    except ValueError as error:  # msgspec.MsgspecError is one
        raise AzureUnavailable(
            "Unreadable", f"Graph's answer could not be read: {error}"
        ) from error


def _parsed(body: bytes) -> object:
    """What a comment was answered with; it is written, so an odd answer is no failure."""
    try:
        return parse(body)
    except ValueError:
        return None


def _is_id(text: str) -> bool:
    return bool(_ID.fullmatch(text)) and text.isascii() and bool(text.strip("."))


def _checked(text: str) -> str:
    if not _is_id(text):
        raise NoRoute("That is not the id of an alert or incident of Defender XDR.")
    return text


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
