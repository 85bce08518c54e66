"""What happens in the estate: detections, bursts of file changes, storms, acts in the portal."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

from sandbox.azure.activity_actors import person
from sandbox.azure.alert_body import Machine
from sandbox.azure.alert_stories import Severity
from sandbox.azure.alerts import SandboxAlert, Status
from sandbox.azure.file_stories import FILE_STORIES, FileStory, file_stories_for
from sandbox.azure.kql.values import Row
from sandbox.azure.service import SandboxAzure
from sandbox.switches import NotNow
from sandbox.world.model import VirtualMachine

#: The gravest are rare, as in life.
_SEVERITIES: tuple[Severity, ...] = ("High", "Medium", "Medium", "Low", "Low", "Informational")
#: Between two changes of one burst.
_STEP = timedelta(seconds=2)
STORM_MAX = 20_000
#: One beat of a storm; between two the server answers.
_BEAT_SECONDS = 0.05
_OUTSIDE = "198.51.100.23"
_SOMEBODY = person("kobayashi@example.com", "Kobayashi")


class Happenings:
    """Everything is made of `chance`, so the same seed tells the same tale."""

    def __init__(self, azure: SandboxAzure, *, chance: random.Random | None = None) -> None:
        self._azure = azure
        self.chance = chance or random.Random()  # noqa: S311 chance for a play, not for secrets
        self._under_way: set[asyncio.Task[list[SandboxAlert]]] = set()

    # Machines

    def machine(self, *, session: bool | None = None, is_monitored: bool = False) -> Machine:
        """One that runs; with `session`, one whose port is open now, or one with none."""
        opened = {port.vm_id.lower() for port in self._azure.open_ports()}
        found: list[Machine] = [
            vm
            for vm in self._azure.state.machines.values()
            if vm.power_state == "running"
            and (session is None or (vm.id.lower() in opened) == session)
        ]
        if is_monitored:
            found = [machine for machine in found if self._is_monitored(machine)]
        if not found:
            raise NotNow(
                "No port is open now: open one with /jit first.",
                "開いているポートがありません。先に /jit で開けてください。",
            )
        return self.chance.choice(found)

    def _is_monitored(self, machine: Machine) -> bool:
        return any(machine.subscription_id in w.subscription_ids for w in self._azure.workspaces)

    # Alerts

    def alert(
        self, *, vm: str = "", session: bool | None = None, severity: Severity | None = None
    ) -> SandboxAlert:
        """Defender for Endpoint finds something."""
        machine = self._azure.covered(vm) if vm else self.machine(session=session)
        wanted: Severity = self.chance.choice(_SEVERITIES) if severity is None else severity
        return self._azure.raise_alert(machine.id, severity=wanted)

    def close_in_portal(self, status: Status = "Resolved") -> SandboxAlert:
        """Somebody closes the newest open alert in Azure's own portal."""
        active = [alert for alert in self._azure.alerts if alert.status in ("Active", "InProgress")]
        if not active:
            raise NotNow("No alert is open.", "未解決のアラートはありません。")
        now = self._azure.clock.now()
        self._azure.alerts.set_status(active[-1], status, now)
        verb = "dismiss" if status == "Dismissed" else "resolve"
        action = f"Microsoft.Security/locations/alerts/{verb}/action"
        self._azure.activity_log.add(_SOMEBODY, action, active[-1].id, now)
        return active[-1]

    def storm(self, count: int, over: timedelta) -> asyncio.Task[list[SandboxAlert]]:
        """So many alerts within this time, in the background; await it to know them."""
        if not 0 < count <= STORM_MAX:
            raise NotNow(f"A storm has 1 to {STORM_MAX} alerts.", f"嵐は1〜{STORM_MAX}件までです。")
        task = asyncio.get_running_loop().create_task(self._storm(count, over))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _storm(self, count: int, over: timedelta) -> list[SandboxAlert]:
        beats = max(1, int(over.total_seconds() / _BEAT_SECONDS))
        raised: list[SandboxAlert] = []
        for beat in range(1, beats + 1):
            raised += [self.alert() for _ in range(count * beat // beats - len(raised))]
            await asyncio.sleep(_BEAT_SECONDS)
        return raised

    async def stop(self) -> None:
        """End the storms."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    # Files

    def files(self, *, vm: str = "", session: bool | None = None, story: str = "") -> list[Row]:
        """A burst of changes on one machine."""
        machine = (
            self._azure.covered(vm) if vm else self.machine(session=session, is_monitored=True)
        )
        told = FILE_STORIES[story] if story else self.chance.choice(
            file_stories_for(machine.os_type)
        )  # fmt: skip
        account = told.account or ("Administrator" if machine.os_type == "Windows" else "azureuser")
        return [self._step(machine, told, number, account) for number in range(len(told.steps))]

    def _step(self, machine: Machine, story: FileStory, number: int, account: str) -> Row:
        step = story.steps[number]
        ago = _STEP * (len(story.steps) - number)
        if step.value_name is not None:
            return self._azure.change_file(
                machine.id, step.path, act=step.act, account=account, process=story.process,
                ago=ago, value_name=step.value_name, value=step.value, old_value=step.old_value,
            )  # fmt: skip
        # Never the same twice, or a second burst would be taken for the first.
        return self._azure.change_file(
            machine.id, step.path, act=step.act, account=account, process=story.process, ago=ago,
            sha256=f"{self.chance.getrandbits(256):064x}", size=self.chance.randint(200, 900_000),
        )  # fmt: skip

    # Past the bot

    def open_from_outside(self) -> VirtualMachine:
        """Somebody opens a port in Azure's portal, past the bot."""
        closed = [
            vm
            for vm in self._azure.state.machines.values()
            if vm.power_state == "running" and vm.name.startswith(("web-", "stg-web-"))
        ]
        vm = self.chance.choice(closed)
        self._azure.open_from_outside(
            vm.name, 22, source=_OUTSIDE, length=timedelta(minutes=30),
            requestor="kobayashi@example.com",
        )  # fmt: skip
        return vm


class Life:
    """Something happens every minute or so, as long as it is on."""

    #: Seconds; the first thing soon, so that nobody thinks it dead.
    FIRST, SHORTEST, LONGEST = 8.0, 35.0, 75.0

    def __init__(self, happenings: Happenings) -> None:
        self._happenings = happenings
        self._task: asyncio.Task[None] | None = None

    @property
    def is_on(self) -> bool:
        """Whether it goes on."""
        return self._task is not None

    def start(self) -> None:
        """From now on."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """No more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        await asyncio.sleep(self.FIRST)
        while True:
            self.happen()
            await asyncio.sleep(self._happenings.chance.uniform(self.SHORTEST, self.LONGEST))

    def happen(self) -> None:
        """One thing; where it can't happen now, another that always can."""
        one = self._happenings
        acts: list[Callable[[], object]] = [
            one.alert,
            one.alert,
            lambda: one.alert(session=True),
            one.files,
            one.files,
            lambda: one.files(session=True),
            one.close_in_portal,
        ]
        try:
            one.chance.choice(acts)()
        except NotNow:
            one.files()
