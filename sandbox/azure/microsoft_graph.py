"""Microsoft Graph's security API: alerts and incidents of the whole tenant."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from sandbox.azure.call import Answer, Call
from sandbox.azure.errors import ArmError
from sandbox.azure.odata import BadFilter, read_filter
from sandbox.azure.wire import Json, instant_text
from sandbox.azure.xdr import Xdr, XdrIncident
from sandbox.azure.xdr_body import comment_fields

FILTERABLE = frozenset(
    {"assignedTo", "classification", "determination", "createdDateTime", "lastUpdateDateTime",
     "severity", "serviceSource", "status",
     # Not in the documentation, but it is taken.
     "providerAlertId"}
)  # fmt: skip
TOP_DEFAULT, TOP_MAX = 100, 2_000
#: Who writes comments: the app registration, never the person behind it.
APP_NAME = "Sekisho"
_UNKNOWN_WITHOUT_ASKING = frozenset({"microsoftDefenderForCloud", "microsoftDefenderForServers"})
_CLASSIFICATIONS = frozenset(
    {"unknown", "falsepositive", "truepositive", "informationalexpectedactivity"}
)
_DETERMINATIONS = frozenset(
    {"unknown", "apt", "malware", "securitypersonnel", "securitytesting", "unwantedsoftware",
     "other", "multistagedattack", "compromisedaccount", "compromiseduser", "phishing",
     "malicioususeractivity", "notmalicious", "clean", "notenoughdatatovalidate",
     "insufficientdata", "confirmedactivity", "confirmeduseractivity",
     "lineofbusinessapplication"}
)  # fmt: skip
_STATUSES = {
    "alert": frozenset({"new", "inprogress", "resolved"}),
    "incident": frozenset({"active", "inprogress", "resolved"}),
}


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    status: str | None = None
    classification: str | None = None
    determination: str | None = None
    assigned_to: str | msgspec.UnsetType | None = msgspec.field(
        default=msgspec.UNSET, name="assignedTo"
    )
    custom_tags: list[str] | None = msgspec.field(default=None, name="customTags")


class _Comment(msgspec.Struct):
    comment: str


class MicrosoftGraph:
    """One method per route."""

    def __init__(self, xdr: Xdr) -> None:
        self._xdr = xdr

    def alerts(self, call: Call) -> Answer:
        """GET /v1.0/security/alerts_v2."""
        items = [alert.fields for alert in self._xdr.visible(call.now)]
        text = call.query.get("$filter")
        if text:
            try:
                test = read_filter(text, FILTERABLE)
            except BadFilter as error:
                raise bad_request(str(error)) from error
            items = [item for item in items if test(item)]
        return Answer(200, _page(call, items))

    def alert(self, call: Call) -> Answer:
        """GET one alert."""
        return Answer(200, _shown(self._alert(call), call.headers))

    def patch_alert(self, call: Call) -> Answer:
        """PATCH: 200 with the whole alert."""
        fields = self._alert(call)
        _apply(fields, _change(call.body, "alert"), call)
        if str(fields["status"]).lower() == "resolved":
            fields["resolvedDateTime"] = fields["lastUpdateDateTime"]
        return Answer(200, _shown(fields, call.headers))

    def comment_alert(self, call: Call) -> Answer:
        """POST …/comments: all comments there are now."""
        return Answer(200, {"value": _commented(self._alert(call), call)})

    def incidents(self, call: Call) -> Answer:
        """GET /v1.0/security/incidents, newest first."""
        items = [incident.fields for incident in reversed(self._xdr.incidents.values())]
        return Answer(200, _page(call, items))

    def incident(self, call: Call) -> Answer:
        """GET one incident, with its alerts where they are asked for."""
        incident = self._incident(call)
        fields = dict(incident.fields)
        if call.query.get("$expand") == "alerts":
            found = (self._xdr.alerts[alert_id] for alert_id in incident.alert_ids)
            fields["alerts"] = [_shown(alert.fields, call.headers) for alert in found]
        return Answer(200, fields)

    def patch_incident(self, call: Call) -> Answer:
        """PATCH: 200 with the incident."""
        fields = self._incident(call).fields
        _apply(fields, _change(call.body, "incident"), call)
        return Answer(200, fields)

    def comment_incident(self, call: Call) -> Answer:
        """POST …/comments: all comments there are now."""
        return Answer(200, {"value": _commented(self._incident(call).fields, call)})

    def _alert(self, call: Call) -> Json:
        found = self._xdr.alerts.get(call.parts["name"])
        if found is None or found.visible_at > call.now:
            raise not_found()
        return found.fields

    def _incident(self, call: Call) -> XdrIncident:
        found = self._xdr.incidents.get(call.parts["name"])
        if found is None:
            raise not_found()
        return found


def bad_request(message: str) -> ArmError:
    """The request is not understood."""
    return ArmError(400, "BadRequest", message, more={"innerError": {}})


def not_found() -> ArmError:
    """No such alert or incident."""
    return ArmError(404, "NotFound", "The resource was not found.", more={"innerError": {}})


def _page(call: Call, items: list[Json]) -> Json:
    top, skip = _number(call.query, "$top", TOP_DEFAULT), _number(call.query, "$skip", 0)
    if not 1 <= top <= TOP_MAX:
        raise bad_request(f"The limit of '{TOP_MAX}' for Top query has been exceeded.")
    body: Json = {
        "@odata.context": f"{call.base_url}/v1.0/$metadata#{call.path.removeprefix('/v1.0/')}",
        "value": [_shown(item, call.headers) for item in items[skip : skip + top]],
    }
    if call.query.get("$count", "").lower() == "true":
        body["@odata.count"] = len(items)
    if skip + top < len(items):
        kept = {**call.query, "$top": str(top), "$skip": str(skip + top)}
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in kept.items())
        body["@odata.nextLink"] = f"{call.base_url}{call.path}?{query}"
    return body


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise bad_request(f"Invalid value '{text}' for {name} query option.")
    return int(text)


def _shown(fields: Json, headers: Mapping[str, str]) -> Json:
    """Enum values of later years come only to those who say that they bear them."""
    if "include-unknown-enum-members" in headers.get("Prefer", ""):
        return fields
    names = ("serviceSource", "detectionSource")
    hidden = {n for n in names if fields.get(n) in _UNKNOWN_WITHOUT_ASKING}
    return fields | dict.fromkeys(hidden, "unknownFutureValue")


def _change(body: bytes, kind: str) -> _Change:
    try:
        change = msgspec.json.decode(body, type=_Change)
    except msgspec.MsgspecError as error:
        raise bad_request(str(error)) from error
    for value, allowed in (
        (change.status, _STATUSES[kind]),
        (change.classification, _CLASSIFICATIONS),
        (change.determination, _DETERMINATIONS),
    ):
        if value is not None and value.lower() not in allowed:
            raise bad_request(f"Invalid value '{value}'.")
    return change


def _apply(fields: Json, change: _Change, call: Call) -> None:
    for name in ("status", "classification", "determination"):
        value = getattr(change, name)
        if value is not None:
            fields[name] = value
    if change.assigned_to is not msgspec.UNSET:
        fields["assignedTo"] = change.assigned_to or None
    if change.custom_tags is not None:
        fields["customTags"] = change.custom_tags
    fields["lastUpdateDateTime"] = instant_text(call.now)


def _commented(fields: Json, call: Call) -> list[Json]:
    try:
        text = msgspec.json.decode(call.body, type=_Comment).comment
    except msgspec.MsgspecError as error:
        raise bad_request(str(error)) from error
    if not text.strip() or len(text) > _COMMENT_MAX:
        raise bad_request("The comment is empty or too long.")
    comments: list[Json] = fields["comments"]
    comments.append(comment_fields(text, APP_NAME, call.now))
    fields["lastUpdateDateTime"] = instant_text(call.now)
    return comments


#: Characters; Graph's own limit.
_COMMENT_MAX = 1_000
