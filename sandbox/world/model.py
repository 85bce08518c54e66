"""What an estate is made of; ids are those of Azure Resource Manager."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

OsType = Literal["Linux", "Windows"]
PowerState = Literal[
    "running", "starting", "stopping", "stopped", "deallocating", "deallocated", "unknown"
]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription that the bot's identity sees."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """A virtual machine with one network interface."""

    id: str
    name: str
    resource_group: str
    subscription_id: str
    location: str
    os_type: OsType
    private_ip: str
    nic_id: str
    subnet_id: str
    public_ip: str | None = None
    public_ip_id: str | None = None
    #: The group whose rules guard it, at the interface or at the subnet; None has no JIT.
    nsg_id: str | None = None
    is_nsg_on_subnet: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    #: None is a fresh machine, of which Azure tells no power state yet.
    power_state: PowerState | None = "running"
    size: str = "Standard_D2s_v5"


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One rule of a network security group."""

    name: str
    priority: int
    access: Literal["Allow", "Deny"]
    port: str
    sources: tuple[str, ...]
    destination: str = "*"
    protocol: str = "*"
    description: str = ""


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A network security group and the rules that people wrote into it."""

    id: str
    name: str
    resource_group: str
    subscription_id: str
    location: str
    rules: tuple[SecurityRule, ...] = ()


@dataclass(frozen=True, slots=True)
class JitPort:
    """What a policy allows for one port."""

    number: int
    protocol: str = "*"
    sources: tuple[str, ...] = ("*",)
    max_duration: timedelta = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class JitEntry:
    """One machine in a policy; `vm_id` keeps the spelling it was written with."""

    vm_id: str
    ports: tuple[JitPort, ...]
    #: Of the Azure Firewall in front, where there is one.
    public_ip: str | None = None


@dataclass(frozen=True, slots=True)
class JitPolicy:
    """A just-in-time policy of one resource group and region."""

    name: str
    resource_group: str
    subscription_id: str
    location: str
    entries: tuple[JitEntry, ...]


@dataclass(frozen=True, slots=True)
class ArcMachine:
    """A machine outside Azure, joined by Azure Arc; JIT does not reach it."""

    id: str
    name: str
    resource_group: str
    subscription_id: str
    location: str
    os_type: OsType
    cloud_provider: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything that Azure knows at the start."""

    subscriptions: tuple[Subscription, ...]
    machines: tuple[VirtualMachine, ...]
    security_groups: tuple[SecurityGroup, ...]
    policies: tuple[JitPolicy, ...]
    arc_machines: tuple[ArcMachine, ...] = ()


def group_id(subscription_id: str, resource_group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}"


def resource_id(subscription_id: str, resource_group: str, kind: str, name: str) -> str:
    """The id of a resource; `kind` such as `Microsoft.Compute/virtualMachines`."""
    return f"{group_id(subscription_id, resource_group)}/providers/{kind}/{name}"
