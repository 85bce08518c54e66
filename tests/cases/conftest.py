"""A stage of a test's own, and one that the tests of a module share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stage import Stage, set_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = await set_stage(tmp_path)
    await stage.start_bot()
    yield stage
    await stage.stop()


@pytest.fixture(scope="module")
async def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Its ledger, Azure and messages go on from test to test: look for what is newer than yours."""
    stage = await set_stage(tmp_path_factory.mktemp("stage"))
    await stage.start_bot()
    yield stage
    await stage.stop()
