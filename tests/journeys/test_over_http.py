"""The main job over signed HTTP: no socket, every delivery signed, the same for people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from approvals.events import State
from tests.journeys.main_job import play_main_job
from tests.stage import Stage, set_stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"


@pytest.fixture
async def http_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The bot behind an address of its own; Slack delivers there."""
    stage = await set_stage(tmp_path)
    slack = replace(stage.settings.slack, mode="http", app_token=None)
    stage.settings = replace(stage.settings, slack=slack)
    try:
        await stage.start_bot()
        stage.slack.http_target = f"http://127.0.0.1:{stage.service.http_port}"
        yield stage
    finally:
        await stage.stop()


@pytest.mark.proves("M2", "A2", "A3", "B1", "C1", "C3", "C4", "J1", "J2")
async def test_the_main_job_over_signed_http(http_stage: Stage) -> None:
    await play_main_job(http_stage)
    assert http_stage.slack.socket.opened == 0
    assert not http_stage.slack.calls_of("apps.connections.open")


@pytest.mark.proves("FAULT-3", "FAULT-4", "O1")
async def test_a_click_delivered_twice_and_one_replayed_open_once(http_stage: Stage) -> None:
    slack, suzuki = http_stage.slack, http_stage.slack.person("suzuki")
    await slack.person("alice").command("C0OPS", LINE)
    card = await slack.wait_message("C0OPS", containing="1 approval needed", timeout=15)
    click = await suzuki.click(card, "jit_approve")
    again = await slack.redeliver(click)
    assert click.acked
    assert again.acked
    request = await http_stage.wait_state(State.ACTIVE, within=20)
    replayed = await slack.deliver_raw(click.kind, click.payload)
    assert replayed.acked
    assert len(request.approvals) == 1
    assert await http_stage.request() == request
    assert len(http_stage.azure.initiates) == 1


@pytest.mark.proves("FAULT-5", "O1")
async def test_a_click_with_another_signature_changes_nothing(http_stage: Stage) -> None:
    slack = http_stage.slack
    await slack.person("alice").command("C0OPS", LINE)
    await slack.wait_message("C0OPS", containing="1 approval needed", timeout=15)
    body = b'{"type": "block_actions"}'
    headers = {"Content-Type": "application/json"} | slack.sign(body + b" ")
    answer = await slack.http_send(body, headers)
    assert answer.status == 401
    assert (await http_stage.request()).state is State.PENDING
