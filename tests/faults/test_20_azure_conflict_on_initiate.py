"""FAULT-20: 409 on initiate: Azure's requests are read again; ours open is success, else retry."""

from __future__ import annotations

import pytest

from approvals.events import State
from sandbox.azure.faults import odd_answer, refuse
from tests.faults.stages import approve, ask, eventually, said, told
from tests.stage import Stage

BUSY = {"error": {"code": "AnotherOperationInProgress", "message": "The NSG is being written."}}


@pytest.mark.proves("FAULT-20", "C9")
async def test_busy_group_is_tried_again(stage: Stage) -> None:
    error = BUSY["error"]
    stage.azure.faults.add(refuse(409, error["code"], error["message"], path_contains="/initiate"))
    card = await ask(stage)
    await approve(stage, card)
    request = await stage.wait_state(State.ACTIVE)
    assert len(request.attempts) == 2
    assert [found.took_effect for found in stage.azure.initiates] == [False, True]
    await eventually(lambda: said(stage, card, "Azure is busy. Next try") == 1)
    await eventually(lambda: told(stage, "alice", "ssh ") == 1)


@pytest.mark.proves("FAULT-20", "C9")
async def test_conflict_of_an_opening_that_is_ours_is_success(stage: Stage) -> None:
    stage.azure.faults.add(odd_answer(409, BUSY, path_contains="/initiate"))
    await approve(stage, await ask(stage))
    request = await stage.wait_state(State.ACTIVE)
    assert len(request.attempts) == 1
    assert len(stage.azure.initiates) == 1
    assert len(stage.azure.open_ports()) == 1
