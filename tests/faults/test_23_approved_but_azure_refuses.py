"""FAULT-23: approved, and Azure says no: failed, both read why, the asker may try again in time."""

from __future__ import annotations

import pytest

from approvals.events import State
from sandbox.azure.faults import refuse
from tests.faults.stages import approve, ask, eventually, told
from tests.stage import Stage

INITIATE = "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action"
NOT_A_SUBSET = "The given access request is not a subset of policy 'default'."


@pytest.mark.proves("FAULT-23", "C9")
async def test_missing_right_is_said_to_both_and_the_same_digest_is_tried_again(
    stage: Stage,
) -> None:
    stage.azure.rights.deny(INITIATE)
    card = await ask(stage)
    await approve(stage, card)
    failed = await stage.wait_state(State.FAILED)
    assert failed.failure is not None
    assert failed.failure.code == "AuthorizationFailed"
    alice = stage.slack.person("alice")
    dm = await alice.wait_dm("no right to open ports", timeout=20)
    await eventually(lambda: told(stage, "suzuki", "no right to open ports") == 1)
    await stage.slack.wait_update(card, containing="Not opened", timeout=20)
    assert not stage.azure.open_ports()

    stage.azure.rights.clear()
    await alice.click(dm, "jit_retry")
    request = await stage.wait_state(State.ACTIVE)
    assert request.digest == failed.digest
    assert request.approvals == failed.approvals
    assert len(stage.azure.open_ports()) == 1


@pytest.mark.proves("FAULT-23")
async def test_nobody_else_tries_again(stage: Stage) -> None:
    stage.azure.rights.deny(INITIATE)
    await approve(stage, await ask(stage))
    await stage.wait_state(State.FAILED)
    stage.azure.rights.clear()
    await stage.slack.person("suzuki").command("C0OPS", "/jit retry 1")
    assert (await stage.request()).state is State.FAILED


@pytest.mark.proves("FAULT-23", "C9")
async def test_after_the_deadline_to_start_it_lapses(stage: Stage) -> None:
    stage.azure.rights.deny(INITIATE)
    card = await ask(stage)
    await approve(stage, card)
    await stage.wait_state(State.FAILED)
    alice = stage.slack.person("alice")
    dm = await alice.wait_dm("no right to open ports", timeout=20)
    stage.azure.rights.clear()
    stage.advance(hours=25)
    await alice.click(dm, "jit_retry")
    await stage.wait_state(State.LAPSED)
    await alice.wait_dm("but not opened by", timeout=20)
    assert not stage.azure.open_ports()


@pytest.mark.proves("FAULT-23", "C034")
async def test_policy_that_wants_the_whole_prefix(stage: Stage) -> None:
    """Nothing is widened to what the policy would take, and Azure's reason is shown."""
    stage.azure.faults.add(
        refuse(400, "InvalidJitNetworkAccessRequest", NOT_A_SUBSET, path_contains="/initiate")
    )
    line = "/jit jump-01 3389 for 1h from 203.0.113.7 because patching"
    await approve(stage, await ask(stage, line))
    failed = await stage.wait_state(State.FAILED)
    (sent,) = stage.azure.initiates
    (machine,) = (sent.body or {})["virtualMachines"]
    assert [port["allowedSourceAddressPrefix"] for port in machine["ports"]] == ["203.0.113.7"]
    await eventually(lambda: told(stage, "alice", "not a subset of policy") == 1)
    assert failed.terms.source == "203.0.113.7"

    # The approval is for this source: another one is another request, to be approved anew.
    await ask(stage, line.replace("203.0.113.7", "203.0.113.8"))
    assert (await stage.request(2)).state is State.PENDING


@pytest.mark.proves("FAULT-23")
async def test_lock_on_the_group(stage: Stage) -> None:
    vm = stage.azure.machine("web-01")
    scope = vm.id.split("/providers/")[0]
    stage.azure.faults.locks.add(scope)
    await approve(stage, await ask(stage))
    await stage.wait_state(State.FAILED)
    await eventually(lambda: told(stage, "alice", "a lock on") == 1)
    assert not stage.azure.open_ports()
