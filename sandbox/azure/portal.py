"""What people and pipelines do to JIT policies past the bot; the activity log notes who."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypedDict, Unpack

from sandbox.azure.activity_actors import Actor, person
from sandbox.azure.activity_log import POLICY_DELETE, POLICY_WRITE, ActivityLog
from sandbox.azure.policies import policy_id
from sandbox.azure.state import AzureState
from sandbox.azure.wire import fold
from sandbox.world.clock import SandboxClock
from sandbox.world.model import JitEntry, JitPolicy

ENGINEER = person("engineer@example.com", "Erin Engineer")


class PortChange(TypedDict, total=False):
    """What a port may be edited to."""

    sources: tuple[str, ...]
    max_duration: timedelta


class Portal:
    """Every act is somebody's, and done at once."""

    def __init__(
        self,
        state: AzureState,
        activity_log: ActivityLog,
        clock: SandboxClock,
        *,
        changed: Callable[[], None],
    ) -> None:
        self._state = state
        self._log = activity_log
        self._clock = clock
        self._changed = changed

    def edit_port(self, vm_id: str, *, by: Actor = ENGINEER, **change: Unpack[PortChange]) -> None:
        """Change what the first port of the machine's policy may be asked for."""
        policy, entry = self._entry(vm_id)
        first, *others = entry.ports
        edited = replace(entry, ports=(replace(first, **change), *others))
        self._put(policy, tuple(edited if e is entry else e for e in policy.entries), by)

    def take_out(self, vm_id: str, *, by: Actor = ENGINEER) -> None:
        """Take the machine out of its policy; its open ports close."""
        policy, entry = self._entry(vm_id)
        self._put(policy, tuple(e for e in policy.entries if e is not entry), by)

    def delete_policy(self, vm_id: str, *, by: Actor = ENGINEER) -> None:
        """Delete the policy that the machine is in."""
        policy, _ = self._entry(vm_id)
        now = self._clock.now()
        self._state.delete_policy(fold(policy_id(policy)), now=now)
        self._log.add(by, POLICY_DELETE, policy_id(policy), now)
        self._changed()

    def _put(self, policy: JitPolicy, entries: tuple[JitEntry, ...], by: Actor) -> None:
        now = self._clock.now()
        self._state.put_policy(replace(policy, entries=entries), now=now, settle=timedelta())
        self._log.add(by, POLICY_WRITE, policy_id(policy), now)
        self._changed()

    def _entry(self, vm_id: str) -> tuple[JitPolicy, JitEntry]:
        found = self._state.entries_of(fold(vm_id))
        if not found:
            raise LookupError(f"no policy has {vm_id}")
        return found[0]
