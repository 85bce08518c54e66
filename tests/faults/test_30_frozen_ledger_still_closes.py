"""FAULT-30: with a frozen ledger nothing is approved or opened, and closing goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from approvals.audit.anchor import FileSink
from approvals.entry import decode, from_line
from approvals.events import Closing, Ended, State
from tests.faults.stages import approve, ask, eventually, told
from tests.stage import Stage, set_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = await set_stage(tmp_path)
    audit = replace(stage.settings.audit, second_sink=tmp_path / "sink.jsonl")
    stage.settings = replace(stage.settings, audit=audit)
    await stage.start_bot()
    yield stage
    await stage.stop()


async def cut_log(stage: Stage) -> None:
    """Somebody takes the newest entries away."""
    head = await stage.ledger.refresh()
    await stage.ledger.redis.xdel(stage.ledger.store.keys.audit, f"{head.sequence}-0")


@pytest.mark.proves("FAULT-30", "J3", "C4", "O6")
async def test_approvals_stop_and_done_still_closes(stage: Stage) -> None:
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await approve(stage, await ask(stage))
    await stage.wait_state(State.ACTIVE)
    dm = await alice.wait_dm("ssh ")
    second = await ask(stage, "/jit web-02 22 for 1h from 203.0.113.8 because logs")
    await cut_log(stage)

    await suzuki.click(second, "jit_approve")
    await suzuki.wait_ephemeral("the audit log is frozen")
    await stage.slack.wait_message("C0AUDIT", containing="audit log is frozen")
    assert stage.ledger.frozen
    assert len(stage.azure.initiates) == 1

    await alice.click(dm, "jit_done")
    await eventually(
        lambda: any(
            "Closing request 1" in m.all_text() for m in (*alice.ephemerals(), *alice.dms())
        )
    )
    await eventually(lambda: not [p for p in stage.azure.open_ports() if p.source == "203.0.113.7"])
    await eventually(lambda: told(stage, "alice", "is closed") == 1)

    sink = stage.settings.audit.second_sink
    assert isinstance(sink, Path)
    lines = await FileSink(sink, stage.ledger.keys).deferred()
    events = [decode(from_line(line)).event for line in lines]
    assert [type(event) for event in events] == [Closing, Ended]
