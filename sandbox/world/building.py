"""Building an estate machine by machine, with addresses, interfaces and groups that agree."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import timedelta

from sandbox.world.model import (
    ArcMachine,
    Estate,
    JitEntry,
    JitPolicy,
    JitPort,
    OsType,
    PowerState,
    SecurityGroup,
    SecurityRule,
    Subscription,
    VirtualMachine,
    resource_id,
)

HTTPS_RULE = SecurityRule(
    "AllowHttpsInbound", 300, "Allow", "443", ("Internet",), protocol="Tcp",
    description="The shop's front door.",
)  # fmt: skip


class EstateBuilder:
    """Collects machines and policies; `estate()` is what they add up to."""

    def __init__(self, subscriptions: tuple[Subscription, ...]) -> None:
        self._subscriptions = subscriptions
        self._machines: list[VirtualMachine] = []
        self._groups: dict[str, SecurityGroup] = {}
        self._policies: dict[tuple[str, str, str, str], list[JitEntry]] = {}
        self._arc: list[ArcMachine] = []
        self._private = iter(ipaddress.ip_network("10.0.0.0/8").hosts())
        self._public = iter(ipaddress.ip_network("198.51.100.0/24").hosts())

    def machine(
        self,
        subscription_id: str,
        group: str,
        location: str,
        name: str,
        *,
        os_type: OsType = "Linux",
        ports: tuple[JitPort, ...] = (),
        policy: str = "default",
        tags: Mapping[str, str] | None = None,
        power_state: PowerState | None = "running",
        is_public: bool = False,
        firewall_ip: str | None = None,
        shared_nsg: str | None = None,
        has_nsg: bool = True,
        rules: tuple[SecurityRule, ...] = (),
        shouted_in_policy: bool = False,
    ) -> VirtualMachine:
        """Add a machine, its interface and group; with `ports` it joins a policy."""

        def of(kind: str, suffix: str) -> str:
            return resource_id(subscription_id, group, f"Microsoft.Network/{kind}", suffix)

        nsg_name = shared_nsg or f"{name}-nsg"
        nsg_id = of("networkSecurityGroups", nsg_name) if has_nsg else None
        if nsg_id is not None and nsg_id not in self._groups:
            self._groups[nsg_id] = SecurityGroup(
                nsg_id, nsg_name, group, subscription_id, location, rules
            )
        machine = VirtualMachine(
            id=resource_id(subscription_id, group, "Microsoft.Compute/virtualMachines", name),
            name=name,
            resource_group=group,
            subscription_id=subscription_id,
            location=location,
            os_type=os_type,
            private_ip=str(next(self._private)),
            nic_id=of("networkInterfaces", f"{name}-nic"),
            subnet_id=f"{of('virtualNetworks', f'{group}-vnet')}/subnets/default",
            public_ip=str(next(self._public)) if is_public else None,
            public_ip_id=of("publicIPAddresses", f"{name}-ip") if is_public else None,
            nsg_id=nsg_id,
            is_nsg_on_subnet=shared_nsg is not None,
            tags=dict(tags or {}),
            power_state=power_state,
        )
        self._machines.append(machine)
        if ports:
            key = (subscription_id, group, location, policy)
            entries = self._policies.setdefault(key, [])
            spelt = _shouted(machine.id) if shouted_in_policy else machine.id
            entries.append(JitEntry(spelt, ports, firewall_ip))
        return machine

    def arc(
        self,
        subscription_id: str,
        group: str,
        location: str,
        name: str,
        cloud: str,
        *,
        os_type: OsType = "Linux",
        tags: Mapping[str, str] | None = None,
    ) -> ArcMachine:
        """Add a machine of another cloud, or of one's own rooms."""
        machine = ArcMachine(
            id=resource_id(subscription_id, group, "Microsoft.HybridCompute/machines", name),
            name=name,
            resource_group=group,
            subscription_id=subscription_id,
            location=location,
            os_type=os_type,
            cloud_provider=cloud,
            tags=dict(tags or {}),
        )
        self._arc.append(machine)
        return machine

    def estate(self) -> Estate:
        """What was added so far."""
        policies = tuple(
            JitPolicy(name, group, subscription_id, location, tuple(entries))
            for (subscription_id, group, location, name), entries in self._policies.items()
        )
        return Estate(
            subscriptions=self._subscriptions,
            machines=tuple(self._machines),
            security_groups=tuple(self._groups.values()),
            policies=policies,
            arc_machines=tuple(self._arc),
        )


def jit_ports(
    *numbers: int, hours: float = 3, sources: tuple[str, ...] = ("*",), protocol: str = "*"
) -> tuple[JitPort, ...]:
    """Ports that share their longest time and sources."""
    longest = timedelta(hours=hours)
    return tuple(JitPort(number, protocol, sources, longest) for number in numbers)


def _shouted(vm_id: str) -> str:
    """The id as the security service often spells it: groups in capitals."""
    parts = vm_id.split("/")
    parts[3], parts[4] = parts[3].lower(), parts[4].upper()
    return "/".join(parts)
