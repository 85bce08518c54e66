"""JIT access to one VM: open ports for one source until an instant, prove it, close them again.

Everything here talks to Azure through the gateway's protocols and may run twice. What Azure shows
is the truth: `opening_of` and `openness` read, they never assume.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from approvals.actions.targets import machine_of
from approvals.events import Length, Opening, Terms
from approvals.request import Request
from defender.errors import (
    AzureBusy,
    AzureError,
    AzureForbidden,
    AzureNotFound,
    AzureRefused,
    AzureUnavailable,
)
from defender.inventory import Machine
from defender.jit import AccessRecord, Jit, PolicySnapshot, VmPolicy
from defender.network import Addresses, NsgRule

#: A documentation address: whoever is let in by it is nobody (RFC 5737).
NOBODY = "192.0.2.1"
#: How long the superseding request that closes a port asks for: the least that Azure documents.
SUPERSEDE_FOR = timedelta(minutes=5)


class Network(Protocol):
    """The gateway's view of the network around a machine."""

    async def jit_rules(self, machine: Machine) -> tuple[NsgRule, ...] | None:
        """Rules that JIT wrote for this machine, or None without the right to read them."""

    async def delete_rule(self, rule: NsgRule) -> None:
        """Delete one rule (own optional role)."""

    async def addresses(self, machine: Machine) -> Addresses:
        """Public and private address."""


@dataclass(frozen=True, slots=True)
class Openness:
    """What Azure shows of a session. `rules` is None where the NSG can't be read."""

    records: tuple[AccessRecord, ...]
    rules: tuple[NsgRule, ...] | None

    @property
    def is_closed(self) -> bool:
        """No live record, and no allow rule where it can be read."""
        return not any(record.is_live for record in self.records) and not self.rules

    @property
    def is_shut_in_nsg(self) -> bool:
        """The rule is proved gone, whatever the policy still lists.

        No proof where Azure is about to write the rule, or lets people in by its firewall.
        """
        if self.rules is None or self.rules:
            return False
        return not any(r.is_opening or (r.is_live and r.mapped_port) for r in self.records)

    @property
    def proof(self) -> str:
        if self.rules is None:
            return "policy"
        if any(record.is_live for record in self.records):
            return "nsg"
        return "policy+nsg"


class Standing(StrEnum):
    """What the policy says of a session that should be open."""

    OPEN = "open"
    UNKNOWN = "unknown"
    """nothing is shown, which proves nothing: a list may leave things out"""
    SUPERSEDED = "superseded"
    ENDED = "ended"
    """ended by Azure, or no policy has the machine any more"""


