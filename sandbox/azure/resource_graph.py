"""Azure Resource Graph: queries over every subscription at once, with its quota and its paging."""

from __future__ import annotations

import base64
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import msgspec

from sandbox.azure import kql
from sandbox.azure.alert_answers import broken
from sandbox.azure.alerts import AlertStore, SandboxAlert
from sandbox.azure.call import Answer, Call
from sandbox.azure.compute import arc_body
from sandbox.azure.errors import ArmError, not_authorized, unknown_api_version, unreadable
from sandbox.azure.kql.values import Kind, Row
from sandbox.azure.quota import Quota
from sandbox.azure.rights import Rights
from sandbox.azure.state import AzureState
from sandbox.azure.tokens import TokenIssuer
from sandbox.azure.wire import Json

VERSIONS = ("2021-03-01", "2022-10-01", "2024-04-01")
ALERTS_READ = "Microsoft.Security/locations/alerts/read"
ARC_READ = "Microsoft.HybridCompute/machines/read"
TOP_DEFAULT, TOP_MAX = 100, 1_000
#: Answers that are kept for those who turn their pages.
_KEPT = 16

SCHEMA: dict[str, Kind] = {
    "id": "string", "name": "string", "type": "string", "tenantId": "string", "kind": "string",
    "location": "string", "resourceGroup": "string", "subscriptionId": "string",
    "managedBy": "string", "sku": "dynamic", "plan": "dynamic", "properties": "dynamic",
    "tags": "dynamic", "identity": "dynamic", "zones": "dynamic", "extendedLocation": "dynamic",
}  # fmt: skip


class _Options(msgspec.Struct, rename="camel"):
    top: int = msgspec.field(default=TOP_DEFAULT, name="$top")
    skip: int = msgspec.field(default=0, name="$skip")
    skip_token: str = msgspec.field(default="", name="$skipToken")
    result_format: str = "objectArray"


class _Asked(msgspec.Struct, rename="camel"):
    query: str = ""
    subscriptions: tuple[str, ...] = ()
    options: _Options = msgspec.field(default_factory=_Options)


class ResourceGraph:
    """Answers queries by what they mean.

    `securityresources` holds the alerts, `resources` the machines that Azure Arc joined.
    """

    def __init__(
        self, store: AlertStore, state: AzureState, rights: Rights, tokens: TokenIssuer
    ) -> None:
        self.quota = Quota()
        self._store = store
        self._state = state
        self._rights = rights
        self._tokens = tokens
        self._answers: OrderedDict[str, tuple[list[Row], bool]] = OrderedDict()

    def resources(self, call: Call) -> Answer:
        """POST /providers/Microsoft.ResourceGraph/resources."""
        if call.query["api-version"] not in VERSIONS:
            raise unknown_api_version("resources", call.query["api-version"], ", ".join(VERSIONS))
        was_left, headers = self.quota.take(time.monotonic())
        if not was_left and self.quota.is_enforced:
            raise _throttled(headers)
        try:
            asked = msgspec.json.decode(call.body, type=_Asked)
        except msgspec.MsgspecError as error:
            raise unreadable(str(error)) from error
        if asked.options.result_format != "objectArray":
            raise _invalid("InvalidResultFormat", "The sandbox answers objectArray alone.")
        if not 1 <= asked.options.top <= TOP_MAX:
            raise _invalid("InvalidTop", f"$top must be between 1 and {TOP_MAX}.")
        answer = self._page(asked, call)
        answer.headers.update(headers)
        return broken(self._store, answer) if _is_of_alerts(asked) else answer

    def _page(self, asked: _Asked, call: Call) -> Answer:
        key, start = _place(asked.options.skip_token)
        if not key:
            start, key = asked.options.skip, secrets.token_hex(8)
            self._answers[key] = self._rows(asked, call)
            while len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        if key not in self._answers:
            raise _invalid("InvalidSkipToken", "The skip token is not valid any more.")
        rows, has_id = self._answers[key]
        is_of_alerts = _is_of_alerts(asked)
        cut = self._store.faults.cut_after if is_of_alerts else None
        end = min(start + asked.options.top, len(rows), len(rows) if cut is None else cut)
        odd = self._store.raw_items if is_of_alerts else []
        raw = odd if start == 0 else []
        body: Json = {
            "totalRecords": len(rows) + len(odd),
            "count": len(raw) + max(0, end - start),
            "data": [*raw, *rows[start:end]],
            "facets": [],
            "resultTruncated": "false",
        }
        if end < len(rows):
            # Pages need an id to hold on to; without one the rest is lost, and said to be.
            if has_id and cut is None:
                body["$skipToken"] = _token(key, end)
            else:
                body["resultTruncated"] = "true"
        return Answer(200, body)

    def _rows(self, asked: _Asked, call: Call) -> tuple[list[Row], bool]:
        def alerts() -> kql.Table:
            return kql.Table(SCHEMA, self._alerts(self._readable(asked, ALERTS_READ), call))

        def resources() -> kql.Table:
            return kql.Table(SCHEMA, self._arc(self._readable(asked, ARC_READ)))

        tables = {"securityresources": alerts, "resources": resources}
        try:
            found = kql.run(asked.query, tables, now=call.now)
        except kql.KqlError as error:
            raise _bad_query(error) from error
        return self._store.faults.disordered(found.rows), "id" in found.schema

    def _readable(self, asked: _Asked, right: str) -> set[str]:
        """Those of the subscriptions that we may read; the others are left out without a word."""
        named = [name.lower() for name in asked.subscriptions] or list(self._state.subscriptions)
        found = {
            name
            for name in named
            if name in self._state.subscriptions
            and self._rights.may(right, f"/subscriptions/{name}")
        }
        if not found:
            raise not_authorized(self._tokens.client_id, "Microsoft.ResourceGraph/resources/read",
                                 f"/subscriptions/{named[0]}")  # fmt: skip
        return found

    def _alerts(self, named: set[str], call: Call) -> Iterator[Row]:
        then = call.now - self._store.graph_latency
        for alert in self._store.visible(then):
            if alert.subscription_id.lower() in named:
                yield self._row(alert, call)

    def _arc(self, named: set[str]) -> Iterator[Row]:
        for machine in self._state.estate.arc_machines:
            if machine.subscription_id.lower() in named:
                yield {
                    **arc_body(machine),
                    "type": "microsoft.hybridcompute/machines",
                    "tenantId": self._tokens.tenant_id,
                    "kind": "",
                    "resourceGroup": machine.resource_group.lower(),
                    "subscriptionId": machine.subscription_id,
                }

    def _row(self, alert: SandboxAlert, call: Call) -> dict[str, Any]:
        body = alert.body(call.now - self._store.graph_latency)
        return {
            "id": alert.id,
            "name": alert.name,
            "type": "microsoft.security/locations/alerts",
            "tenantId": self._tokens.tenant_id,
            "kind": "",
            "location": alert.location,
            "resourceGroup": alert.resource_group.lower(),
            "subscriptionId": alert.subscription_id,
            "properties": _cased(body["properties"]),
        }


