"""Addresses of calls: built in one way, followed only where they stay with the same service."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

#: What may stand in a path unescaped: group names may hold brackets.
_PATH_SAFE = "/()-._~"
_RESOURCE_GRAPH = "/providers/microsoft.resourcegraph/"


def address(base: str, path: str, query: Mapping[str, str]) -> str:
    """The address of a path below `base`."""
    asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
    return f"{base}{quote(path, safe=_PATH_SAFE)}{asked}"


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what a link must share with the setting to be followed."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    host = (parts.hostname or "").lower()
    if parts.username is not None or parts.password is not None:
        host = ""
    return parts.scheme.lower(), host, port or {"https": 443, "http": 80}.get(parts.scheme.lower())


def bucket_of(path: str) -> str:
    """Whose bucket a call counts against: its subscription's, Resource Graph's, "" the tenant's."""
    parts = path.split("/", 3)
    if len(parts) > 2 and parts[1].lower() == "subscriptions":
        return parts[2].lower()
    return "resourcegraph" if path.lower().startswith(_RESOURCE_GRAPH) else ""