class CannotClose(Exception):
    """No strategy is possible.

    `code`: shared, not_admitted, no_right, refused, not_found, switched_off.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class JitAccess:
    """The one kind of request so far. `instance` marks our openings among those of others."""

    def __init__(
        self,
        jit: Jit,
        network: Network,
        *,
        instance: str,
        early_close: Sequence[str] = ("supersede", "nsg_rule"),
    ) -> None:
        self._jit = jit
        self._network = network
        self._instance = instance
        self._early_close = tuple(early_close)

    # --- opening ---

    def marker(self, request: Request) -> str:
        """What Azure's record carries so that the opening is found again."""
        return f"{self._instance}:{request.id}"

    def justification(self, request: Request) -> str:
        """Azure's own record shows the bot: the person and the yes stand here."""
        approvers = ", ".join(approval.approver for approval in request.approvals)
        text = f"{self.marker(request)} {request.requester} approved by {approvers}: "
        return (text + " ".join(request.justification.split()))[:500]

    def end_of(self, terms: Terms, now: datetime, *, after: datetime | None = None) -> datetime:
        """When a window that opens now ends; an extension is added to the old end `after`."""
        match terms.window:
            case Length() as length:
                return (after or now) + length.duration
            case until:
                return until.at

    async def send(self, request: Request, ends_at: datetime, within: timedelta) -> None:
        """One POST. Raises AzureRefused (nothing happened) or OutcomeUnknown.

        Reading the policy counts against `within` too: nothing leaves after it, and a policy that
        could not be read is a proof that nothing left.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(within.total_seconds()):
                snapshot = await self._jit.policies_of(machine_of(request.target))
        except TimeoutError as error:
            raise AzureBusy("TimedOut", "The policy was not read in time.") from error
        except AzureUnavailable as error:
            raise AzureBusy(error.code, error.message, error.status) from error
        policy = _policy_with(snapshot, request)
        await self._jit.initiate(
            policy=policy,
            ports=dict.fromkeys(request.terms.ports, ends_at),
            source=request.terms.source,
            justification=self.justification(request),
            timeout=within - timedelta(seconds=time.monotonic() - began),
        )

    async def records(self, request: Request) -> tuple[AccessRecord, ...]:
        """Azure's records of this request, whatever their state."""
        snapshot = await self._jit.policies_of(machine_of(request.target))
        return self._ours(snapshot, request)

    async def look(
        self, request: Request, now: datetime
    ) -> tuple[Opening | None, tuple[AccessRecord, ...]]:
        """Azure's records of this request, and the opening when they show every port open."""
        snapshot = await self._jit.policies_of(machine_of(request.target))
        ours = self._ours(snapshot, request)
        records = [record for record in ours if record.is_open]
        if not set(request.terms.ports) <= {record.port for record in records}:
            return None, ours
        ends = [record.ends_at for record in records if record.ends_at is not None]
        opening = Opening(
            opened_at=now,
            ends_at=min(ends) if ends else request.attempts[-1].ends_at,
            address=await self._address(request, snapshot),
            mapped_ports={
                record.port: record.mapped_port
                for record in records
                if record.mapped_port and record.mapped_port != record.port
            },
        )
        return opening, ours

    async def _address(self, request: Request, snapshot: PolicySnapshot) -> str:
        """Azure Firewall's address if the policy names one, else the VM's own."""
        for policy in snapshot.of(request.target.resource_id):
            if policy.public_ip:
                return policy.public_ip
        try:
            addresses = await self._network.addresses(machine_of(request.target))
        except AzureError:
            return ""  # the opening stands without it; the DM then says how to find the address
        return addresses.public_ip or addresses.private_ip or ""

    def _ours(self, snapshot: PolicySnapshot, request: Request) -> tuple[AccessRecord, ...]:
        marker = self.marker(request)
        found = snapshot.records_of(request.target.resource_id)
        return tuple(
            record
            for record in found
            if record.carries(marker) and record.port in request.terms.ports
        )

    # --- closing ---

    async def openness(self, request: Request) -> Openness:
        """What is still open of this session, by policy and (where readable) by NSG.

        An allow rule for our ports counts as ours unless a live session of somebody else explains
        it: Azure may write another source than the one asked for (C035).
        """
        machine = machine_of(request.target)
        snapshot, rules = await asyncio.gather(
            self._jit.policies_of(machine), self._network.jit_rules(machine)
        )
        records = self._ours(snapshot, request)
        if rules is None:
            return Openness(records, None)
        is_live = any(record.is_live for record in records)
        others = self._others(snapshot, request)
        ours = tuple(
            rule
            for rule in rules
            if rule.is_allow
            and any(rule.covers(port) for port in request.terms.ports)
            and ((is_live and _opens(rule, request)) or not _is_explained(rule, others))
        )
        return Openness(records, ours)

    async def standing(self, request: Request) -> Standing:
        """Whether Azure has ended what should be open."""
        snapshot = await self._jit.policies_of(machine_of(request.target))
        records = self._ours(snapshot, request)
        if any(record.is_live for record in records):
            return Standing.OPEN
        if not records:
            is_gone = not snapshot.partial and not snapshot.of(request.target.resource_id)
            return Standing.ENDED if is_gone else Standing.UNKNOWN
        reasons = " ".join(record.status_reason or "" for record in records).lower()
        return Standing.SUPERSEDED if "newer" in reasons else Standing.ENDED

    def _others(self, snapshot: PolicySnapshot, request: Request) -> tuple[AccessRecord, ...]:
        """Live records of others on the same VM and ports, our own closings included."""
        marker = self.marker(request)
        return tuple(
            record
            for port in request.terms.ports
            for record in snapshot.records_of(request.target.resource_id, port)
            if record.is_live and not record.carries(marker)
        )

    async def close(self, request: Request, now: datetime) -> None:
        """Close early by the first strategy that works. Raises CannotClose or AzureError."""
        snapshot = await self._jit.policies_of(machine_of(request.target))
        ours = self._ours(snapshot, request)
        if ours and not any(record.is_live for record in ours):
            return await self._delete_left(request, snapshot, now)
        strategies = {"supersede": self._supersede, "nsg_rule": self._delete_rules}
        cannot = CannotClose("switched_off", "closing early is switched off")
        failed: AzureError | None = None
        for name in self._early_close:
            try:
                return await strategies[name](request, snapshot, now)
            except CannotClose as found:
                cannot = found
            except AzureError as error:
                failed = error  # it may work in a moment; another way may work now
        raise failed or cannot

    async def _delete_left(self, request: Request, snapshot: PolicySnapshot, now: datetime) -> None:
        """Azure has ended it already; a rule that it left behind is deleted where we may."""
        if "nsg_rule" not in self._early_close:
            return
        try:
            await self._delete_rules(request, snapshot, now)
        except CannotClose:
            return  # nothing was left, or not ours to delete: reading back tells which

    async def _delete_rules(
        self, request: Request, snapshot: PolicySnapshot, now: datetime
    ) -> None:
        """Delete the rules that let this session in, unless they let in another one too."""
        del now
        rules = await self._network.jit_rules(machine_of(request.target))
        if rules is None:
            raise CannotClose("no_right", "the NSG can't be read")
        mine = [rule for rule in rules if _opens(rule, request)]
        others = self._others(snapshot, request)
        if any(_is_explained(rule, others) for rule in mine):
            raise CannotClose("shared", "another session has this VM, port and source")
        if not mine:
            raise CannotClose("not_found", "no rule of this session is in the NSG")
        for rule in mine:
            try:
                await self._network.delete_rule(rule)
            except AzureNotFound:
                continue
            except AzureForbidden as error:
                raise CannotClose("no_right", error.message) from error
            except AzureBusy:
                raise
            except AzureRefused as error:
                raise CannotClose("refused", error.message) from error

    async def _supersede(self, request: Request, snapshot: PolicySnapshot, now: datetime) -> None:
        """A short request from nobody replaces ours, if the policy admits it and nobody shares."""
        if any(record.sources != (NOBODY,) for record in self._others(snapshot, request)):
            raise CannotClose("shared", "another session has this VM and port")
        policy = _policy_with(snapshot, request)
        for port in request.terms.ports:
            rule = policy.port(port)
            if rule is None or not _admits_nobody(rule.allowed_sources):
                raise CannotClose("not_admitted", "the policy does not admit 192.0.2.1")
        try:
            await self._jit.initiate(
                policy=policy,
                ports=dict.fromkeys(request.terms.ports, now + SUPERSEDE_FOR),
                source=NOBODY,
                justification=f"{self._instance}-close:{request.id}",
                timeout=timedelta(seconds=15),
            )
        except AzureBusy:
            raise
        except AzureRefused as error:
            raise CannotClose("refused", error.message) from error


