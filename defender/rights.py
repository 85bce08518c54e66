"""Which of the rights we need our identity lacks, for `sekisho check`."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from defender.clients import AzureClients
from defender.decode import Reader, page_of
from defender.resources import bare_subscription_id
from defender.versions import PERMISSIONS_VERSION

__all__ = [
    "ACTIVITY_LOG",
    "ALERTS",
    "ALERT_STATES",
    "EARLY_CLOSE",
    "NETWORK_FACTS",
    "REQUIRED",
    "Permission",
    "Rights",
    "missing",
]


#: Without these nothing can be asked for or opened.
REQUIRED = (
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Security/locations/jitNetworkAccessPolicies/read",
    "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action",
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Network/publicIPAddresses/read",
)
#: Without it, what is open is known from the policy alone.
NETWORK_FACTS = ("Microsoft.Network/networkSecurityGroups/read",)
#: Without it, nobody is named who edited a JIT policy or took a rule away.
ACTIVITY_LOG = ("Microsoft.Insights/eventtypes/values/read",)
#: Without these no alert can be read.
ALERTS = ("Microsoft.Security/alerts/read", "Microsoft.Security/locations/alerts/read")
#: Without these a decision about an alert stays in Sekisho. (`inProgress` has no right of its own.)
ALERT_STATES = (
    "Microsoft.Security/locations/alerts/activate/action",
    "Microsoft.Security/locations/alerts/dismiss/action",
    "Microsoft.Security/locations/alerts/resolve/action",
)
#: The optional role by which a port can be closed before its end.
EARLY_CLOSE = ("Microsoft.Network/networkSecurityGroups/securityRules/delete",)


class Permission(msgspec.Struct, rename="camel", frozen=True):
    """One role's actions at a scope, as Azure lists them."""

    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None

    def grants(self, action: str) -> bool:
        """Whether this role allows the action (`*` stands for any text, case does not count)."""
        return _any(self.actions, action) and not _any(self.not_actions, action)


class Rights:
    """Reads what our identity may do at a scope."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def missing_rights(
        self, subscription: str, actions: Iterable[str], *, group: str | None = None
    ) -> tuple[str, ...]:
        """The actions that no role of ours grants at the subscription (or one group of it)."""
        scope = f"/subscriptions/{bare_subscription_id(subscription)}"
        if group is not None:
            scope = f"{scope}/resourceGroups/{group}"
        path = f"{scope}/providers/Microsoft.Authorization/permissions"
        reader = Reader()
        permissions = [
            permission
            async for body in self._clients.pages(path, PERMISSIONS_VERSION)
            for permission in reader.each(page_of(body).items, Permission)
        ]
        return missing(actions, permissions)


def missing(actions: Iterable[str], permissions: Iterable[Permission]) -> tuple[str, ...]:
    """The actions that none of the roles grants. Pure."""
    roles = tuple(permissions)
    return tuple(action for action in actions if not any(role.grants(action) for role in roles))


def _any(patterns: tuple[str, ...] | None, action: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE)
        for pattern in patterns or ()
    )
