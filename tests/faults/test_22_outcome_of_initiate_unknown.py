"""FAULT-22: no answer to initiate: Azure is read, matched by request id, never opened twice."""

from __future__ import annotations

import pytest

from approvals.events import Applying, State
from sandbox.azure.faults import (
    Fault,
    drop_after_accept,
    drop_before,
    hang_after_accept,
    html_page,
    odd_answer,
    slow,
)
from tests.faults.stages import approve, ask, eventually, told
from tests.stage import Stage

HERE = "/initiate"


async def assert_one_opening(stage: Stage) -> None:
    """I4: never two ends, sources or port sets."""
    request = await stage.wait_state(State.ACTIVE, within=20)
    assert len({attempt.ends_at for attempt in request.attempts}) == 1
    bodies = [found.body for found in stage.azure.initiates]
    assert all(body == bodies[0] for body in bodies)
    await eventually(lambda: len(stage.azure.open_ports()) == 1)
    await eventually(lambda: told(stage, "alice", "ssh ") == 1)


@pytest.mark.proves("FAULT-22", "C9", "O6")
@pytest.mark.parametrize(
    "fault",
    [hang_after_accept(path_contains=HERE), drop_after_accept(path_contains=HERE)],
    ids=["hangs", "drops"],
)
async def test_accepted_without_an_answer(stage: Stage, fault: Fault) -> None:
    stage.azure.faults.add(fault)
    await approve(stage, await ask(stage))
    await assert_one_opening(stage)
    assert len(stage.azure.initiates) == 1


@pytest.mark.proves("FAULT-22", "C9")
@pytest.mark.parametrize(
    "fault",
    [drop_before(path_contains=HERE), html_page(path_contains=HERE)],
    ids=["drops", "page of a proxy"],
)
async def test_never_arrived_is_sent_again_with_the_same_end(stage: Stage, fault: Fault) -> None:
    stage.azure.faults.add(fault)
    await approve(stage, await ask(stage))
    await assert_one_opening(stage)
    assert [found.took_effect for found in stage.azure.initiates].count(True) == 1


@pytest.mark.proves("FAULT-22")
async def test_packet_that_comes_late_is_the_same_opening(stage: Stage) -> None:
    """The first takes effect after the second was sent: same end, source and ports."""
    stage.azure.faults.add(slow(4.2, path_contains=HERE))
    await approve(stage, await ask(stage))
    await assert_one_opening(stage)
    await eventually(lambda: all(found.took_effect for found in stage.azure.initiates))
    await assert_one_opening(stage)


@pytest.mark.proves("FAULT-22", "C083")
@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("body", ["", {"requests": []}], ids=["empty", "body"])
async def test_any_2xx_leads_to_reading_back(
    stage: Stage, status: int, body: str | dict[str, object]
) -> None:
    stage.azure.faults.add(odd_answer(status, body, path_contains=HERE))
    await approve(stage, await ask(stage))
    await assert_one_opening(stage)
    assert len(stage.azure.initiates) == 1


@pytest.mark.proves("FAULT-22", "C083")
async def test_success_that_did_nothing_is_not_called_open(stage: Stage) -> None:
    """Success is what the policy shows: after the time to send it is tried again, same end."""
    stage.azure.faults.add(Fault(status=202, body={}, before_effect=True, path_contains=HERE))
    await approve(stage, await ask(stage))
    await assert_one_opening(stage)
    assert [found.took_effect for found in stage.azure.initiates] == [False, True]


@pytest.mark.proves("FAULT-22")
async def test_each_attempt_is_on_record_before_it_is_sent(stage: Stage) -> None:
    stage.azure.faults.add(drop_before(path_contains=HERE))
    await approve(stage, await ask(stage))
    await assert_one_opening(stage)
    head = await stage.ledger.refresh()
    entries = [await stage.ledger.entry(n) for n in range(1, head.sequence + 1)]
    tries = [e.event.attempt for e in entries if e and isinstance(e.event, Applying)]
    assert [attempt.number for attempt in tries] == [1, 2]
    assert len({attempt.op for attempt in tries}) == 2
