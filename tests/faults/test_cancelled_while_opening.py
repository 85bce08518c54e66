"""A cancel, or a try to approve one's own request, comes while the port is being opened."""

from __future__ import annotations

import pytest

from approvals.events import EndCause, State
from approvals.request import Request
from sandbox.azure.faults import refuse
from tests.faults.stages import Steps, approve, ask, eventually, told
from tests.stage import Stage


def types(stage: Stage, line: str) -> object:
    """Alice types this at a step."""

    async def act() -> None:
        await stage.slack.person("alice").command("C0OPS", line)

    return act


async def finished(stage: Stage) -> Request:
    """The request once nothing more will happen to it."""
    over = (State.CANCELLED, State.ENDED)
    for state in over:
        if (await stage.request()).state is state:
            return await stage.request()
    return await stage.wait_state(State.CANCELLED, within=20)


@pytest.mark.proves("A13", "C9")
async def test_before_it_was_sent_nothing_is_sent_and_nobody_is_alarmed(
    stage: Stage, steps: Steps
) -> None:
    steps.at["after-applying"] = types(stage, "/jit cancel 1")  # type: ignore[assignment]
    await approve(stage, await ask(stage))
    await stage.wait_state(State.CANCELLED, within=20)
    assert not stage.azure.initiates
    assert not [m for m in stage.slack.channel("C0AUDIT").messages if "prove" in m.all_text()]


@pytest.mark.proves("A13", "C9", "O6")
@pytest.mark.parametrize("step", ["before-send", "after-send", "before-opened", "after-opened"])
async def test_once_it_may_be_out_it_is_closed_as_soon_as_it_is_known(
    stage: Stage, steps: Steps, step: str
) -> None:
    steps.at[step] = types(stage, "/jit cancel 1")  # type: ignore[assignment]
    await approve(stage, await ask(stage))
    request = await stage.wait_state(State.ENDED, within=20)
    assert request.ended is not None
    assert request.ended.cause is EndCause.CANCELLED
    await eventually(lambda: not [p for p in stage.azure.open_ports() if p.source == "203.0.113.7"])


@pytest.mark.proves("A13", "C9")
async def test_unknown_outcome_that_azure_never_shows_ends_cancelled(
    stage: Stage, steps: Steps
) -> None:
    stage.azure.faults.add(refuse(503, "ServiceUnavailable", "Later.", path_contains="/initiate"))
    steps.at["before-send"] = types(stage, "/jit cancel 1")  # type: ignore[assignment]
    await approve(stage, await ask(stage))
    await stage.wait_state(State.CANCELLED, within=20)
    assert len(stage.azure.initiates) == 1
    assert not stage.azure.open_ports()


@pytest.mark.proves("B9", "FAULT-2")
async def test_own_approval_that_is_refused_meanwhile_is_no_forgery(
    stage: Stage, steps: Steps
) -> None:
    """The refused try is in the audit log behind the attempt, which it does not change."""

    async def tries() -> None:
        before = stage.ledger.highest_head.sequence
        await stage.slack.person("alice").command("C0OPS", "/jit approve 1")
        await eventually(lambda: stage.ledger.highest_head.sequence > before)

    steps.at["after-applying"] = tries
    await approve(stage, await ask(stage))
    await stage.wait_state(State.ACTIVE, within=20)
    await eventually(lambda: told(stage, "alice", "ssh ") == 1)
    assert not [m for m in stage.slack.channel("C0AUDIT").messages if "prove" in m.all_text()]


@pytest.mark.proves("C5", "A13")
async def test_approval_taken_back_before_it_is_open(stage: Stage, steps: Steps) -> None:
    async def takes_back() -> None:
        suzuki = stage.slack.person("suzuki")
        await suzuki.command("C0OPS", "/jit revoke 1 because the wrong machine")

    steps.at["after-applying"] = takes_back
    await approve(stage, await ask(stage))
    await stage.wait_state(State.CANCELLED, within=20)
    await eventually(lambda: told(stage, "alice", "the wrong machine") == 1)
    assert not stage.azure.initiates
