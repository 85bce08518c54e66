"""Azure: who we are, which subscriptions we see, and which rights are missing at which scope."""

from __future__ import annotations

from bot.doctor.report import Report
from bot.settings import Settings
from defender.clients import AzureClients
from defender.errors import AzureError, AzureForbidden, AzureRefused
from defender.inventory import Inventory
from defender.jit import JitGateway
from defender.records import Subscription
from defender.rights import (
    ACTIVITY_LOG,
    ALERT_STATES,
    ALERTS,
    EARLY_CLOSE,
    NETWORK_FACTS,
    REQUIRED,
    Rights,
)

#: Resource groups that are asked for a role which the subscription lacks; each is one call.
GROUPS_MAX = 10


async def check(report: Report, settings: Settings) -> None:
    """One line for the identity, then each subscription of the settings."""
    async with AzureClients(settings.azure) as clients:
        inventory = Inventory(clients)
        try:
            visible = await inventory.subscriptions()
        except AzureError as error:
            key = "azure_identity" if error.code == "NoCredential" else "azure_unreachable"
            report.mend(key, reason=error)
            return
        report.good("azure_good", n=len(visible))
        seen = {subscription.id for subscription in visible}
        for missing in (bare for bare in settings.azure.subscriptions if bare not in seen):
            report.mend("subscription_unseen", subscription=missing)
        for subscription in visible:
            await _Subscription(report, settings, clients, subscription).check()


class _Subscription:
    def __init__(
        self, report: Report, settings: Settings, clients: AzureClients, found: Subscription
    ) -> None:
        self._report = report
        self._settings = settings
        self._rights = Rights(clients)
        self._inventory = Inventory(clients)
        self._jit = JitGateway(clients)
        self._id = found.id
        self._name = found.name or found.id

    async def check(self) -> None:
        before = self._report.to_mend
        try:
            await self._required()
            await self._optional()
            await self._alerts()
            await self._policies()
        except AzureForbidden as error:
            self._forbidden(error)
        except AzureError as error:
            self._report.mend("subscription_call", name=self._name, reason=error)
        if self._report.to_mend == before:
            self._report.good("subscription_good", name=self._name)

    async def _required(self) -> None:
        missing = await self._rights.missing_rights(self._id, REQUIRED)
        if not missing:
            return
        group = await self._group_with(missing)
        if group is not None:
            # The portal then speaks of an upgrade; what is wrong is the scope (C108).
            self._report.mend(
                "right_scope", name=self._name, subscription=self._id, group=group,
                actions=", ".join(missing),
            )  # fmt: skip
            return
        for action in missing:
            self._report.mend("right", name=self._name, action=action, scope=self._scope)

    async def _group_with(self, actions: tuple[str, ...]) -> str | None:
        """A resource group at which the missing actions are granted."""
        try:
            machines = await self._inventory.machines(self._id)
        except AzureRefused:
            return None
        groups = list(dict.fromkeys(machine.resource_group for machine in machines))
        for group in groups[:GROUPS_MAX]:
            if not await self._rights.missing_rights(self._id, actions, group=group):
                return group
        return None

    async def _optional(self) -> None:
        facts = await self._rights.missing_rights(self._id, NETWORK_FACTS)
        if facts:
            self._report.note("right_facts", name=self._name, action=facts[0], scope=self._scope)
        for action in await self._rights.missing_rights(self._id, ACTIVITY_LOG):
            self._report.note("right_callers", name=self._name, action=action, scope=self._scope)
        if "nsg_rule" not in self._settings.early_close:
            return
        early = await self._rights.missing_rights(self._id, EARLY_CLOSE)
        if early:
            self._report.mend("right_early", name=self._name, action=early[0], scope=self._scope)

    async def _alerts(self) -> None:
        if self._settings.feeds.alerts is None:
            return
        for action in await self._rights.missing_rights(self._id, ALERTS):
            self._report.mend("right", name=self._name, action=action, scope=self._scope)
        for action in await self._rights.missing_rights(self._id, ALERT_STATES):
            self._report.note("right_alerts", name=self._name, action=action, scope=self._scope)

    async def _policies(self) -> None:
        """A right on paper and Azure's own opinion may differ: the plan, a policy of the tenant."""
        found = await self._jit.policies(self._id)
        if not found.policies:
            self._report.note("no_policies", name=self._name)

    def _forbidden(self, error: AzureForbidden) -> None:
        if error.is_plan:
            self._report.mend("plan", name=self._name, reason=error.message)
            return
        self._report.mend(
            "right", name=self._name, action=error.action or error.message,
            scope=error.scope or self._scope,
        )  # fmt: skip

    @property
    def _scope(self) -> str:
        return f"/subscriptions/{self._id}"
