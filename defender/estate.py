"""What the bot remembers of the estate, for typing ahead only: no decision rests on it.

Each subscription is read in turn and kept with its age; what is decided is read from Azure at
that moment (`Inventory.machine`, `JitGateway.policies_of`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from defender.errors import AzureError
from defender.records import Machine, PolicySnapshot, Subscription, VmPolicy
from defender.resources import bare_subscription_id, fold, is_virtual_machine
from defender.search import MachineIndex

#: While a large estate is read for the first time, what was read so far can be searched.
REBUILT_EVERY = timedelta(seconds=10)
#: What failed where the machines outside Azure can't be read.
ARC = "Azure Arc"
#: Bump when the records change their shape: an older cache is then read again from Azure.
_CACHE_FORMAT = 1


class MachineLister(Protocol):
    """Lists what there is; `Inventory` is the real one."""

    async def subscriptions(self) -> tuple[Subscription, ...]: ...

    async def machines(self, subscription_id: str) -> tuple[Machine, ...]: ...


class PolicyLister(Protocol):
    """Lists JIT policies; `JitGateway` is the real one."""

    async def policies(self, subscription_id: str) -> PolicySnapshot: ...


class ArcLister(Protocol):
    """Lists machines outside Azure; `ArcInventory` is the real one."""

    async def arc_machines(self, subscriptions: Sequence[Subscription]) -> tuple[Machine, ...]: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One subscription as it was read."""

    subscription_id: str
    machines: tuple[Machine, ...]
    policies: tuple[VmPolicy, ...]
    is_partial: bool
    at: datetime


class _Cache(msgspec.Struct):
    format: int
    seen: list[Seen]
    arc: tuple[Machine, ...] = ()


class Estate:
    """Machines and policies of every subscription, each with its age."""

    def __init__(
        self,
        machines: MachineLister,
        policies: PolicyLister,
        *,
        clock: Callable[[], datetime],
        arc: ArcLister | None = None,
    ) -> None:
        self._arc = arc
        self._is_arc_read = False
        self._machines = machines
        self._policies = policies
        self._clock = clock
        self._seen: dict[str, Seen] = {}
        self._entries: dict[str, tuple[VmPolicy, ...]] = {}
        self._changing = asyncio.Lock()
        #: Every machine, for names that are typed.
        self.index = MachineIndex(())
        #: The machines that have a JIT policy, for typing ahead.
        self.askable = MachineIndex(())
        #: Machines outside Azure that Arc joined: Defender covers them, JIT does not.
        self.arc = MachineIndex(())

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """The subscriptions to refresh; those that are gone are forgotten."""
        found = await self._machines.subscriptions()
        gone = self._seen.keys() - {subscription.id for subscription in found}
        if gone:
            async with self._changing:
                for subscription_id in gone:
                    self._seen.pop(subscription_id, None)
                await self._rebuild()
        return found

    async def refresh(self, subscription_id: str) -> Seen:
        """Read one subscription; what was known of it stays when that fails."""
        seen = await self._read(subscription_id)
        async with self._changing:
            await self._rebuild()
        return seen

    async def refresh_all(self) -> dict[str, AzureError]:
        """Read every subscription in turn; those that failed, and why (their old facts stay).

        New facts are searchable after REBUILT_EVERY at the latest: building the index for each
        of a thousand subscriptions would cost more than reading them.
        """
        failed: dict[str, AzureError] = {}
        built_at = self._clock()
        subscriptions = await self.subscriptions()
        for subscription in subscriptions:
            try:
                await self._read(subscription.id)
            except AzureError as error:
                failed[subscription.id] = error
                continue
            if self._clock() - built_at >= REBUILT_EVERY:
                async with self._changing:
                    await self._rebuild()
                built_at = self._clock()
        async with self._changing:
            await self._rebuild()
        try:
            await self._read_arc(subscriptions)
        except AzureError as error:
            failed[ARC] = error
        return failed

    def age(self, subscription_id: str) -> timedelta | None:
        """How old our knowledge of a subscription is; None if it was never read."""
        seen = self._seen.get(bare_subscription_id(subscription_id))
        return None if seen is None else self._clock() - seen.at

    def oldest(self) -> timedelta | None:
        """The age of the oldest knowledge, for health; None while nothing was read."""
        ages = [self._clock() - seen.at for seen in self._seen.values()]
        return max(ages, default=None)

    def has_policy(self, machine: Machine) -> bool:
        """Whether a JIT policy was seen for the machine; 'no' proves nothing."""
        return machine.key in self._entries

    def left_behind(self) -> tuple[VmPolicy, ...]:
        """Entries of machines that were not in the lists any more: a hint, proving nothing."""
        return tuple(
            entries[0]
            for key, entries in sorted(self._entries.items())
            if self.index.by_id(key) is None and is_virtual_machine(entries[0].vm_id)
        )

    def policy_hint(self, machine: Machine) -> tuple[VmPolicy, ...]:
        """The policy entries last seen for the machine: to show ports, never to decide."""
        return self._entries.get(machine.key, ())

    def to_cache(self) -> bytes:
        """What a restart needs to type ahead at once; no requests, no justifications."""
        return msgspec.msgpack.encode(
            _Cache(_CACHE_FORMAT, list(self._seen.values()), self.arc.machines)
        )

    async def from_cache(self, cache: bytes) -> bool:
        """Take over what an earlier process saw; False when it can't be read or is not ours.

        Subscriptions that were read since are kept as they are.
        """
        try:
            found = await asyncio.to_thread(msgspec.msgpack.decode, cache, type=_Cache)
        except msgspec.MsgspecError:
            return False
        if found.format != _CACHE_FORMAT:
            return False
        async with self._changing:
            for seen in found.seen:
                known = self._seen.get(seen.subscription_id)
                if known is None or known.at < seen.at:
                    self._seen[seen.subscription_id] = seen
            if not self._is_arc_read:
                self.arc = await asyncio.to_thread(MachineIndex, found.arc)
            await self._rebuild()
        return True

    async def _read(self, subscription_id: str) -> Seen:
        bare = bare_subscription_id(subscription_id)
        machines = await self._machines.machines(bare)
        snapshot = await self._policies.policies(bare)
        seen = Seen(bare, machines, snapshot.policies, snapshot.partial, self._clock())
        self._seen[bare] = seen
        return seen

    async def _read_arc(self, subscriptions: Sequence[Subscription]) -> None:
        if self._arc is not None and subscriptions:
            machines = await self._arc.arc_machines(subscriptions)
            self.arc = await asyncio.to_thread(MachineIndex, machines)
            self._is_arc_read = True

    async def _rebuild(self) -> None:
        """Build both indexes in a thread: 100,000 machines take about half a second."""
        seen = tuple(self._seen.values())
        self.index, self.askable, self._entries = await asyncio.to_thread(_indexes, seen)


def _indexes(
    seen: Iterable[Seen],
) -> tuple[MachineIndex, MachineIndex, dict[str, tuple[VmPolicy, ...]]]:
    entries: dict[str, tuple[VmPolicy, ...]] = {}
    machines: list[Machine] = []
    for subscription in seen:
        machines.extend(subscription.machines)
        for policy in subscription.policies:
            if policy.ports:
                key = fold(policy.vm_id)
                entries[key] = (*entries.get(key, ()), policy)
    index = MachineIndex(machines)
    askable = [machine for machine in machines if machine.key in entries]
    return index, index if len(askable) == len(machines) else MachineIndex(askable), entries
