"""Writing JIT policies: one policy at a time, its body as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from defender.clients import AzureClients, Call, Service
from defender.errors import AzureNotFound
from defender.versions import JIT_VERSION


class JitPolicies(Protocol):
    """What changing a policy needs; `JitPolicyGateway` is the real one."""

    async def read(self, policy_id: str) -> bytes | None:
        """The policy as Azure tells it; None where there is none."""

    async def write(self, policy_id: str, body: bytes, within: timedelta) -> None:
        """PUT, which replaces the policy. Read it back: a 200 proves nothing."""

    async def delete(self, policy_id: str, within: timedelta) -> None:
        """DELETE; gone already is as good."""


class JitPolicyGateway:
    """JIT policies over Resource Manager."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def read(self, policy_id: str) -> bytes | None:
        """The policy as Azure tells it; None where there is none."""
        try:
            return await self._clients.get(policy_id, JIT_VERSION)
        except AzureNotFound:
            return None

    async def write(self, policy_id: str, body: bytes, within: timedelta) -> None:
        """PUT once; AzureRefused means that nothing happened, OutcomeUnknown that it may have."""
        await self._clients.exchange(
            Service.ARM, "PUT", policy_id, JIT_VERSION, body, kind=Call.WRITE, deadline=within
        )

    async def delete(self, policy_id: str, within: timedelta) -> None:
        """DELETE once; gone already is as good."""
        try:
            await self._clients.delete(policy_id, JIT_VERSION, deadline=within)
        except AzureNotFound:
            return