def _is_of_alerts(asked: _Asked) -> bool:
    """What goes wrong by the director's wish goes wrong with alerts."""
    return asked.query.lstrip().startswith("securityresources")


def _cased(properties: Json) -> Json:
    """Rows differ in the case of their properties: those of the older product have capitals."""
    if not str(properties.get("alertType")).startswith("WindowsDefenderAv."):
        return properties
    return {key[:1].upper() + key[1:]: value for key, value in properties.items()}


def _token(key: str, at: int) -> str:
    return base64.b64encode(f"{key}:{at}".encode()).decode()


def _place(token: str) -> tuple[str, int]:
    if not token:
        return "", 0
    try:
        key, _, at = base64.b64decode(token, validate=True).decode("ascii").partition(":")
        return key, int(at)
    except ValueError as error:
        raise _invalid("InvalidSkipToken", "The skip token is not valid.") from error


def _invalid(code: str, message: str) -> ArmError:
    return _refusal(400, "BadRequest", ((code, message),), {})


def _bad_query(error: kql.KqlError) -> ArmError:
    is_syntax = error.kind == "SyntaxError"
    general = (
        "InvalidQuery",
        "Query is invalid. Please refer to the documentation for the Azure Resource Graph service "
        "and fix the error before retrying.",
    )
    own = ("ParserFailure" if is_syntax else "SemanticError", error.message)
    return _refusal(400, "BadRequest", (general, own), {})


def _throttled(headers: dict[str, str]) -> ArmError:
    seconds = int(headers["x-ms-user-quota-resets-after"].rpartition(":")[2])
    text = "Client application has been throttled and should not attempt to repeat the request."
    return _refusal(
        429, "RateLimiting", (("RateLimiting", text),), {**headers, "Retry-After": str(seconds)}
    )


def _refusal(
    status: int, code: str, details: tuple[tuple[str, str], ...], headers: dict[str, str]
) -> ArmError:
    support = f"timestamp = {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
    message = f"Please provide below info when asking for support: {support}."
    nested = [{"code": inner, "message": text} for inner, text in details]
    return ArmError(status, code, message, headers, {"details": nested})
