"""Fixtures for tests of faults: a whole stage, bots as processes, the posting side alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.delivery.conftest import desk, outbox, slack
from tests.faults.processes import World, make_world
from tests.faults.stages import Steps
from tests.feeds.conftest import store
from tests.stage import Stage, set_stage

__all__ = ["desk", "outbox", "slack", "stage", "steps", "store", "world"]


@pytest.fixture
def steps() -> Steps:
    """What happens at the named steps of opening and closing."""
    return Steps()


@pytest.fixture
async def stage(tmp_path: Path, steps: Steps) -> AsyncIterator[Stage]:
    """A fresh workspace, Azure and ledger, and a running bot."""
    stage = await set_stage(tmp_path)
    stage.failpoint = steps
    await stage.start_bot()
    yield stage
    await stage.stop()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "leader"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The same with bots as processes of their own."""
    world = await make_world(tmp_path)
    yield world
    await world.stop()
