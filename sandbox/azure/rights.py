"""What the bot's identity may do: one custom role whose parts a test or the director takes away."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.azure.wire import Json

#: The role as the product asks for it; `*/read` of interfaces covers what belongs to them.
OPERATOR = (
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/instanceView/read",
    "Microsoft.HybridCompute/machines/read",
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Network/publicIPAddresses/read",
    "Microsoft.Network/locations/operations/read",
    "Microsoft.Security/locations/read",
    "Microsoft.Security/locations/jitNetworkAccessPolicies/read",
    "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action",
    "Microsoft.Security/locations/jitNetworkAccessPolicies/write",
    "Microsoft.Security/locations/jitNetworkAccessPolicies/delete",
    "Microsoft.Security/alerts/read",
    "Microsoft.Security/locations/alerts/read",
    "Microsoft.Security/locations/alerts/activate/action",
    "Microsoft.Security/locations/alerts/dismiss/action",
    "Microsoft.Security/locations/alerts/resolve/action",
    "Microsoft.OperationalInsights/workspaces/read",
    "Microsoft.OperationalInsights/workspaces/query/read",
    "Microsoft.OperationalInsights/workspaces/query/*/read",
    "Microsoft.Insights/eventtypes/values/read",
    "Microsoft.Authorization/permissions/read",
)
SIMULATE = ("Microsoft.Security/locations/alerts/simulate/action",)
#: Nobody can choose `inProgress/action` in a role: it comes with this wildcard alone.
ALERTS_WILDCARD = ("Microsoft.Security/locations/alerts/*",)
NSG_READ = (
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.Network/networkSecurityGroups/securityRules/read",
)
NSG_DELETE = ("Microsoft.Network/networkSecurityGroups/securityRules/delete",)
#: Always there, else nobody could see what is missing.
_BASIC = ("Microsoft.Authorization/permissions/read",)
#: No role grants these: a query needs nothing but the right to read what it finds.
FREE = frozenset({"Microsoft.ResourceGraph/resources/read", "LogAnalytics.Query"})
#: Microsoft Graph's rights are the tenant's, not Azure's; an administrator consents to them.
SECURITY_GRAPH = (
    "SecurityAlert.Read.All",
    "SecurityAlert.ReadWrite.All",
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
)


@dataclass(frozen=True, slots=True)
class Denial:
    """An action refused at a scope and below."""

    action: str
    scope: str


class Rights:
    """The flags switch the optional parts; `deny` takes single actions away."""

    def __init__(self) -> None:
        self.nsg_read = True
        self.nsg_delete = True
        self.simulate = True
        #: Whether alerts may be set in progress.
        self.alerts_wildcard = False
        #: Whether an administrator consented to Microsoft Graph.
        self.security_graph = True
        self._denials: list[Denial] = []

    def deny(self, action: str, scope: str = "/") -> None:
        """Refuse an action at a scope (an id, or "/" for everywhere)."""
        self._denials.append(Denial(action.lower(), scope.rstrip("/").lower()))

    def allow(self, action: str) -> None:
        """Take back every denial of an action."""
        self._denials = [d for d in self._denials if d.action != action.lower()]

    def clear(self) -> None:
        """Every right is back."""
        self.nsg_read = self.nsg_delete = self.simulate = self.security_graph = True
        self.alerts_wildcard = False
        self._denials.clear()

    def may(self, action: str, scope: str) -> bool:
        """Whether the action is allowed at this scope."""
        wanted, at = action.lower(), scope.lower()
        if action in FREE:
            return True
        if action in SECURITY_GRAPH:
            return self.security_graph and not any(d.action == wanted for d in self._denials)
        if not any(_grants(granted.lower(), wanted) for granted in self.actions(at)):
            return False
        return not any(d.action == wanted and _within(at, d.scope) for d in self._denials)

    def actions(self, scope: str) -> tuple[str, ...]:
        """What the roles grant at a scope."""
        granted = (
            *OPERATOR,
            *(NSG_READ if self.nsg_read else ()),
            *(NSG_DELETE if self.nsg_delete else ()),
            *(SIMULATE if self.simulate else ()),
            *(ALERTS_WILDCARD if self.alerts_wildcard else ()),
        )
        denied = {d.action for d in self._denials if _within(scope.lower(), d.scope)}
        return tuple(a for a in granted if a in _BASIC or a.lower() not in denied)

    def permissions(self, scope: str) -> Json:
        """The answer of Microsoft.Authorization/permissions."""
        return {
            "value": [
                {
                    "actions": list(self.actions(scope)),
                    "notActions": [],
                    "dataActions": [],
                    "notDataActions": [],
                }
            ]
        }


def _grants(granted: str, wanted: str) -> bool:
    """A role's action may hold one `*`, which stands for anything."""
    before, star, after = granted.partition("*")
    if not star:
        return granted == wanted
    return wanted.startswith(before) and wanted.endswith(after)


def _within(scope: str, outer: str) -> bool:
    return not outer or scope == outer or scope.startswith(f"{outer}/")
