"""What a change of JIT policies will do, read from Azure before anybody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from approvals.actions.jit_policy_ports import is_same, ports_of
from approvals.actions.targets import machine_of
from approvals.changes import JitPolicyChange
from approvals.changes.jit_policy import JitEntry, NsgDeny
from approvals.events import Target
from approvals.verdict import Code, Field, Refusal, Refused
from defender.errors import AzureUnavailable
from defender.jit import Jit
from defender.nsg_room import NsgRoom, free_priority
from defender.records import Machine, PolicySnapshot, VmPolicy
from defender.resources import fold, fold_location

#: What Azure's portal calls the policy of a group and region.
DEFAULT = "default"


class Rooms(Protocol):
    """The security groups around a machine; `defender.nsg_room.NsgRooms` is the real one."""

    async def rooms(self, machine: Machine) -> tuple[NsgRoom, ...] | None: ...

    async def is_gone(self, machine: Machine) -> bool: ...


class Validation:
    """Reads each machine's policies and groups at this moment."""

    def __init__(self, jit: Jit, rooms: Rooms) -> None:
        self._jit = jit
        self._rooms = rooms

    async def of(self, change: JitPolicyChange) -> JitPolicyChange | Refused:
        """The change with places, states before and rules; every reason against at once."""
        refusals: list[Refusal] = []
        entries: list[JitEntry] = []
        for entry in change.entries:
            target = _target(change, entry)
            snapshot = await self._jit.policies_of(machine_of(target))
            if snapshot.partial:
                raise AzureUnavailable("UnreadablePolicy", "A JIT policy could not be read whole.")
            found = await self._found(change, entry, target, snapshot)
            if isinstance(found, Refusal):
                refusals.append(found)
            else:
                entries += found
        rules, unknown, unfit = await self._denies(change, entries)
        refusals += unfit
        if refusals:
            return Refused(tuple(refusals))
        return msgspec.structs.replace(
            change, entries=tuple(entries), rules=rules, rules_unknown=unknown
        )

    async def _found(
        self, change: JitPolicyChange, entry: JitEntry, target: Target, snapshot: PolicySnapshot
    ) -> list[JitEntry] | Refusal:
        """Only of a machine that is gone from Azure the entry is cleaned away."""
        if change.deed != "clean":
            return _placed(change, entry, target, snapshot)
        if not await self._rooms.is_gone(machine_of(target)):
            return Refusal(Code.VM_STILL_THERE, Field.VM, {"vm": target.name})
        left = [at for at in snapshot.of(target.resource_id) if at.ports]
        if not left:
            return Refusal(Code.JIT_IS_OFF, Field.VM, {"vm": target.name})
        gone = msgspec.structs.replace(entry, is_gone=True)
        return [_gone(gone, target, at) for at in left]

    async def _denies(
        self, change: JitPolicyChange, entries: Sequence[JitEntry]
    ) -> tuple[tuple[NsgDeny, ...], tuple[str, ...], list[Refusal]]:
        """The rules that will be added, machines whose groups can't be read, and unfit ones."""
        taken: dict[str, set[int]] = {}
        rules: list[NsgDeny] = []
        unknown: list[str] = []
        unfit: list[Refusal] = []
        for entry in entries:
            target = _target(change, entry)
            if not entry.ports:
                continue
            rooms = await self._rooms.rooms(machine_of(target))
            if rooms is None:
                unknown.append(target.name)
            elif not rooms and change.deed == "enable":
                unfit.append(Refusal(Code.JIT_NO_NSG, Field.VM, {"vm": target.name}))
            else:
                rules += _of_machine(entry, target, rooms, taken)
        return tuple(rules), tuple(unknown), unfit


def _of_machine(
    entry: JitEntry, target: Target, rooms: Sequence[NsgRoom], taken: dict[str, set[int]]
) -> list[NsgDeny]:
    """A deny for each port in each group that has none yet, at the highest free number."""
    found: list[NsgDeny] = []
    for room in rooms:
        used = taken.setdefault(fold(room.nsg_id), set(room.priorities))
        for number in sorted({port.number for port in entry.ports} - room.denied):
            priority = free_priority(used)
            used.add(priority)
            found.append(NsgDeny(str(room.nsg_id), target.name, number, priority))
    return found


def _placed(
    change: JitPolicyChange, entry: JitEntry, target: Target, snapshot: PolicySnapshot
) -> list[JitEntry] | Refusal:
    """The entry with its policy, region and what stands there now; a machine may be in several."""
    present = [found for found in snapshot.of(target.resource_id) if found.ports]
    match change.deed:
        case "enable":
            if present:
                ports = tuple(sorted({port.number for at in present for port in at.ports}))
                args = {"vm": target.name, "ports": ports}
                return Refusal(Code.JIT_IS_ON, Field.VM, args)
            return [_at(entry, target, _home(target, snapshot))]
        case "edit":
            if not present:
                return Refusal(Code.JIT_IS_OFF, Field.VM, {"vm": target.name})
            at = present[0]
            if len(present) == 1 and is_same(ports_of(at), entry.ports):
                return Refusal(Code.JIT_SAME, Field.VM, {"vm": target.name})
            return [
                _at(entry, target, str(at.policy_id), at),
                *(_gone(entry, target, other) for other in present[1:]),
            ]
        case "disable":
            if not present:
                return Refusal(Code.JIT_IS_OFF, Field.VM, {"vm": target.name})
            return [_gone(entry, target, at) for at in present]
        case "clean" | "undo":
            return _as_it_is(entry, target, snapshot)


def _as_it_is(entry: JitEntry, target: Target, snapshot: PolicySnapshot) -> list[JitEntry]:
    """The entry names its policy itself; only what stands there is read anew."""
    there = [
        at for at in snapshot.of(target.resource_id) if fold(at.policy_id) == fold(entry.policy_id)
    ]
    before = tuple(port for at in there for port in ports_of(at))
    return [msgspec.structs.replace(entry, before=before)]


def _at(entry: JitEntry, target: Target, policy_id: str, at: VmPolicy | None = None) -> JitEntry:
    return msgspec.structs.replace(
        entry,
        policy_id=policy_id,
        location=fold_location(target.location),
        before=ports_of(at) if at is not None else (),
    )


def _gone(entry: JitEntry, target: Target, at: VmPolicy) -> JitEntry:
    return msgspec.structs.replace(_at(entry, target, str(at.policy_id), at), ports=())


def _home(target: Target, snapshot: PolicySnapshot) -> str:
    """Where a new entry goes: the group's policy called default, else its only one, else new."""
    ids = dict.fromkeys(str(policy.policy_id) for policy in snapshot.policies)
    names = {policy_id.rpartition("/")[2].lower(): policy_id for policy_id in ids}
    if DEFAULT in names or len(ids) == 1:
        return names.get(DEFAULT) or next(iter(ids))
    group = f"/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"
    place = f"{group}/providers/Microsoft.Security/locations/{fold_location(target.location)}"
    return f"{place}/jitNetworkAccessPolicies/{DEFAULT}"


def _target(change: JitPolicyChange, entry: JitEntry) -> Target:
    """The machine of an entry; each entry is of a target."""
    key = fold(entry.resource_id)
    return next(t for t in change.targets if fold(t.resource_id) == key)
