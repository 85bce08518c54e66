"""A machine by its id alone: as the estate knows it, else what the id says."""

from __future__ import annotations

from approvals.events import Target
from defender.records import Machine, VmPolicy
from defender.resources import InvalidResourceId, ResourceId, ResourceName
from handlers.services import Services


def target_of(s: Services, resource_id: str) -> Target:
    machine = machine_of(s, resource_id, "")
    return Target(
        resource_id=str(machine.resource_id),
        name=machine.name,
        resource_group=machine.resource_group,
        subscription_id=machine.subscription_id,
        subscription_name=machine.subscription_name,
        location=machine.location,
        os=machine.os,
        tags=dict(machine.tags),
    )


def machine_of(s: Services, resource_id: str, location: str) -> Machine:
    """As the estate knows it, else what its id says."""
    known = s.estate.index.by_id(resource_id)
    if known is not None:
        return known
    name = _name(resource_id)
    return Machine(
        resource_id=ResourceId(resource_id),
        name=name.name if name else resource_id.rpartition("/")[2],
        resource_group=name.group if name else "",
        subscription_id=name.subscription_id if name else "",
        subscription_name="",
        location=location,
        os="",
        tags={},
    )


def _name(resource_id: str) -> ResourceName | None:
    try:
        return ResourceName.parse(resource_id)
    except InvalidResourceId:
        return None


def at_place(vm_id: str, policy_id: str, location: str) -> VmPolicy:
    """Only where a policy stands: nothing of what it says is taken from here."""
    return VmPolicy(
        policy_id=ResourceId(policy_id),
        policy_name="",
        resource_group="",
        location=location,
        vm_id=ResourceId(vm_id),
        ports=(),
        public_ip=None,
    )
