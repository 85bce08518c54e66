"""FAULT-21: 429 and 5xx: Azure's wait is kept, `applying` is shown, nothing opens late or twice."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from approvals.events import State
from sandbox.azure.faults import odd_answer, refuse, too_many
from tests.faults.stages import approve, ask, eventually, said, told
from tests.stage import Stage

#: As the Compute service says it, without a header.
IN_TEXT = (
    "Number of requests exceeded the limit of '50' for time interval '00:05:00'. "
    "Please try again after '{seconds}' seconds."
)


@pytest.mark.proves("FAULT-21", "C9")
async def test_retry_after_is_kept_and_the_state_is_shown(stage: Stage) -> None:
    stage.azure.faults.add(too_many(2, path_contains="/initiate"))
    card = await ask(stage)
    await approve(stage, card)
    await stage.slack.wait_update(card, containing="Azure is busy. Next try", timeout=20)
    request = await stage.request()
    assert request.state is State.APPLYING
    assert not stage.azure.open_ports()
    request = await stage.wait_state(State.ACTIVE)
    first, second = stage.azure.initiates
    assert second.at - first.at >= timedelta(seconds=2)
    assert request.opening is not None
    # A proven refusal moves the end: the length counts from the opening.
    assert request.attempts[1].ends_at - request.attempts[0].ends_at >= timedelta(seconds=2)
    assert len(stage.azure.open_ports()) == 1


@pytest.mark.proves("FAULT-21", "C100")
async def test_wait_that_stands_in_the_text_alone(stage: Stage) -> None:
    text = IN_TEXT.format(seconds=2)
    stage.azure.faults.add(refuse(429, "OperationNotAllowed", text, path_contains="/initiate"))
    await approve(stage, await ask(stage))
    await stage.wait_state(State.ACTIVE)
    first, second = stage.azure.initiates
    assert second.at - first.at >= timedelta(seconds=2)


@pytest.mark.proves("FAULT-21", "C100", "A13")
async def test_long_wait_is_told_and_can_be_cancelled(stage: Stage) -> None:
    text = IN_TEXT.format(seconds=372)
    stage.azure.faults.add(refuse(429, "OperationNotAllowed", text, path_contains="/initiate"))
    card = await ask(stage)
    await approve(stage, card)
    await stage.slack.wait_update(card, containing="Azure is busy. Next try", timeout=20)
    request = await stage.request()
    assert request.postponed is not None
    wait = request.postponed.retry_at - request.changed_at
    assert timedelta(seconds=360) < wait <= timedelta(seconds=373)
    await stage.slack.person("alice").command("C0OPS", "/jit cancel 1")
    await stage.wait_state(State.CANCELLED)
    assert len(stage.azure.initiates) == 1
    assert not stage.azure.open_ports()


@pytest.mark.proves("FAULT-21", "C9", "C100")
async def test_wait_beyond_the_deadline_to_start_fails_and_both_are_told(stage: Stage) -> None:
    stage.azure.faults.add(too_many(86_000, path_contains="/initiate"))
    await approve(stage, await ask(stage))
    await stage.wait_state(State.FAILED)
    await eventually(lambda: told(stage, "alice", "Azure was too busy") == 1)
    await eventually(
        lambda: told(stage, "suzuki", "忙しく") + told(stage, "suzuki", "too busy") == 1
    )
    assert not stage.azure.open_ports()


@pytest.mark.proves("FAULT-21", "C9", "C104")
async def test_window_until_an_instant_is_never_opened_after_it(stage: Stage) -> None:
    """Put off until too late for what was asked: it fails, though the approval still held."""
    text = IN_TEXT.format(seconds=60)
    stage.azure.faults.add(refuse(429, "OperationNotAllowed", text, path_contains="/initiate"))
    until = (stage.clock.now() + timedelta(minutes=9)).astimezone(ZoneInfo("Europe/London"))
    card = await ask(
        stage, f"/jit web-01 22 until {until:%H:%M} from 203.0.113.7 because deploy fix"
    )
    await approve(stage, card)
    await stage.slack.wait_update(card, containing="Azure is busy. Next try", timeout=20)
    stage.advance(minutes=5)
    await stage.wait_state(State.FAILED)
    assert not stage.azure.open_ports()
    assert len(stage.azure.initiates) == 1


@pytest.mark.proves("FAULT-21", "FAULT-22", "C9")
async def test_server_error_before_the_effect_is_sent_again_with_the_same_end(
    stage: Stage,
) -> None:
    stage.azure.faults.add(refuse(503, "ServiceUnavailable", "Later.", path_contains="/initiate"))
    card = await ask(stage)
    await approve(stage, card)
    request = await stage.wait_state(State.ACTIVE, within=20)
    first, second = stage.azure.initiates
    assert first.body == second.body
    assert request.attempts[0].ends_at == request.attempts[1].ends_at
    await eventually(lambda: said(stage, card, "Trying again (try 2)") == 1)


@pytest.mark.proves("FAULT-21", "FAULT-22")
async def test_server_error_after_the_effect_is_found_open(stage: Stage) -> None:
    broken = {"error": {"code": "InternalServerError", "message": "Oops."}}
    stage.azure.faults.add(odd_answer(500, broken, path_contains="/initiate"))
    await approve(stage, await ask(stage))
    await stage.wait_state(State.ACTIVE, within=20)
    assert len(stage.azure.initiates) == 1


@pytest.mark.proves("FAULT-21", "C9")
async def test_policy_that_can_not_be_read_for_a_while(stage: Stage) -> None:
    """Nothing was sent, and is sent as soon as the policy can be read."""
    card = await ask(stage)
    stage.azure.faults.add(
        refuse(
            503, "ServiceUnavailable", "Later.",
            method="GET", path_contains="jitNetworkAccessPolicies", times=3,
        )
    )  # fmt: skip
    await approve(stage, card)
    await stage.wait_state(State.ACTIVE, within=20)
    assert len(stage.azure.initiates) == 1
