"""The main job over Socket Mode while Slack moves, drops and refuses the connection."""

from __future__ import annotations

import itertools

import pytest

from approvals.events import State
from tests.journeys.main_job import play_main_job
from tests.stage import Stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"


@pytest.mark.proves("M2", "C055")
async def test_the_main_job_while_the_connection_is_moved_and_lost(stage: Stage) -> None:
    """A new connection before each step: announced, without a word, and by a warning."""
    slack = stage.slack
    ways = itertools.cycle(("refresh_requested", "cut", "warning"))

    async def lose() -> None:
        opened, way = slack.socket.opened, next(ways)
        await (slack.cut_sockets() if way == "cut" else slack.disconnect(way))
        await slack.wait_connected(20, opened=opened + 1)

    await play_main_job(stage, lose)
    assert slack.socket.opened >= 4


@pytest.mark.proves("FAULT-3", "C055")
async def test_a_click_while_nobody_listens_is_made_again(stage: Stage) -> None:
    """Slack says that it failed; the same button works once the bot is back."""
    slack, suzuki = stage.slack, stage.slack.person("suzuki")
    await slack.person("alice").command("C0OPS", LINE)
    card = await slack.wait_message("C0OPS", containing="1 approval needed", timeout=15)
    await stage.stop_bot()
    lost = await suzuki.click(card, "jit_approve")
    assert not lost.acked
    await stage.start_bot()
    assert (await suzuki.click(card, "jit_approve")).acked
    request = await stage.wait_state(State.ACTIVE, within=20)
    assert len(request.approvals) == 1
    assert len(stage.azure.initiates) == 1
