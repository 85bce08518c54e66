"""A stage for each test: fresh workspace, fresh Azure, fresh ledger, a running bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stage import Stage, set_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = await set_stage(tmp_path)
    try:
        await stage.start_bot()
        yield stage
    finally:
        await stage.stop()
