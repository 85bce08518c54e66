"""The three services behind one address: how each is told apart, let in and refused."""

from __future__ import annotations

from enum import StrEnum

from sandbox.azure.errors import ArmError, invalid_token, not_authorized


class Service(StrEnum):
    """Resource Manager, Log Analytics' query service and Microsoft Graph."""

    ARM = "arm"
    MONITOR = "monitor"
    GRAPH = "graph"


_AUDIENCES = {
    Service.ARM: ("https://management.azure.com", "https://management.core.windows.net"),
    Service.MONITOR: ("https://api.loganalytics.io", "https://api.loganalytics.azure.com"),
    Service.GRAPH: ("https://graph.microsoft.com",),
}


def service_of(path: str) -> Service:
    """By the path alone, since all three answer at one address here."""
    first = path.lower().split("/", 2)[1:2]
    match first:
        case ["v1"]:
            return Service.MONITOR
        case ["v1.0"] | ["beta"]:
            return Service.GRAPH
        case _:
            return Service.ARM


def is_foreign(audience: str, service: Service) -> bool:
    """Whether a token is for another of Microsoft's services than this one."""
    asked = audience.rstrip("/").lower()
    return any(asked in known for other, known in _AUDIENCES.items() if other is not service)


def not_let_in(service: Service) -> ArmError:
    """No token, a stranger's, or one that is for another service."""
    match service:
        case Service.ARM:
            return invalid_token()
        case Service.MONITOR:
            return ArmError(401, "InvalidTokenError", "The access token is invalid.")
        case Service.GRAPH:
            text = "Access token validation failure. Invalid audience."
            return ArmError(401, "InvalidAuthenticationToken", text)


def not_allowed(service: Service, client_id: str, action: str, scope: str) -> ArmError:
    """The right is missing."""
    if service is Service.GRAPH:
        text = f"Missing application roles. API required roles: {action}."
        return ArmError(403, "Forbidden", text)
    return not_authorized(client_id, action, scope)
