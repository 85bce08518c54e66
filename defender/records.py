"""What the gateway tells the rest: machines, policies, requests and rules as plain facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from defender.resources import ResourceId, fold


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription our identity can see."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Machine:
    """An Azure virtual machine, in the Compute service's own spelling."""

    resource_id: ResourceId
    name: str
    resource_group: str
    subscription_id: str
    subscription_name: str
    location: str
    os: str  # "Linux", "Windows", or "" where Azure names none
    tags: Mapping[str, str]
    network_interface_ids: tuple[str, ...] = ()
    computer_name: str | None = None

    @property
    def key(self) -> str:
        """The id as it is compared."""
        return fold(self.resource_id)


@dataclass(frozen=True, slots=True)
class PortRule:
    """What a JIT policy lets one port of one machine be asked for."""

    number: int
    protocol: str  # TCP, UDP, *, or "" (seen in the field)
    allowed_sources: tuple[str, ...]  # "*" means any
    longest: timedelta


@dataclass(frozen=True, slots=True)
class VmPolicy:
    """One machine's entry in one JIT policy."""

    policy_id: ResourceId
    policy_name: str
    resource_group: str
    location: str
    vm_id: ResourceId
    ports: tuple[PortRule, ...]
    public_ip: str | None  # the Azure Firewall's address, where one is in front

    def port(self, number: int) -> PortRule | None:
        """The rule for this port, if the policy has one."""
        return next((rule for rule in self.ports if rule.number == number), None)


#: Azure's documented statuses are Initiated and Revoked; its own answers add Initiating.
_OPENING = "initiating"
_OPEN = "initiated"


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One port of one access request as Azure lists it; it has no id of its own."""

    vm_id: ResourceId
    port: int
    sources: tuple[str, ...]
    starts_at: datetime | None
    ends_at: datetime | None
    status: str
    status_reason: str | None
    requestor: str
    justification: str
    mapped_port: int | None  # the port to connect to behind Azure Firewall
    policy_id: ResourceId | None = None

    @property
    def is_open(self) -> bool:
        """Azure says that the port is open."""
        return self.status.lower() == _OPEN

    @property
    def is_opening(self) -> bool:
        """Azure has taken the request and has not opened yet."""
        return self.status.lower() == _OPENING

    @property
    def is_live(self) -> bool:
        """Opening or open: a new request for this machine and port may end it."""
        return self.is_open or self.is_opening

    def carries(self, request_id: str) -> bool:
        """Whether the justification names this request id as a whole word."""
        pattern = rf"(?<![\w-]){re.escape(request_id)}(?![\w-])"
        return re.search(pattern, self.justification, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """Policies and requests as one read found them.

    `partial` says that something could not be read, so 'not in here' proves nothing.
    """

    policies: tuple[VmPolicy, ...] = ()
    records: tuple[AccessRecord, ...] = ()
    partial: bool = False

    def of(self, vm_id: str) -> tuple[VmPolicy, ...]:
        """Every policy entry of this machine."""
        key = fold(vm_id)
        return tuple(policy for policy in self.policies if fold(policy.vm_id) == key)

    def with_port(self, vm_id: str, port: int) -> tuple[VmPolicy, ...]:
        """The entries of this machine that have the port (a VM may be in two policies)."""
        return tuple(policy for policy in self.of(vm_id) if policy.port(port))

    def records_of(self, vm_id: str, port: int | None = None) -> tuple[AccessRecord, ...]:
        """This machine's requests, of one port or of all."""
        key = fold(vm_id)
        return tuple(
            record
            for record in self.records
            if fold(record.vm_id) == key and port in (None, record.port)
        )

    def carrying(self, request_id: str) -> tuple[AccessRecord, ...]:
        """The requests whose justification names our request id."""
        return tuple(record for record in self.records if record.carries(request_id))


@dataclass(frozen=True, slots=True)
class NsgRule:
    """A rule that JIT wrote into a network security group."""

    nsg_id: ResourceId
    name: str
    access: str  # "Allow" or "Deny"
    priority: int
    source: str  # comma-joined where Azure lists several
    destination: str
    port: str  # "22", "*", or a comma-joined list of ports and ranges
    description: str
    sources: tuple[str, ...] = field(default=())

    @property
    def is_allow(self) -> bool:
        """An opening, not the closed door that JIT keeps in place."""
        return self.access.lower() == "allow"

    def covers(self, port: int) -> bool:
        """Whether the rule's port text includes this port."""
        return any(_covers(part, port) for part in self.port.split(","))


def _covers(part: str, port: int) -> bool:
    if part == "*":
        return True
    first, _, last = part.partition("-")
    if not first.isascii() or not first.isdigit():
        return False
    return int(first) <= port <= int(last if last.isascii() and last.isdigit() else first)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a machine can be reached; None where it has none or we may not read it."""

    public_ip: str | None
    private_ip: str | None
    all_private: tuple[str, ...] = ()
    all_public: tuple[str, ...] = ()
