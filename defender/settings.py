"""Where Azure is and who we are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from defender.resources import bare_subscription_id

PUBLIC_CLOUD = "https://management.azure.com"
LOG_ANALYTICS = "https://api.loganalytics.io"
MICROSOFT_GRAPH = "https://graph.microsoft.com"


class Service(StrEnum):
    """The services we speak to; each has its own address and its own token."""

    ARM = "arm"
    MONITOR = "monitor"
    GRAPH = "graph"


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """Public cloud and DefaultAzureCredential unless told otherwise.

    With tenant, client and secret a service principal is used; else DefaultAzureCredential tries
    environment, workload identity and managed identity in turn. Microsoft Graph's rights are
    tenant-wide, so it may have an app registration of its own.
    """

    subscriptions: tuple[str, ...] = ()
    resource_manager: str = PUBLIC_CLOUD
    authority: str | None = None
    credential_scopes: tuple[str, ...] = ()
    ca_file: Path | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    managed_identity_client_id: str | None = None
    disable_instance_discovery: bool = False
    log_analytics: str = LOG_ANALYTICS
    log_analytics_scopes: tuple[str, ...] = ()
    graph: str = MICROSOFT_GRAPH
    graph_scopes: tuple[str, ...] = ()
    graph_client_id: str | None = None
    graph_client_secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, label in (
            ("resource_manager", "Resource Manager"),
            ("log_analytics", "Log Analytics"),
            ("graph", "Microsoft Graph"),
        ):
            address: str = getattr(self, name)
            parts = urlsplit(address)
            if parts.scheme != "https" or not parts.hostname or parts.username:
                raise ValueError(f"The {label} address must be https://host[:port].")
            object.__setattr__(self, name, address.rstrip("/"))
        bare = tuple(bare_subscription_id(text) for text in self.subscriptions)
        object.__setattr__(self, "subscriptions", tuple(dict.fromkeys(bare)))

    @property
    def scopes(self) -> tuple[str, ...]:
        """The token's audience: as configured, else this cloud's Resource Manager."""
        return self.credential_scopes or (f"{PUBLIC_CLOUD}/.default",)

    def base_of(self, service: Service) -> str:
        """Where a service is."""
        match service:
            case Service.ARM:
                return self.resource_manager
            case Service.MONITOR:
                return self.log_analytics
            case Service.GRAPH:
                return self.graph

    def scopes_of(self, service: Service) -> tuple[str, ...]:
        """The audience of its token: as configured, else its own address."""
        match service:
            case Service.ARM:
                return self.scopes
            case Service.MONITOR:
                return self.log_analytics_scopes or (f"{self.log_analytics}/.default",)
            case Service.GRAPH:
                return self.graph_scopes or (f"{self.graph}/.default",)
