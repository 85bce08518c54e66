"""Where Azure is and who we are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from defender.resources import bare_subscription_id

PUBLIC_CLOUD = "https://management.azure.com"


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """Public cloud and DefaultAzureCredential unless told otherwise.

    With tenant, client and secret a service principal is used; else DefaultAzureCredential tries
    environment, workload identity and managed identity in turn.
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

    def __post_init__(self) -> None:
        parts = urlsplit(self.resource_manager)
        if parts.scheme != "https" or not parts.hostname or parts.username:
            raise ValueError("The Resource Manager address must be https://host[:port].")
        bare = tuple(bare_subscription_id(text) for text in self.subscriptions)
        object.__setattr__(self, "subscriptions", tuple(dict.fromkeys(bare)))
        object.__setattr__(self, "resource_manager", self.resource_manager.rstrip("/"))

    @property
    def scopes(self) -> tuple[str, ...]:
        """The token's audience: as configured, else this cloud's Resource Manager."""
        return self.credential_scopes or (f"{PUBLIC_CLOUD}/.default",)
