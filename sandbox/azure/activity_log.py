"""Azure's activity log: who changed what, as Resource Manager notes it, readable after a while."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from sandbox.azure.activity_actors import DEFENDER, Actor, application
from sandbox.azure.call import Answer, Call, page_answer
from sandbox.azure.errors import ArmError, unknown_api_version
from sandbox.azure.jit import Opening
from sandbox.azure.wire import Json, fold, instant_text, parse_instant
from sandbox.world.model import VirtualMachine

VERSION = "2015-04-01"
KIND = "Microsoft.Insights/eventtypes/values"
READ = f"{KIND}/read"
NSG_WRITE = "Microsoft.Network/networkSecurityGroups/write"
RULE_DELETE = "Microsoft.Network/networkSecurityGroups/securityRules/delete"
POLICY_WRITE = "Microsoft.Security/locations/jitNetworkAccessPolicies/write"
POLICY_DELETE = "Microsoft.Security/locations/jitNetworkAccessPolicies/delete"

#: Events on one page; Azure's are larger.
PAGE = 25
#: A demo may run for days; the newest are kept.
KEPT = 20_000
#: Between the note of a request and the note of its answer.
_TAKES = timedelta(milliseconds=400)
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
_CLAUSE = re.compile(r"\s*(\w+)\s+(ge|le|eq)\s+'((?:[^']|'')*)'\s*")
_AND = re.compile(r"\s+and\s+(?=\w+\s+(?:ge|le|eq)\s)", re.IGNORECASE)
_STATUS_TEXT = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "NoContent", 400: "BadRequest",
    403: "Forbidden", 404: "NotFound", 409: "Conflict", 500: "InternalServerError",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One of the two notes of an operation: its begin, or its end."""

    actor: Actor
    action: str
    resource_id: str
    at: datetime
    operation_id: str
    name: str  # BeginRequest, EndRequest
    status: str  # Started, Succeeded, Failed
    sub_status: str = ""

    def value(self, field: str) -> str:
        """What a filter compares."""
        parts = self.resource_id.split("/")
        match field:
            case "resourceGroupName":
                return parts[4] if len(parts) > 4 else ""
            case "resourceProvider":
                return parts[6] if len(parts) > 6 else ""
            case "resourceUri":
                return fold(self.resource_id)
            case _:
                return self.operation_id


