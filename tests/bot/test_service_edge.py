"""The running bot at Slack's edge: its health, its rights, its start and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError

from approvals.events import PersonId, State
from bot.health import Colour
from tests.faults.stages import approve, ask
from tests.stage import Stage, set_stage, until


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A fresh workspace, Azure and ledger, and a running bot."""
    stage = await set_stage(tmp_path)
    await stage.start_bot()
    yield stage
    await stage.stop()


@pytest.mark.proves("C054")
async def test_ghost_connections_turn_the_health_amber_until_they_are_gone(stage: Stage) -> None:
    health = stage.service.health
    await until(lambda: health.colour() is Colour.GREEN)
    stage.slack.hello_connections = 10
    await stage.slack.cut_sockets()
    await until(lambda: health.colour() is Colour.AMBER)
    assert health.problems() == {
        "connections": "Slack counts 9 connections more than there are replicas"
    }
    assert health.can_serve()
    door = stage.service.vitals.socket
    assert door is not None
    assert door.health.connections == 10
    stage.slack.hello_connections = None
    await stage.slack.cut_sockets()
    await until(lambda: health.colour() is Colour.GREEN, within=20)


@pytest.mark.proves("B12")
async def test_a_change_of_a_group_counts_with_its_event(stage: Stage) -> None:
    sato = PersonId("U0SATO")
    assert sato in stage.service.groups.membership().members("S0SECURITY")
    stage.slack.groups["S0SECURITY"].remove("U0SATO")
    await stage.slack.announce_group("S0SECURITY")
    await until(
        lambda: sato not in stage.service.groups.membership().members("S0SECURITY"), within=5
    )


@pytest.mark.proves("B12", "O1")
async def test_somebody_who_leaves_is_out_with_the_event(stage: Stage) -> None:
    suzuki = PersonId("U0SUZUKI")
    await stage.slack.deactivate("suzuki")
    await until(lambda: suzuki in stage.service.groups.membership().inactive, within=5)
    assert suzuki not in stage.service.groups.membership().members("S0SECURITY")


@pytest.mark.proves("FAULT-19")
async def test_an_archived_channel_is_red_and_the_card_is_in_the_fallback(stage: Stage) -> None:
    stage.slack.core.workspace.channels["C0OPS"].is_archived = True
    alice = stage.slack.person("alice")
    await alice.command("C0GENERAL", "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix")
    await stage.slack.wait_message("C0AUDIT", containing="web-01", timeout=15)
    health = stage.service.health
    assert health.colour() is Colour.RED
    assert "is_archived" in health.problems()["delivery"]
    assert health.can_serve()


@pytest.mark.proves("C110", "M7")
async def test_what_was_acknowledged_before_a_stop_is_done_after_it(stage: Stage) -> None:
    card = await ask(stage)
    await approve(stage, card)
    await stage.stop_bot()
    assert not stage.slack.socket.connections
    await stage.start_bot()
    await stage.wait_state(State.ACTIVE, within=20)
    assert len(stage.azure.initiates) == 1


@pytest.mark.proves("C090", "O1")
async def test_a_stranger_of_a_shared_channel_reads_one_sentence(stage: Stage) -> None:
    eve = stage.slack.person("eve")
    stage.slack.channel("C0OPS").members.add("U0EVE")
    await eve.command("C0OPS", "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix")
    (answer,) = eve.ephemerals("C0OPS")
    assert "people of this workspace" in answer.text
    card = await ask(stage)
    await eve.click(card, "jit_approve")
    await until(lambda: len(eve.ephemerals("C0OPS")) == 2)
    assert (await stage.request()).state is State.PENDING


@pytest.mark.parametrize("what", ["bot_token", "app_token"])
async def test_a_refused_token_ends_the_start(tmp_path: Path, what: str) -> None:
    """Instead of a process that tries for ever and answers nobody (C079)."""
    stage = await set_stage(tmp_path)
    right = stage.settings
    slack = (
        replace(right.slack, bot_token="xoxb-1-2-wrong")
        if what == "bot_token"
        else replace(right.slack, app_token="xapp-1-A0-1-wrong")
    )
    stage.settings = replace(right, slack=slack)
    try:
        with pytest.raises(SlackApiError, match="invalid_auth"):
            await stage.start_bot()
    finally:
        await stage.stop()
