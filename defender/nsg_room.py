"""Where JIT will write its deny rules: a machine's security groups, and what is free in them."""

from __future__ import annotations

from dataclasses import dataclass

from defender.decode_network import SecurityGroup, concerns
from defender.errors import AzureForbidden, AzureNotFound
from defender.network import NetworkGateway
from defender.records import Machine
from defender.resources import ResourceId
from defender.versions import COMPUTE_VERSION

#: Azure's lowest priority for a rule of one's own; JIT's denies were seen there and upward.
LAST_PRIORITY = 4096


@dataclass(frozen=True, slots=True)
class NsgRoom:
    """One group in force around a machine; `denied` are the ports that JIT keeps shut already."""

    nsg_id: ResourceId
    priorities: frozenset[int]
    denied: frozenset[int] = frozenset()


class NsgRooms(NetworkGateway):
    """Reads groups with the priorities of all their inbound rules."""

    async def rooms(self, machine: Machine) -> tuple[NsgRoom, ...] | None:
        """Every group around the machine; () where it has none, None where they can't be read."""
        try:
            interfaces = await self._interfaces(machine)
            groups = await self._groups(machine, interfaces)
        except (AzureForbidden, AzureNotFound):
            return None
        addresses = [ip for interface in interfaces for ip in interface.private_ips]
        return tuple(
            NsgRoom(group.nsg_id, group.inbound_priorities, _denied(group, machine, addresses))
            for group in groups
        )

    async def is_gone(self, machine: Machine) -> bool:
        """Whether Azure says that there is no such machine; without the right it says otherwise."""
        try:
            await self._clients.get(machine.resource_id, COMPUTE_VERSION)
        except AzureNotFound:
            return True
        return False


def _denied(group: SecurityGroup, machine: Machine, addresses: list[str]) -> frozenset[int]:
    """Ports of this machine for which the group has JIT's deny rule."""
    return frozenset(
        int(part)
        for rule in group.jit_rules
        if not rule.is_allow and concerns(rule, vm_name=machine.name, private_ips=addresses)
        for part in rule.port.split(",")
        if part.isdecimal()
    )


def free_priority(taken: frozenset[int] | set[int]) -> int:
    """The highest number that no inbound rule has: where JIT puts its next deny."""
    return next((n for n in range(LAST_PRIORITY, 99, -1) if n not in taken), 0)
