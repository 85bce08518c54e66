"""How far each workspace was read and what is wrong with it, kept in Redis."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from defender.errors import AzureBusy, AzureError, AzureForbidden, AzureRefused
from defender.file_changes import ChangeBatch, is_semantic
from feeds.file_change_records import WorkspaceState
from feeds.file_change_store import FileChangeStore
from feeds.settings import Workspace

#: Which tables a workspace has is looked at again so often, and sooner while it has none.
PROBE_EVERY = timedelta(hours=24)
PROBE_SOON = timedelta(minutes=15)
#: A query that the workspace refuses is wrong until somebody mends something (C043).
REFUSED_WAIT = timedelta(minutes=15)
FAILED_WAIT = timedelta(minutes=1)
#: The shortest window that is asked for after partial answers.
STEP_MIN = timedelta(seconds=30)

_STATE = msgspec.json.Decoder(WorkspaceState)


class States:
    """By the workspace's id, so that a new name keeps the place."""

    def __init__(self, store: FileChangeStore) -> None:
        self._store = store

    async def read(self, workspace: Workspace) -> WorkspaceState:
        redis, key = self._store.redis, self._store.key("changes:workspaces")
        body = await cast(Any, redis.hget(key, workspace.id))
        if body is None:
            return WorkspaceState(name=workspace.name)
        return msgspec.structs.replace(_STATE.decode(body), name=workspace.name)

    async def write(self, workspace: Workspace, state: WorkspaceState) -> None:
        redis, key = self._store.redis, self._store.key("changes:workspaces")
        await cast(Any, redis.hset(key, workspace.id, msgspec.json.encode(state)))

    async def count(self, name: str, n: int = 1) -> None:
        await cast(Any, self._store.redis.hincrby(self._store.key("counters:feeds"), name, n))


def after_reading(
    state: WorkspaceState, batch: ChangeBatch, *, step: timedelta, now: datetime
) -> WorkspaceState:
    """The watermark moves to where everything was read; a partial answer halves the next window."""
    read_to = batch.complete_to
    if state.read_to is not None:
        read_to = max(read_to, state.read_to)
    halved = max(step / 2, STEP_MIN).total_seconds() if batch.is_partial else 0.0
    last = max(filter(None, (state.last_row_at, batch.last_seen_at)), default=None)
    return msgspec.structs.replace(
        state,
        read_to=read_to,
        read_at=now,
        last_row_at=last,
        problem="partial" if batch.is_partial else "",
        detail=batch.partial[:300],
        step_seconds=halved,
        wait_until=None,
    )


def failed(state: WorkspaceState, error: AzureError, now: datetime) -> WorkspaceState:
    """What is wrong, by name, and when to ask again: never at once."""
    match error:
        case AzureBusy(retry_after=wait):
            problem, wait = "busy", max(wait or FAILED_WAIT, timedelta(seconds=1))
        case AzureForbidden():
            problem, wait = "forbidden", REFUSED_WAIT
        case AzureRefused() if is_semantic(error):
            problem, wait = "refused", REFUSED_WAIT
        case AzureRefused():
            problem, wait = "not_found", REFUSED_WAIT
        case _:
            problem, wait = "unavailable", FAILED_WAIT
    return msgspec.structs.replace(
        state,
        problem=problem,
        detail=f"{error.code}: {error.message}"[:300],
        wait_until=now + wait,
        # which tables there are may have changed: it is looked at before the next query
        probed_at=None if problem == "refused" else state.probed_at,
    )