class ActivityLog:
    """`lag`: how long after it happened an event can be read; in life, 3 to 20 minutes."""

    def __init__(self, tenant_id: str, client_id: str) -> None:
        self._tenant_id = tenant_id
        #: The bot's own identity, by which everything that comes in over the wire is done.
        self.bot = application(client_id)
        self._events: list[Event] = []
        self.lag = timedelta()
        self.page_size = PAGE

    # What happens

    def add(
        self, actor: Actor, action: str, resource_id: str, at: datetime, *, status: int = 200
    ) -> None:
        """Somebody did it, or (with a `status` of 400 and more) was refused."""
        operation_id = str(uuid.uuid4())
        end = "Succeeded" if status < 400 else "Failed"
        said = _STATUS_TEXT.get(status, str(status))
        self._events += (
            Event(actor, action, resource_id, at - _TAKES, operation_id, "BeginRequest", "Started"),
            Event(
                actor, action, resource_id, at, operation_id, "EndRequest", end,
                f"{said} (HTTP Status Code: {status})",
            ),
        )  # fmt: skip
        if len(self._events) > 2 * KEPT:
            del self._events[:-KEPT]

    def note(self, call: Call, action: str, status: int) -> None:
        """What came in over the wire; reads are not logged."""
        if call.method != "GET":
            path = call.path
            verb = path.rpartition("/")[2] if action.endswith("/action") else ""
            resource_id = path.removesuffix(f"/{verb}") if verb else path
            self.add(self.bot, action, resource_id, call.now, status=status)

    def opened(
        self, opened: Iterable[Opening], machines: Mapping[str, VirtualMachine], at: datetime
    ) -> None:
        """The rules that Defender for Cloud then writes, by its own identity."""
        groups = {
            machines[opening.vm_key].nsg_id for opening in opened if opening.vm_key in machines
        }
        for nsg_id in groups:
            if nsg_id is not None:
                self.add(DEFENDER, NSG_WRITE, nsg_id, at)

    # What is read

    def values(self, call: Call) -> Answer:
        """GET the events of a subscription that the filter lets through, newest first."""
        if call.query["api-version"] != VERSION:
            raise unknown_api_version(KIND, call.query["api-version"], VERSION)
        text = call.query.get("$filter", "")
        passes = _filter(text)
        prefix = f"/subscriptions/{call.subscription_id}/"
        found = [
            event
            for event in self._events
            if event.at + self.lag <= call.now
            and fold(event.resource_id).startswith(prefix)
            and passes(event)
        ]
        found.sort(key=lambda event: event.at, reverse=True)
        answer = page_answer(call, found, self._body, size=self.page_size)
        if isinstance(answer.body, dict) and "nextLink" in answer.body:
            answer.body["nextLink"] += f"&%24filter={quote(text)}"
        return answer

    def _body(self, event: Event) -> Json:
        parts = event.resource_id.split("/")
        event_id = str(uuid.uuid5(uuid.UUID(event.operation_id), event.name))
        ticks = int((event.at - _EPOCH) / timedelta(microseconds=1)) * 10
        group = parts[4] if len(parts) > 4 else ""
        return {
            "authorization": {"action": event.action, "scope": event.resource_id},
            **({"caller": event.actor.caller} if event.actor.caller else {}),
            "channels": "Operation",
            "claims": event.actor.claims(self._tenant_id),
            "correlationId": event.operation_id,
            "description": "",
            "eventDataId": event_id,
            "eventName": _words(event.name, "End request" if "End" in event.name else "Begin"),
            "category": _words("Administrative"),
            "eventTimestamp": instant_text(event.at),
            "id": f"{event.resource_id}/events/{event_id}/ticks/{ticks}",
            "level": "Error" if event.status == "Failed" else "Informational",
            "operationId": event.operation_id,
            "operationName": _words(event.action),
            "resourceGroupName": group,
            "resourceProviderName": _words(parts[6] if len(parts) > 6 else ""),
            "resourceType": _words(event.action.rpartition("/")[0]),
            "resourceId": event.resource_id,
            "status": _words(event.status),
            "subStatus": _words(event.sub_status.partition(" ")[0], event.sub_status),
            "submissionTimestamp": instant_text(event.at + self.lag),
            "subscriptionId": parts[2],
            "tenantId": self._tenant_id,
            "properties": {"eventCategory": "Administrative", "entity": event.resource_id},
            "relatedEvents": [],
        }


def _words(value: str, localized: str | None = None) -> Json:
    return {"value": value, "localizedValue": value if localized is None else localized}


_FIELDS = ("resourceGroupName", "resourceUri", "resourceProvider", "correlationId")


def _filter(text: str) -> Callable[[Event], bool]:
    """The few patterns that Azure takes: a time, and one thing that it happened to."""
    since: datetime | None = None
    until: datetime | None = None
    wanted: list[tuple[str, str]] = []
    for clause in _AND.split(text):
        found = _CLAUSE.fullmatch(clause)
        if found is None:
            raise _bad_filter(text)
        name, sign, value = found[1], found[2].lower(), found[3].replace("''", "'")
        match name, sign:
            case "eventTimestamp", "ge":
                since = parse_instant(value)
            case "eventTimestamp", "le":
                until = parse_instant(value)
            case _, "eq" if name in _FIELDS:
                wanted.append((name, fold(value)))
            case _:
                raise _bad_filter(text)
    if since is None or len(wanted) > 1:
        raise _bad_filter(text)
    first, last = since, until
    return lambda event: (
        event.at >= first
        and (last is None or event.at <= last)
        and all(event.value(name).lower() == value for name, value in wanted)
    )


def _bad_filter(text: str) -> ArmError:
    # Azure's own words are not known; that nothing else is allowed, its reference says.
    return ArmError(400, "BadRequest", f"The filter '{text}' is not supported.")
