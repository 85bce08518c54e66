"""The director's part for what is done past the bot, and for the log that names who did it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sandbox.azure.activity_actors import person
from sandbox.azure.activity_log import READ
from sandbox.azure.service import SandboxAzure
from sandbox.azure.wire import Json, fold
from sandbox.happenings import Happenings
from sandbox.switches import NotNow, Switch
from sandbox.world.model import VirtualMachine

#: How late the activity log is while the panel says so.
LATE = timedelta(minutes=3)
SOMEBODY = person("kobayashi@example.com", "Kobayashi")
_WIDE = timedelta(hours=24)


class PortalDirector:
    """Wishes and switches about JIT policies, rules and Azure's activity log."""

    def __init__(self, azure: SandboxAzure, happenings: Happenings) -> None:
        self._azure = azure
        self._happenings = happenings

    def act(self, wish: Mapping[str, object]) -> Json | None:
        """Do it and say to which machine; None for a wish that is none of these."""
        named = wish.get("vm", "")
        vm = named if isinstance(named, str) else ""
        match wish:
            case {"do": "edit_policy"}:
                return {"ok": True, "vm": self.edit_policy(vm).name}
            case {"do": "redeploy"}:
                return {"ok": True, "vm": self.redeploy()}
            case _:
                return None

    def edit_policy(self, vm_name: str = "") -> VirtualMachine:
        """Somebody opens a machine's JIT policy to everybody, in Azure's portal."""
        state = self._azure.state
        if vm_name:
            machine = self._azure.machine(vm_name)
        else:
            held = [vm for vm in state.machines.values() if state.entries_of(fold(vm.id))]
            machine = self._happenings.chance.choice(held)
        self._azure.portal.edit_port(machine.id, by=SOMEBODY, sources=("*",), max_duration=_WIDE)
        return machine

    def redeploy(self) -> str:
        """A pipeline takes away the rule of an open port, as a redeployed template does."""
        opened = self._azure.state.open_now(self._azure.clock.now())
        if not opened:
            raise NotNow(
                "No port is open now: open one with /jit first.",
                "開いているポートがありません。先に /jit で開けてください。",
            )
        machine = self._azure.state.machines[opened[-1].vm_key]
        self._azure.delete_rule(machine.name, opened[-1].rule_name)
        return machine.name

    def switches(self) -> tuple[Switch, ...]:
        """Every line that this part adds to the panel."""

        async def edit(on: bool) -> None:
            if on:
                self.edit_policy()

        async def redeploy(on: bool) -> None:
            if on:
                self.redeploy()

        async def late(on: bool) -> None:
            self._azure.activity_log.lag = LATE if on else timedelta()

        async def refused(on: bool) -> None:
            self._azure.rights.allow(READ)
            if on:
                self._azure.rights.deny(READ)

        return (
            Switch("policy_edited", "Somebody edits a JIT policy in Azure's portal",
                   "AzureポータルでJITポリシーが変更される", edit, is_moment=True, kind="event"),
            Switch("rule_gone", "A redeployment takes away the rule of an open port",
                   "再デプロイで、開いているポートの規則が消える", redeploy,
                   is_moment=True, kind="event"),
            Switch("activity_log_late", "Azure's activity log is three minutes behind",
                   "Azureのアクティビティログが3分遅れている", late),
            Switch("activity_log_refused", "The right to read Azure's activity log is missing",
                   "Azureのアクティビティログを読む権限がない", refused),
        )  # fmt: skip
