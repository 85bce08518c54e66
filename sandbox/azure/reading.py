"""Answers about subscriptions, machines and their network."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

from sandbox.azure import compute, network
from sandbox.azure.call import Answer, Call, page_answer
from sandbox.azure.errors import unknown_group, unknown_resource
from sandbox.azure.rights import Rights
from sandbox.azure.state import AzureState
from sandbox.azure.wire import Json, fold
from sandbox.world.model import SecurityGroup, SecurityRule, VirtualMachine


class Reading:
    """One method per route; `settle` is how long Azure takes to delete a rule."""

    def __init__(
        self, state: AzureState, rights: Rights, *, tenant_id: str, page_size: int
    ) -> None:
        self._state = state
        self._rights = rights
        self._tenant_id = tenant_id
        self.page_size = page_size
        self.settle = timedelta()

    # Subscriptions

    def subscriptions(self, call: Call) -> Answer:
        """GET /subscriptions."""
        items = list(self._state.subscriptions.values())
        found = page_answer(
            call, items, lambda s: compute.subscription_body(s, self._tenant_id),
            size=self.page_size,
        )  # fmt: skip
        count = {"count": {"type": "Total", "value": len(items)}}
        return replace(found, body={**found.body, **count} if isinstance(found.body, dict) else {})

    def subscription(self, call: Call) -> Answer:
        """GET one subscription."""
        subscription = self._state.subscriptions[call.subscription_id]
        return Answer(200, compute.subscription_body(subscription, self._tenant_id))

    def permissions(self, call: Call) -> Answer:
        """GET …/Microsoft.Authorization/permissions of a subscription or group."""
        scope = call.path.rpartition("/providers/")[0]
        return Answer(200, self._rights.permissions(scope))

    def locations(self, call: Call) -> Answer:
        """GET the region in which Defender for Cloud keeps the data."""
        return Answer(200, {"value": [compute.location_body(call.subscription_id, _HOME)]})

    def location(self, call: Call) -> Answer:
        """GET that region by name."""
        if call.parts["name"].lower() != _HOME:
            raise unknown_resource("Microsoft.Security/locations", call.parts["name"], "")
        return Answer(200, compute.location_body(call.subscription_id, _HOME))

    # Machines

    def machines(self, call: Call) -> Answer:
        """GET the machines of a subscription or group, page by page."""
        items = self._machines_in(call)
        with_view = call.query.get("statusOnly", "").lower() == "true"
        return page_answer(
            call, items, lambda vm: compute.machine_body(vm, with_view=with_view),
            size=self.page_size,
        )  # fmt: skip

    def machine(self, call: Call) -> Answer:
        """GET one machine, with its instance view where asked for."""
        with_view = call.query.get("$expand", "").lower() == "instanceview"
        return Answer(200, compute.machine_body(self._machine(call), with_view=with_view))

    def instance_view(self, call: Call) -> Answer:
        """GET a machine's instance view alone."""
        return Answer(200, compute.instance_view(self._machine(call)))

    def arc_machines(self, call: Call) -> Answer:
        """GET the machines that Azure Arc joined."""
        items = [
            m
            for m in self._state.estate.arc_machines
            if m.subscription_id.lower() == call.subscription_id
        ]
        return page_answer(call, items, compute.arc_body, size=self.page_size)

    # Network

    def interface(self, call: Call) -> Answer:
        """GET a network interface."""
        vm_key = self._state.by_nic.get(fold(call.path))
        return Answer(200, network.interface_body(self._owner(call, vm_key)))

    def public_ip(self, call: Call) -> Answer:
        """GET a public address."""
        vm_key = self._state.by_public_ip.get(fold(call.path))
        return Answer(200, network.public_ip_body(self._owner(call, vm_key)))

    def security_groups(self, call: Call) -> Answer:
        """GET the security groups of a subscription or group."""
        wanted = call.parts.get("group")
        items = [
            group
            for group in self._state.groups.values()
            if group.subscription_id.lower() == call.subscription_id
            and (wanted is None or group.resource_group.lower() == wanted.lower())
        ]
        return page_answer(call, items, lambda g: self._group_body(g, call), size=self.page_size)

    def security_group(self, call: Call) -> Answer:
        """GET a security group with its rules."""
        return Answer(200, self._group_body(self._group(call), call))

    def rules(self, call: Call) -> Answer:
        """GET a security group's rules."""
        group = self._group(call)
        return page_answer(
            call, self._rules(group, call), lambda r: network.rule_body(group, r),
            size=self.page_size,
        )  # fmt: skip

    def rule(self, call: Call) -> Answer:
        """GET one rule."""
        group, name = self._group(call), call.parts["rule"]
        for rule in self._rules(group, call):
            if rule.name.lower() == name.lower():
                return Answer(200, network.rule_body(group, rule))
        raise unknown_resource(f"{network.GROUPS}/securityRules", name, group.resource_group)

    def delete_rule(self, call: Call) -> Answer:
        """DELETE a rule: 202 and gone a moment later, 204 when there was none."""
        group = self._group(call)
        at = call.now + self.settle
        if not self._state.rule_deleted(fold(group.id), call.parts["rule"], at=at):
            return Answer(204)
        operation = (
            f"{call.base_url}/subscriptions/{group.subscription_id}/providers/Microsoft.Network"
            f"/locations/{group.location}/operations/{uuid.uuid4()}"
            f"?api-version={call.query['api-version']}"
        )
        return Answer(202, None, {"Azure-AsyncOperation": operation, "Retry-After": "1"})

    def operation(self, call: Call) -> Answer:
        """GET what became of a deletion."""
        return Answer(200, {"status": "Succeeded"})

    def _rules(self, group: SecurityGroup, call: Call) -> list[SecurityRule]:
        return self._state.rules(fold(group.id), now=call.now)

    def _group_body(self, group: SecurityGroup, call: Call) -> Json:
        guarded = self._state.guarded_by(fold(group.id))
        return network.group_body(group, self._rules(group, call), guarded)

    def _group(self, call: Call) -> SecurityGroup:
        # The id ends before /securityRules, where the path goes on.
        key = fold("/".join(call.path.split("/")[:9]))
        group = self._state.group(key)
        if group is None:
            raise unknown_resource(network.GROUPS, call.parts["name"], call.parts["group"])
        return group

    def _machine(self, call: Call) -> VirtualMachine:
        vm_key = fold("/".join(call.path.split("/")[:9]))
        return self._owner(call, vm_key)

    def _owner(self, call: Call, vm_key: str | None) -> VirtualMachine:
        vm = self._state.machines.get(vm_key or "")
        if vm is None:
            self._require_group(call)
            kind = "/".join(call.path.split("/")[6:8])
            raise unknown_resource(kind, call.parts["name"], call.parts["group"])
        return vm

    def _machines_in(self, call: Call) -> list[VirtualMachine]:
        wanted = call.parts.get("group")
        if wanted is not None:
            self._require_group(call)
        return [
            vm
            for vm in self._state.machines_of(call.subscription_id)
            if wanted is None or vm.resource_group.lower() == wanted.lower()
        ]

    def _require_group(self, call: Call) -> None:
        group = call.parts["group"]
        if (call.subscription_id, group.lower()) not in self._state.resource_groups:
            raise unknown_group(group)


_HOME = "japaneast"
