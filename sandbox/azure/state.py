"""What Azure holds: machines, groups, policies and every JIT request so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.azure import jit, nsg
from sandbox.azure.errors import linked_not_authorized, not_a_subset, unknown_policy
from sandbox.azure.jit import AskedPort, Initiate, Opening
from sandbox.azure.policies import policy_id
from sandbox.azure.wire import fold
from sandbox.world.model import (
    Estate,
    JitEntry,
    JitPolicy,
    PowerState,
    SecurityGroup,
    SecurityRule,
    VirtualMachine,
)

INITIATE = "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action"
#: The first port that the Azure Firewall maps to a machine behind it.
_FIRST_MAPPED_PORT = 13890


class AzureState:
    """Every change goes through here; what is read is computed for the instant it is read at."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.subscriptions = {s.id.lower(): s for s in estate.subscriptions}
        self.machines = {fold(vm.id): vm for vm in estate.machines}
        self.groups = {fold(group.id): group for group in estate.security_groups}
        self.policies = {fold(policy_id(policy)): policy for policy in estate.policies}
        self.openings: list[Opening] = []
        self._updating_until: dict[str, datetime] = {}
        self._of_vm: dict[str, list[int]] = defaultdict(list)
        self._of_policy: dict[str, list[int]] = defaultdict(list)
        self._requests = 0
        self._entries: dict[str, list[tuple[JitPolicy, JitEntry]]] | None = None
        self._removed: set[tuple[str, str]] = set()
        self._guarded: dict[str, list[str]] = defaultdict(list)
        self._of_subscription: dict[str, dict[str, None]] = defaultdict(dict)
        self.by_nic = {fold(vm.nic_id): fold(vm.id) for vm in estate.machines}
        self.by_public_ip = {
            fold(vm.public_ip_id): fold(vm.id) for vm in estate.machines if vm.public_ip_id
        }
        for key, vm in self.machines.items():
            self._of_subscription[vm.subscription_id.lower()][key] = None
            if vm.nsg_id is not None:
                self._guarded[fold(vm.nsg_id)].append(key)
        self.resource_groups = {
            (found.subscription_id.lower(), found.resource_group.lower())
            for part in (estate.machines, estate.security_groups, estate.policies)
            for found in part
        }

    # Machines

    def machines_of(self, subscription_id: str) -> list[VirtualMachine]:
        """Those of a subscription, in a stable order."""
        keys = self._of_subscription.get(subscription_id, {})
        return [self.machines[key] for key in keys]

    def machines_named(self, name: str) -> list[VirtualMachine]:
        """Those of this name, whatever their group."""
        return [vm for vm in self.machines.values() if vm.name.lower() == name.lower()]

    def set_power(self, vm_id: str, state: PowerState | None) -> None:
        """Start or stop a machine."""
        self.machines[fold(vm_id)] = replace(self.machines[fold(vm_id)], power_state=state)

    def delete_machine(self, vm_id: str) -> None:
        """Delete a machine; its entry stays in its policy, as in life."""
        vm = self.machines.pop(fold(vm_id))
        del self._of_subscription[vm.subscription_id.lower()][fold(vm_id)]
        if vm.nsg_id is not None:
            self._guarded[fold(vm.nsg_id)].remove(fold(vm_id))

    # Policies

    def put_policy(self, policy: JitPolicy, *, now: datetime, settle: timedelta) -> None:
        """Replace the policy; machines that it no longer names lose their rules."""
        key = fold(policy_id(policy))
        kept = {fold(entry.vm_id) for entry in policy.entries}
        self.policies[key] = policy
        self._entries = None
        self._updating_until[key] = now + settle
        self._withdraw(
            (n for n in self._of_policy[key] if self.openings[n].vm_key not in kept), now
        )
        for vm_key in kept:
            vm = self.machines.get(vm_key)
            if vm is not None and vm.nsg_id is not None:
                names = {(fold(vm.nsg_id), rule.name.lower()) for rule in self._denies(vm)}
                self._removed -= names

    def delete_policy(self, key: str, *, now: datetime) -> bool:
        """Delete the policy and its rules; False when it was not there."""
        if self.policies.pop(key, None) is None:
            return False
        self._entries = None
        self._withdraw(self._of_policy[key], now)
        return True

    def is_updating(self, key: str, now: datetime) -> bool:
        """Whether the policy was written a moment ago."""
        return now < self._updating_until.get(key, now)

    def requests_of(self, key: str) -> list[list[Opening]]:
        """The policy's requests, oldest first, for machines that it still names."""
        policy = self.policies[key]
        named = {fold(entry.vm_id) for entry in policy.entries}
        found: dict[int, list[Opening]] = defaultdict(list)
        for number in self._of_policy[key]:
            opening = self.openings[number]
            if opening.vm_key in named:
                found[opening.request_number].append(opening)
        return list(found.values())

    def entries_of(self, vm_key: str) -> list[tuple[JitPolicy, JitEntry]]:
        """Every policy's entry for a machine."""
        if self._entries is None:
            self._entries = defaultdict(list)
            for policy in self.policies.values():
                for entry in policy.entries:
                    self._entries[fold(entry.vm_id)].append((policy, entry))
        return self._entries.get(vm_key, [])

    # Requests

    def initiate(
        self,
        key: str,
        request: Initiate,
        *,
        caller: str,
        requestor: str,
        now: datetime,
        settle: timedelta,
    ) -> list[Opening]:
        """Accept a request or raise Azure's refusal; nothing is changed by one that is refused."""
        asked = jit.asked_ports(request, caller=caller, now=now)
        self._require_ours(asked, scope=key)
        policy = self.policies.get(key)
        if policy is None:
            raise unknown_policy(key.rpartition("/")[2])
        for port in asked:
            entry = _entry(policy, port.vm_id)
            jit.require_subset(port, entry.ports, policy_id=policy_id(policy), now=now)
        self._requests += 1
        return [
            self._open(
                policy, port, now=now, settle=settle, requestor=requestor,
                justification=request.justification,
            )
            for port in asked
        ]  # fmt: skip

    def rule_deleted(self, nsg_key: str, rule_name: str, *, at: datetime) -> bool:
        """Delete a rule that JIT wrote; False when there is none of that name."""
        if not any(r.name.lower() == rule_name.lower() for r in self.rules(nsg_key, now=at)):
            return False
        for number, opening in enumerate(self.openings):
            if opening.rule_name.lower() == rule_name.lower():
                self.openings[number] = replace(opening, rule_deleted_at=at)
                return True
        self._removed.add((nsg_key, rule_name.lower()))
        return True

    # Rules

    def open_now(self, now: datetime) -> list[Opening]:
        """The openings whose rule stands in the security group."""
        return [
            opening
            for opening in self.openings
            if jit.is_open(opening, now) and self._is_guarded(opening.vm_key)
        ]

    def rules(self, nsg_key: str, *, now: datetime) -> list[SecurityRule]:
        """Every rule of a group: people's own, JIT's deny rules, JIT's allow rules."""
        group = self.groups[nsg_key]
        found = list(group.rules)
        priority = nsg.LAST_DENY
        for vm_key in self._guarded[nsg_key]:
            vm = self.machines[vm_key]
            for rule in self._denies(vm, first=priority):
                priority -= 1
                found.append(rule)
            found += [
                nsg.allow_rule(vm, opening, opening.policy_id.rpartition("/")[2])
                for opening in map(self.openings.__getitem__, self._of_vm[vm_key])
                if jit.is_open(opening, now)
            ]
        return [r for r in found if (nsg_key, r.name.lower()) not in self._removed]

    def guarded_by(self, nsg_key: str) -> list[VirtualMachine]:
        """The machines behind a group."""
        return [self.machines[key] for key in self._guarded[nsg_key]]

    def group(self, nsg_key: str) -> SecurityGroup | None:
        """The group itself."""
        return self.groups.get(nsg_key)

    def _denies(self, vm: VirtualMachine, *, first: int = nsg.LAST_DENY) -> list[SecurityRule]:
        ports = {
            port.number: (port, policy.name)
            for policy, entry in self.entries_of(fold(vm.id))
            for port in entry.ports
        }
        return [
            nsg.deny_rule(vm, port, name, priority=first - index)
            for index, (port, name) in enumerate(ports.values())
        ]

    def _is_guarded(self, vm_key: str) -> bool:
        vm = self.machines.get(vm_key)
        return vm is not None and vm.nsg_id is not None

    def _require_ours(self, asked: Iterable[AskedPort], *, scope: str) -> None:
        """Resource Manager checks the ids in a body before the provider sees it."""
        for port in asked:
            parts = port.vm_id.split("/")
            is_machine = len(parts) == 9 and "/".join(parts[5:8]).lower() == (
                "providers/microsoft.compute/virtualmachines"
            )
            linked = parts[2] if len(parts) > 2 else port.vm_id
            if not is_machine or linked.lower() not in self.subscriptions:
                raise linked_not_authorized(INITIATE, scope, linked)

    def _open(
        self,
        policy: JitPolicy,
        asked: AskedPort,
        *,
        now: datetime,
        settle: timedelta,
        requestor: str,
        justification: str | None,
    ) -> Opening:
        vm_key, key, number = fold(asked.vm_id), fold(policy_id(policy)), len(self.openings)
        for older in self._of_vm[vm_key]:
            if jit.supersedes(asked, self.openings[older], now):
                self.openings[older] = replace(self.openings[older], superseded_at=now)
        is_mapped = _entry(policy, asked.vm_id).public_ip is not None
        opening = Opening(
            number=number,
            policy_id=policy_id(policy),
            asked=asked,
            starts_at=now,
            settles_at=now + settle,
            requestor=requestor,
            justification=justification,
            request_number=self._requests,
            priority=self._priority(vm_key, now),
            rule_name=nsg.allow_name(vm_key, asked.number, number),
            mapped_port=_FIRST_MAPPED_PORT + number if is_mapped else None,
        )
        self.openings.append(opening)
        self._of_vm[vm_key].append(number)
        self._of_policy[key].append(number)
        return opening

    def _priority(self, vm_key: str, now: datetime) -> int:
        vm = self.machines.get(vm_key)
        if vm is None or vm.nsg_id is None:
            return nsg.FIRST_ALLOW
        nsg_key = fold(vm.nsg_id)
        taken = {rule.priority for rule in self.groups[nsg_key].rules}
        for guarded in self._guarded[nsg_key]:
            for opening in map(self.openings.__getitem__, self._of_vm[guarded]):
                if jit.status_of(opening, now)[0] != "Revoked":
                    taken.add(opening.priority)
        return nsg.free_priority(taken)

    def _withdraw(self, numbers: Iterable[int], now: datetime) -> None:
        for number in numbers:
            if jit.status_of(self.openings[number], now)[0] != "Revoked":
                self.openings[number] = replace(self.openings[number], withdrawn_at=now)


def _entry(policy: JitPolicy, vm_id: str) -> JitEntry:
    for entry in policy.entries:
        if fold(entry.vm_id) == fold(vm_id):
            return entry
    raise not_a_subset(policy_id(policy))
