"""The network around a machine: its addresses and the rules that JIT wrote."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Protocol

from defender.clients import AzureClients
from defender.decode_compute import machine_of
from defender.decode_network import (
    Interface,
    SecurityGroup,
    concerns,
    interface_of,
    public_ip_of,
    security_group_of,
    subnets_of,
)
from defender.errors import AzureForbidden, AzureNotFound
from defender.records import Addresses, Machine, NsgRule
from defender.resources import ResourceId, fold
from defender.versions import COMPUTE_VERSION, NETWORK_VERSION

__all__ = ["Addresses", "Network", "NetworkGateway", "NsgRule"]
#: A deletion is answered (or handed to a background operation) within seconds.
_DELETE_DEADLINE = timedelta(seconds=20)
#: Which group a subnet has changes rarely; the list that tells it can be megabytes.
_SUBNETS_KEPT = timedelta(minutes=10)
#: Azure allows 8 interfaces on its largest machines.
_INTERFACES_MAX = 8


class Network(Protocol):
    """What opening and closing need of the network; `NetworkGateway` is the real one."""

    async def jit_rules(self, machine: Machine) -> tuple[NsgRule, ...] | None:
        """JIT's rules about this machine, None without the right to read them."""

    async def delete_rule(self, rule: NsgRule) -> None:
        """Delete one rule; gone already is success, acceptance is not proof: read it back."""

    async def addresses(self, machine: Machine) -> Addresses:
        """Where the machine can be reached."""


class NetworkGateway:
    """Interfaces, public addresses and security groups over Resource Manager."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients
        self._subnet_groups: dict[str, tuple[str | None, float]] = {}

    async def jit_rules(self, machine: Machine) -> tuple[NsgRule, ...] | None:
        """JIT's rules about this machine, None where its security groups can't be read.

        JIT writes into the interface's group, the subnet's, or both.
        """
        try:
            interfaces = await self._interfaces(machine)
            groups = await self._groups(machine, interfaces)
        except (AzureForbidden, AzureNotFound):
            return None
        if not groups:
            return None  # no group found is no proof that no rule exists
        addresses = [ip for interface in interfaces for ip in interface.private_ips]
        return tuple(
            rule
            for group in groups
            for rule in group.jit_rules
            if concerns(rule, vm_name=machine.name, private_ips=addresses)
        )

    async def delete_rule(self, rule: NsgRule) -> None:
        """Delete one rule; gone already is success, acceptance is not proof: read it back."""
        try:
            await self._clients.delete(
                f"{rule.nsg_id}/securityRules/{rule.name}",
                NETWORK_VERSION,
                deadline=_DELETE_DEADLINE,
            )
        except AzureNotFound:
            return

    async def addresses(self, machine: Machine) -> Addresses:
        """Where the machine can be reached; None for what it lacks or we may not read."""
        try:
            interfaces = await self._interfaces(machine)
        except (AzureForbidden, AzureNotFound):
            return Addresses(None, None)
        private = tuple(ip for interface in interfaces for ip in interface.private_ips)
        public = tuple(
            [
                ip
                for interface in interfaces
                for ip_id in interface.public_ip_ids
                if (ip := await self._public_ip(ip_id)) is not None
            ]
        )
        return Addresses(
            public_ip=next(iter(public), None),
            private_ip=next(iter(private), None),
            all_private=private,
            all_public=public,
        )

    async def group_ids(self, machine: Machine) -> tuple[ResourceId, ...]:
        """The security groups in force around the machine; none where they can't be read."""
        try:
            groups = await self._groups(machine, await self._interfaces(machine))
        except (AzureForbidden, AzureNotFound):
            return ()
        return tuple(group.nsg_id for group in groups)

    async def _interfaces(self, machine: Machine) -> list[Interface]:
        ids = machine.network_interface_ids or await self._interface_ids(machine)
        found = [
            interface_of(await self._clients.get(nic_id, NETWORK_VERSION))
            for nic_id in ids[:_INTERFACES_MAX]
        ]
        return sorted(found, key=lambda interface: not interface.is_primary)

    async def _interface_ids(self, machine: Machine) -> tuple[str, ...]:
        """From the machine itself, where the caller knows no more than its id."""
        body = await self._clients.get(machine.resource_id, COMPUTE_VERSION)
        read = machine_of(body, subscription_name=machine.subscription_name)
        return read.network_interface_ids

    async def _groups(self, machine: Machine, interfaces: list[Interface]) -> list[SecurityGroup]:
        ids = {fold(i.nsg_id): i.nsg_id for i in interfaces if i.nsg_id}
        found = {
            key: security_group_of(await self._clients.get(nsg_id, NETWORK_VERSION))
            for key, nsg_id in ids.items()
        }
        for subnet in {fold(subnet) for i in interfaces for subnet in i.subnet_ids}:
            nsg_id = await self._subnet_group(machine, subnet)
            if nsg_id is not None and fold(nsg_id) not in found:
                body = await self._clients.get(nsg_id, NETWORK_VERSION)
                found[fold(nsg_id)] = security_group_of(body)
        return list(found.values())

    async def _subnet_group(self, machine: Machine, subnet: str) -> str | None:
        """The group in force on a subnet: only the groups themselves tell, within our role."""
        now = time.monotonic()
        known = self._subnet_groups.get(subnet)
        if known is not None and now < known[1]:
            return known[0]
        path = (
            f"/subscriptions/{machine.subscription_id}"
            "/providers/Microsoft.Network/networkSecurityGroups"
        )
        until = now + _SUBNETS_KEPT.total_seconds()
        found: dict[str, tuple[str | None, float]] = {subnet: (None, until)}
        async for body in self._clients.pages(path, NETWORK_VERSION):
            for nsg_id, subnets in subnets_of(body):
                found.update(dict.fromkeys(subnets, (nsg_id, until)))
        self._subnet_groups.update(found)  # whole or not at all: others read it meanwhile
        return found[subnet][0]

    async def _public_ip(self, ip_id: str) -> str | None:
        try:
            return public_ip_of(await self._clients.get(ip_id, NETWORK_VERSION))
        except (AzureForbidden, AzureNotFound):
            return None
