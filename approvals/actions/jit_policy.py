"""JIT policies of machines: entries put in, changed, taken out; read, merged, written, read back.

A policy holds the entries of many machines and PUT replaces it whole, without an ETag. So each
write is made from what was just read, read back, and made again when another writer was faster.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from approvals.actions.base import own
from approvals.actions.jit_policy_effect import Rooms, Validation
from approvals.actions.jit_policy_ports import have_of, is_same, rule_of
from approvals.changes import AzureChange, JitPolicyChange, Outcome, Result
from approvals.changes.jit_policy import JitEntry, JitPort
from approvals.events import Kind
from approvals.verdict import Refused
from defender.errors import (
    AzureBusy,
    AzureRefused,
    AzureUnavailable,
    OutcomeUnknown,
)
from defender.jit import Jit
from defender.jit_policies import JitPolicies
from defender.jit_policy_body import merged
from defender.resources import fold

#: How often one policy is written before it is said that another writer wins.
WRITES_MAX = 4
#: Between two readings of a policy that does not show yet what was written.
PAUSE_SECONDS = 0.5
#: A change is put back by one request for so long.
UNDO_WITHIN = timedelta(days=7)

_entries = msgspec.json.Decoder(tuple[JitEntry, ...])


class JitPolicyAction:
    """`apply_within`: how long one attempt may be at work."""

    kind = Kind.JIT_POLICY
    undo_within = UNDO_WITHIN

    def __init__(
        self, jit: Jit, policies: JitPolicies, rooms: Rooms, *, apply_within: timedelta
    ) -> None:
        self.apply_within = apply_within
        self._policies = policies
        self._validation = Validation(jit, rooms)

    async def validate(self, change: AzureChange) -> AzureChange | Refused:
        """With each entry's place, what it says now, and the rules that Azure will add."""
        return await self._validation.of(own(change, JitPolicyChange))

    async def before(self, change: AzureChange) -> str:
        """The entries as they are now."""
        found: list[JitEntry] = []
        for policy_id, entries in _by_policy(own(change, JitPolicyChange).entries).items():
            have = have_of(await self._policies.read(policy_id))
            for entry in entries:
                ports = have.get(fold(entry.resource_id), ())
                found.append(msgspec.structs.replace(entry, ports=ports, before=()))
        return msgspec.json.encode(found).decode()

    async def apply(self, change: AzureChange, before: str, within: timedelta) -> Outcome:
        """Policy after policy; what Azure refuses of one says nothing of the others."""
        were = {fold(entry.resource_id): entry.ports for entry in _entries.decode(before)}
        ends_at = time.monotonic() + within.total_seconds()
        results: list[Result] = []
        for policy_id, entries in _by_policy(own(change, JitPolicyChange).entries).items():
            try:
                results += await _Writing(self._policies, policy_id, entries, were, ends_at).done()
            except AzureBusy as busy:
                if not any(result.is_done for result in results):
                    raise
                results += [_failed(entry, busy.code, busy.message) for entry in entries]
            except AzureRefused as refused:
                results += [_failed(entry, refused.code, refused.message) for entry in entries]
        return Outcome(tuple(results))

    def undo(self, change: AzureChange, before: str, outcome: Outcome) -> AzureChange | None:
        """Each entry that was changed as it was before."""
        was = own(change, JitPolicyChange)
        changed = {fold(result.resource_id) for result in outcome.done if not result.is_unchanged}
        now = {_key(entry): entry.ports for entry in was.entries}
        entries = tuple(
            msgspec.structs.replace(entry, before=now[_key(entry)])
            for entry in _entries.decode(before)
            if fold(entry.resource_id) in changed and _key(entry) in now
        )
        targets = tuple(t for t in was.targets if fold(t.resource_id) in changed)
        if not entries or not targets:
            return None
        return JitPolicyChange(targets=targets, deed="undo", entries=entries)


class _Writing:
    """One policy until Azure shows it as wanted, or it can't be."""

    def __init__(
        self,
        policies: JitPolicies,
        policy_id: str,
        entries: Sequence[JitEntry],
        were: Mapping[str, tuple[JitPort, ...]],
        ends_at: float,
    ) -> None:
        self._policies = policies
        self._policy_id = policy_id
        self._entries = entries
        self._were = were
        self._ends_at = ends_at
        self._written: set[str] = set()

    async def done(self) -> list[Result]:
        """One result for each entry. AzureRefused when nothing of this policy was written."""
        body = await self._policies.read(self._policy_id)
        have = have_of(body)
        for write in range(WRITES_MAX):
            left = [entry for entry in self._entries if _is_to_write(entry, have)]
            if not left:
                break
            if write:
                await self._pause()
            await self._write(body, left)
            body = await self._read_back()
            have = have_of(body)
        return [self._result(entry, have) for entry in self._entries]

    async def _write(self, body: bytes | None, entries: Sequence[JitEntry]) -> None:
        wanted = {entry.resource_id: [rule_of(port) for port in entry.ports] for entry in entries}
        new = merged(body, wanted)
        within = timedelta(seconds=max(0.0, self._ends_at - time.monotonic()))
        try:
            if new is not None:
                await self._policies.write(self._policy_id, new, within)
            elif body is not None:
                await self._policies.delete(self._policy_id, within)
        except OutcomeUnknown:
            if time.monotonic() >= self._ends_at:
                raise
        except AzureRefused:
            if self._written:  # it was taken before: what is there now is read and told
                return
            raise
        self._written |= {fold(entry.resource_id) for entry in entries}

    async def _read_back(self) -> bytes | None:
        """A refusal to read says nothing of what was just written."""
        try:
            return await self._policies.read(self._policy_id)
        except AzureRefused as refused:
            raise OutcomeUnknown(refused.code, refused.message, refused.status) from refused

    async def _pause(self) -> None:
        if time.monotonic() + PAUSE_SECONDS >= self._ends_at:
            raise AzureUnavailable("TimedOut", "The policy does not show yet what was written.")
        await asyncio.sleep(PAUSE_SECONDS)

    def _result(self, entry: JitEntry, have: Mapping[str, tuple[JitPort, ...]]) -> Result:
        key = fold(entry.resource_id)
        if is_same(have.get(key, ()), entry.ports):
            # by the state before the first attempt: an earlier one may have written it
            is_unchanged = is_same(self._were.get(key, ()), entry.ports)
            return Result(entry.resource_id, _name(entry), True, is_unchanged=is_unchanged)
        code = "LostUpdate" if key in self._written else "PolicyChanged"
        return _failed(entry, code, "")


def _is_to_write(entry: JitEntry, have: Mapping[str, tuple[JitPort, ...]]) -> bool:
    """It is not as wanted, and still as the approver saw it: else another's edit would be lost."""
    now = have.get(fold(entry.resource_id), ())
    return not is_same(now, entry.ports) and is_same(now, entry.before)


def _failed(entry: JitEntry, code: str, message: str) -> Result:
    return Result(entry.resource_id, _name(entry), False, code, message)


def _name(entry: JitEntry) -> str:
    return entry.resource_id.rpartition("/")[2]


def _key(entry: JitEntry) -> tuple[str, str]:
    return fold(entry.resource_id), fold(entry.policy_id)


def _by_policy(entries: Sequence[JitEntry]) -> dict[str, list[JitEntry]]:
    found: dict[str, list[JitEntry]] = {}
    spelling: dict[str, str] = {}
    for entry in entries:
        policy_id = spelling.setdefault(fold(entry.policy_id), entry.policy_id)
        found.setdefault(policy_id, []).append(entry)
    return found
