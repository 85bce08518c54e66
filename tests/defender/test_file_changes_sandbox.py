"""The gateway of file changes against the sandbox's Azure: both tables, late, twice, partial."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from defender.errors import AzureForbidden, AzureNotFound
from defender.file_change_decode import MDE, TRACKING
from defender.file_changes import ChangeBatch, FileIntegrityGateway
from sandbox.azure import SandboxAzure
from tests.sandboxed import sandboxed

NEW = "00000000-0000-0000-0000-0000000000a1"
OLD = "00000000-0000-0000-0000-0000000000a2"


@dataclass(slots=True)
class World:
    azure: SandboxAzure
    gateway: FileIntegrityGateway

    @property
    def now(self) -> datetime:
        return self.azure.clock.now() + timedelta(seconds=1)

    async def read(self, workspace: str = NEW, table: str = MDE) -> ChangeBatch:
        since = self.now - timedelta(hours=1)
        return await self.gateway.changes(workspace, since, self.now, tables=(table,))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with sandboxed(tmp_path) as (azure, clients):
        yield World(azure, FileIntegrityGateway(clients))


@pytest.mark.proves("C043", "E7")
async def test_each_workspace_answers_in_its_own_generation(world: World) -> None:
    assert await world.gateway.generation(NEW) == (MDE,)
    assert await world.gateway.generation(OLD) == (TRACKING,)


@pytest.mark.proves("E3")
async def test_a_changed_file_is_read(world: World) -> None:
    world.azure.change_file("web-01", "/etc/sudoers.d/90-deploy", account="root", process="vim")
    (change,) = (await world.read()).rows
    assert (change.machine, change.path) == ("web-01", "/etc/sudoers.d/90-deploy")
    assert (change.account, change.process, change.act) == ("root", "vim", "touched")
    assert change.resource_id
    assert change.seen_at is not None


@pytest.mark.proves("E7")
async def test_change_tracking_is_read(world: World) -> None:
    world.azure.change_file("dwh-01", "/etc/passwd")
    (change,) = (await world.read(OLD, TRACKING)).rows
    assert (change.machine, change.path, change.account) == ("dwh-01", "/etc/passwd", "")


async def test_the_double_row_is_one(world: World) -> None:
    world.azure.change_file("web-01", "/etc/hosts", twice=True)
    assert len((await world.read()).rows) == 1


@pytest.mark.proves("C087")
async def test_a_late_row_is_read_when_it_can_be(world: World) -> None:
    world.azure.change_file("web-01", "/etc/hosts", ago=timedelta(hours=5, minutes=40))
    (change,) = (await world.read()).rows
    assert change.changed_at is not None
    assert world.now - change.changed_at > timedelta(hours=5, minutes=39)


@pytest.mark.proves("C081")
async def test_partial_answers_lose_nothing(world: World) -> None:
    for n in range(20):
        world.azure.change_file("web-01", f"/srv/{n}")
    world.azure.workspaces.faults.partial_answers = 1
    batch = await world.read()
    assert batch.is_partial
    assert len(batch.rows) == 20


@pytest.mark.proves("E7")
async def test_who_beats_is_alive(world: World) -> None:
    world.azure.change_file("web-01", "/etc/hosts")
    (last,) = await world.gateway.last_seen(NEW, world.now, tables=(MDE,))
    assert last.machine == "web-01"
    beats = await world.gateway.heartbeats(NEW, world.now - timedelta(hours=1))
    assert beats is not None
    assert "web-01" in beats


async def test_what_is_not_ours_is_refused(world: World) -> None:
    with pytest.raises((AzureNotFound, AzureForbidden)):
        await world.gateway.generation("00000000-0000-0000-0000-00000000dead")
