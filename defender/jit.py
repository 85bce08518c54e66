"""Just-in-time access in Azure: read policies and requests, initiate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from defender.records import AccessRecord, Machine, PolicySnapshot, PortRule, VmPolicy

__all__ = ["AccessRecord", "Jit", "PolicySnapshot", "PortRule", "VmPolicy"]


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
        timeout: timedelta,
    ) -> None:
        """Ask for ports (number → end) once; raises AzureRefused or OutcomeUnknown."""
