"""Which path asks for what, and which right it takes. Azure's paths have no case."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.azure.access import Access
from sandbox.azure.activity_log import READ, ActivityLog
from sandbox.azure.alert_answers import STATES, AlertAnswers
from sandbox.azure.call import Handler
from sandbox.azure.log_analytics import LogAnalytics
from sandbox.azure.microsoft_graph import MicrosoftGraph
from sandbox.azure.reading import Reading
from sandbox.azure.resource_graph import ResourceGraph
from sandbox.azure.wire import fold

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_COMPUTE = "/providers/Microsoft.Compute/virtualMachines"
_NETWORK = "/providers/Microsoft.Network"
_SECURITY = "/providers/Microsoft.Security"
_PERMISSIONS = "/providers/Microsoft.Authorization/permissions"
_REGION = f"{_SECURITY}/locations/{{location}}"
_JIT = "/jitNetworkAccessPolicies"
_NSG = f"{_NETWORK}/networkSecurityGroups"
_NAME = "/{name}"
_EVENTS = f"{_SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management"

_JIT_ACTION = "Microsoft.Security/locations/jitNetworkAccessPolicies"
_ALERT_ACTION = "Microsoft.Security/locations/alerts"
_NSG_ACTION = "Microsoft.Network/networkSecurityGroups"
_VM_ACTION = "Microsoft.Compute/virtualMachines"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path with {names} in it."""

    method: str
    path: str
    action: str
    handler: Handler
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request and the names in its path."""

    route: Route
    parts: dict[str, str]


class Routes:
    """Every path that this Azure knows."""

    def __init__(
        self,
        reading: Reading,
        access: Access,
        alerts: AlertAnswers,
        resource_graph: ResourceGraph,
        log_analytics: LogAnalytics,
        microsoft_graph: MicrosoftGraph,
        activity_log: ActivityLog,
    ) -> None:
        rows = (
            *_reads(reading), *_jit(access), *_alerts(alerts),
            *_queries(resource_graph, log_analytics), *_security(microsoft_graph),
            ("GET", f"{_EVENTS}/values", READ, activity_log.values),
        )  # fmt: skip
        self._routes = [_route(*row) for row in rows]

    def find(self, method: str, path: str) -> Match | None:
        """The route of a request, None when there is none."""
        for route in self._routes:
            found = route.pattern.fullmatch(path) if route.method == method else None
            if found is not None:
                return Match(route, found.groupdict())
        return None


Row = tuple[str, str, str, Handler]


def _reads(read: Reading) -> tuple[Row, ...]:
    rule = f"{_GROUP}{_NSG}{_NAME}/securityRules"
    operation = f"{_SUBSCRIPTION}{_NETWORK}/locations/{{location}}/operations/{{name}}"
    return (
        ("GET", "/subscriptions", "Microsoft.Resources/subscriptions/read", read.subscriptions),
        ("GET", _SUBSCRIPTION, "Microsoft.Resources/subscriptions/read", read.subscription),
        *(
            ("GET", at + _PERMISSIONS, "Microsoft.Authorization/permissions/read", read.permissions)
            for at in (_SUBSCRIPTION, _GROUP)
        ),
        ("GET", f"{_SUBSCRIPTION}{_SECURITY}/locations", "Microsoft.Security/locations/read",
         read.locations),
        ("GET", f"{_SUBSCRIPTION}{_SECURITY}/locations/{{name}}",
         "Microsoft.Security/locations/read", read.location),
        ("GET", _SUBSCRIPTION + _COMPUTE, f"{_VM_ACTION}/read", read.machines),
        ("GET", _GROUP + _COMPUTE, f"{_VM_ACTION}/read", read.machines),
        ("GET", _GROUP + _COMPUTE + _NAME, f"{_VM_ACTION}/read", read.machine),
        ("GET", f"{_GROUP}{_COMPUTE}{_NAME}/instanceView", f"{_VM_ACTION}/instanceView/read",
         read.instance_view),
        ("GET", f"{_SUBSCRIPTION}/providers/Microsoft.HybridCompute/machines",
         "Microsoft.HybridCompute/machines/read", read.arc_machines),
        ("GET", f"{_GROUP}{_NETWORK}/networkInterfaces{_NAME}",
         "Microsoft.Network/networkInterfaces/read", read.interface),
        ("GET", f"{_GROUP}{_NETWORK}/publicIPAddresses{_NAME}",
         "Microsoft.Network/publicIPAddresses/read", read.public_ip),
        ("GET", _SUBSCRIPTION + _NSG, f"{_NSG_ACTION}/read", read.security_groups),
        ("GET", _GROUP + _NSG, f"{_NSG_ACTION}/read", read.security_groups),
        ("GET", _GROUP + _NSG + _NAME, f"{_NSG_ACTION}/read", read.security_group),
        ("GET", rule, f"{_NSG_ACTION}/securityRules/read", read.rules),
        ("GET", f"{rule}/{{rule}}", f"{_NSG_ACTION}/securityRules/read", read.rule),
        ("DELETE", f"{rule}/{{rule}}", f"{_NSG_ACTION}/securityRules/delete", read.delete_rule),
        ("GET", operation, "Microsoft.Network/locations/operations/read", read.operation),
    )  # fmt: skip


def _jit(access: Access) -> tuple[Row, ...]:
    one = f"{_GROUP}{_REGION}{_JIT}{_NAME}"
    lists = (
        f"{_SUBSCRIPTION}{_SECURITY}{_JIT}",
        f"{_SUBSCRIPTION}{_REGION}{_JIT}",
        f"{_GROUP}{_SECURITY}{_JIT}",
        f"{_GROUP}{_REGION}{_JIT}",
    )
    return (
        *(("GET", path, f"{_JIT_ACTION}/read", access.policies) for path in lists),
        ("GET", one, f"{_JIT_ACTION}/read", access.policy),
        ("PUT", one, f"{_JIT_ACTION}/write", access.put_policy),
        ("DELETE", one, f"{_JIT_ACTION}/delete", access.delete_policy),
        ("POST", f"{one}/initiate", f"{_JIT_ACTION}/initiate/action", access.initiate),
    )


def _alerts(alerts: AlertAnswers) -> tuple[Row, ...]:
    of_region = [f"{scope}{_REGION}/alerts" for scope in (_SUBSCRIPTION, _GROUP)]
    return (
        *(
            ("GET", f"{scope}{_SECURITY}/alerts", "Microsoft.Security/alerts/read", alerts.alerts)
            for scope in (_SUBSCRIPTION, _GROUP)
        ),
        *(("GET", path, f"{_ALERT_ACTION}/read", alerts.alerts) for path in of_region),
        *(("GET", path + _NAME, f"{_ALERT_ACTION}/read", alerts.alert) for path in of_region),
        *(
            ("POST", f"{path}{_NAME}/{verb}", f"{_ALERT_ACTION}/{verb}/action",
             alerts.to_state(verb))
            for path in of_region
            for verb in STATES
        ),
        ("POST", f"{of_region[0]}/default/simulate", f"{_ALERT_ACTION}/simulate/action",
         alerts.simulate),
    )  # fmt: skip


def _queries(graph: ResourceGraph, logs: LogAnalytics) -> tuple[Row, ...]:
    # Whoever may read a resource may query it; what can't be read is left out of the answer.
    path = "/providers/Microsoft.ResourceGraph/resources"
    return (
        ("POST", path, "Microsoft.ResourceGraph/resources/read", graph.resources),
        ("POST", "/v1/workspaces/{workspace}/query", "LogAnalytics.Query", logs.query),
    )


def _security(graph: MicrosoftGraph) -> tuple[Row, ...]:
    alerts, incidents = "/v1.0/security/alerts_v2", "/v1.0/security/incidents"
    read, write = "SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"
    read_all, write_all = "SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"
    return (
        ("GET", alerts, read, graph.alerts),
        ("GET", alerts + _NAME, read, graph.alert),
        ("PATCH", alerts + _NAME, write, graph.patch_alert),
        ("POST", f"{alerts}{_NAME}/comments", write, graph.comment_alert),
        ("GET", incidents, read_all, graph.incidents),
        ("GET", incidents + _NAME, read_all, graph.incident),
        ("PATCH", incidents + _NAME, write_all, graph.patch_incident),
        ("POST", f"{incidents}{_NAME}/comments", write_all, graph.comment_incident),
    )


def _route(method: str, path: str, action: str, handler: Handler) -> Route:
    # What stands between the {names} is Azure's own and taken as it is.
    pieces = re.split(r"\{(\w+)\}", path)
    pattern = "".join(
        f"(?P<{piece}>[^/]+)" if index % 2 else re.escape(piece)
        for index, piece in enumerate(pieces)
    )
    return Route(method, path, action, handler, re.compile(pattern, re.IGNORECASE))


#: What is done to, or read of, what stands before it.
_VERB = re.compile(f"/(initiate|simulate|values|{'|'.join(STATES)})$", re.IGNORECASE)


def scope_of(path: str) -> str:
    """The scope that a right and a lock are checked at: the path without its last verb."""
    return fold(_VERB.sub("", path))
