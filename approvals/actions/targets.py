"""From what a request names to what the gateways take."""

from __future__ import annotations

from approvals.terms import Target
from defender.records import Machine
from defender.resources import ResourceId


def machine_of(target: Target) -> Machine:
    """The gateway's machine from a target as it was asked for."""
    return Machine(
        resource_id=ResourceId(target.resource_id),
        name=target.name,
        resource_group=target.resource_group,
        subscription_id=target.subscription_id,
        subscription_name=target.subscription_name,
        location=target.location,
        os=target.os,
        tags=target.tags,
    )
