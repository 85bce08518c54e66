"""A stage on which a test can wait until file changes have been read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from feeds.file_changes import FileChangeFeed
from feeds.settings import Workspace
from tests.stage import Stage, set_stage

READ_WITHIN_SECONDS = 15.0


@dataclass
class FileStage:
    """The stage, with its feed of file changes."""

    stage: Stage

    @property
    def feed(self) -> FileChangeFeed:
        changes = self.stage.service.feeds.changes
        assert changes is not None
        return changes.feed

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        changes = self.stage.service.feeds.changes
        assert changes is not None
        return changes.settings().workspaces

    async def read(self) -> None:
        """Everything that was readable when this was called has been read, or was refused."""
        changes = self.stage.service.feeds.changes
        assert changes is not None
        begun = await changes.store.now()
        for workspace in self.workspaces:
            async with asyncio.timeout(READ_WITHIN_SECONDS):
                while True:
                    state = await self.feed.states.read(workspace)
                    is_read = state.read_to is not None and state.read_to > begun
                    is_held = state.wait_until is not None and state.wait_until > begun
                    if is_read or is_held:
                        break
                    await asyncio.sleep(0.05)

    async def restart(self) -> None:
        await self.stage.stop_bot()
        await self.stage.start_bot()

    async def settled(self) -> None:
        """Nothing waits to be posted any more."""
        outbox = self.stage.service.outbox
        async with asyncio.timeout(READ_WITHIN_SECONDS):
            while any([await outbox.size(channel) for channel in await outbox.channels()]):
                await asyncio.sleep(0.05)


async def set_file_stage(folder: Path) -> AsyncIterator[FileStage]:
    stage = await set_stage(folder)
    try:
        await stage.start_bot()
        yield FileStage(stage)
    finally:
        await stage.stop()