def _policy_with(snapshot: PolicySnapshot, request: Request) -> VmPolicy:
    """The policy entry that has every port asked for (a VM may be in several policies)."""
    for policy in snapshot.of(request.target.resource_id):
        if all(policy.port(port) for port in request.terms.ports):
            return policy
    raise AzureRefused("PolicyChanged", "the VM's JIT policy no longer has the approved ports")


def _opens(rule: NsgRule, request: Request) -> bool:
    """Whether the rule lets in exactly this session's source, at one of its ports."""
    return (
        rule.is_allow
        and bool(_plain((request.terms.source,)) & _plain(rule.sources or (rule.source,)))
        and any(rule.covers(port) for port in request.terms.ports)
    )


def _is_explained(rule: NsgRule, records: Sequence[AccessRecord]) -> bool:
    """Whether one of these records is why the rule stands there."""
    sources = _plain(rule.sources or (rule.source,))
    return any(rule.covers(r.port) and bool(_plain(r.sources) & sources) for r in records)


def _plain(sources: Sequence[str]) -> set[str]:
    """One host is written with and without its /32 or /128."""
    return {source.strip().removesuffix("/32").removesuffix("/128").lower() for source in sources}


def _admits_nobody(allowed: Sequence[str]) -> bool:
    return any(prefix in ("*", "0.0.0.0/0", "Any", "any") for prefix in allowed)
