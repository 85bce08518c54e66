"""Just-in-time access in Azure: read policies and requests, initiate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from defender.clients import AzureClients, ends_after
from defender.decode_jit import SnapshotReading
from defender.errors import AzureNotFound
from defender.pacing import Call
from defender.records import AccessRecord, Machine, PolicySnapshot, PortRule, VmPolicy
from defender.resources import ResourceName, bare_subscription_id, fold_location
from defender.versions import JIT_VERSION

__all__ = ["AccessRecord", "Jit", "JitGateway", "PolicySnapshot", "PortRule", "VmPolicy"]

_POLICIES = "jitNetworkAccessPolicies"


class Jit(Protocol):
    """What deciding and applying need of JIT; `JitGateway` is the real one."""

    async def policies(self, subscription_id: str) -> PolicySnapshot:
        """Every policy of a subscription, from its list (which may leave some out)."""

    async def policies_of(self, machine: Machine) -> PolicySnapshot:
        """The policies of the machine's own group and region: the basis of decisions."""

    async def initiate(
        self,
        *,
        policy: VmPolicy,
        ports: Mapping[int, datetime],
        source: str,
        justification: str,
        timeout: timedelta,  # noqa: ASYNC109 the outcome of a time-out is ours to name
    ) -> None:
        """Ask for ports (number → end) once; raises AzureRefused or OutcomeUnknown."""


class JitGateway:
    """JIT over Resource Manager: reads by our pager, writes by azure-mgmt-security."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def policies(self, subscription_id: str) -> PolicySnapshot:
        """Every policy of a subscription, from its list (which may leave some out)."""
        bare = bare_subscription_id(subscription_id)
        return await self._read(f"/subscriptions/{bare}/providers/Microsoft.Security/{_POLICIES}")

    async def policies_of(
        self, machine: Machine, *, also: Iterable[VmPolicy] = ()
    ) -> PolicySnapshot:
        """The policies of the machine's own group and region, read now.

        `also` names entries seen elsewhere (a policy may stand in another group than its VM);
        their groups and regions are read too, none of what they say is taken over.
        """
        name = ResourceName.parse(machine.resource_id)
        places = {(name.subscription_id, name.group.lower(), fold_location(machine.location))}
        for policy in also:
            other = ResourceName.parse(policy.policy_id)
            places.add((other.subscription_id, other.group.lower(), policy.location))
        found = [await self._place(*place) for place in sorted(places)]
        return PolicySnapshot(
            tuple(policy for snapshot in found for policy in snapshot.policies),
            tuple(record for snapshot in found for record in snapshot.records),
            partial=any(snapshot.partial for snapshot in found),
        )

    async def initiate(
        self,
        *,
        policy: VmPolicy,
        ports: Mapping[int, datetime],
        source: str,
        justification: str,
        timeout: timedelta,  # noqa: ASYNC109 the outcome of a time-out is ours to name
    ) -> None:
        """Ask for ports (number → end) once; raises AzureRefused or OutcomeUnknown.

        Returning means that Azure took the request, not that a port is open: read it back.
        """
        name = ResourceName.parse(policy.policy_id)
        body = initiate_body(policy, ports, source, justification)
        await self._clients.call(
            lambda sdk, witness: sdk.initiate(
                subscription_id=name.subscription_id,
                group=name.group,
                location=policy.location,
                policy_name=name.name,
                body=body,
                witness=witness,
            ),
            subscription_id=name.subscription_id,
            kind=Call.WRITE,
            ends_at=ends_after(timeout),
        )

    async def _place(self, subscription_id: str, group: str, location: str) -> PolicySnapshot:
        region = f"locations/{location}/" if location else ""
        try:
            return await self._read(
                f"/subscriptions/{subscription_id}/resourceGroups/{group}"
                f"/providers/Microsoft.Security/{region}{_POLICIES}"
            )
        except AzureNotFound:
            return PolicySnapshot()  # the group is gone, and its policies with it

    async def _read(self, path: str) -> PolicySnapshot:
        reading = SnapshotReading()
        async for body in self._clients.pages(path, JIT_VERSION):
            for _ in reading.steps([body]):
                await asyncio.sleep(0)  # clicks come first
        return reading.snapshot()


def initiate_body(
    policy: VmPolicy, ports: Mapping[int, datetime], source: str, justification: str
) -> bytes:
    """The request as explicit bytes.

    A dict would lose keys on its way through the SDK's model, and a request without a source
    opens the port to the caller's own address: the bot's.
    """
    if not ports or not source.strip() or source.strip() == "*":
        raise ValueError("A JIT request needs a port and exactly one source.")
    if any(ends_at.tzinfo is None for ends_at in ports.values()):
        raise ValueError("A JIT request's end needs a time zone.")
    return msgspec.json.encode(
        {
            "virtualMachines": [
                {
                    "id": policy.vm_id,
                    "ports": [
                        {
                            "number": number,
                            "allowedSourceAddressPrefix": source.strip(),
                            "endTimeUtc": _utc(ends_at),
                        }
                        for number, ends_at in sorted(ports.items())
                    ],
                }
            ],
            "justification": justification,
        }
    )


def _utc(instant: datetime) -> str:
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
