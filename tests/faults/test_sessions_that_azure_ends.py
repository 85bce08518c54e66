"""Sessions that share a VM, vanish in Azure, or lose the one that they extend."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from approvals.events import EndCause, State
from sandbox.azure.policies import policy_id
from tests.faults.stages import Steps, approve, ask, eventually, in_time, told
from tests.stage import Stage

FIRST = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"
OTHER = "/jit web-01 22 for 1h from 203.0.113.9 because logs"


async def open_first(stage: Stage) -> None:
    await approve(stage, await ask(stage, FIRST))
    await stage.wait_state(State.ACTIVE, within=20)


async def watch(stage: Stage) -> None:
    """What the holder of the lease does every half minute."""
    await stage.service._leader.watch_sessions()


@pytest.mark.proves("C8", "C9")
async def test_owner_of_a_superseded_session_is_told_at_once(stage: Stage) -> None:
    await open_first(stage)
    await approve(stage, await ask(stage, OTHER, who="yamada"))
    await stage.wait_state(State.ACTIVE, 2, within=20)
    ended = await stage.wait_state(State.ENDED, 1, within=20)
    assert ended.ended is not None
    assert (ended.ended.cause, ended.ended.by) == (EndCause.SUPERSEDED, "2")
    await eventually(lambda: told(stage, "alice", "Request 2 took its place") == 1)
    assert [port.source for port in stage.azure.open_ports()] == ["203.0.113.9"]


async def test_other_ports_of_the_same_vm_stay_open(stage: Stage) -> None:
    await open_first(stage)
    line = "/jit web-01 8443 for 1h from 203.0.113.9 because logs"
    await approve(stage, await ask(stage, line, who="yamada"))
    await stage.wait_state(State.ACTIVE, 2, within=20)
    await watch(stage)
    assert (await stage.request(1)).state is State.ACTIVE
    assert len(stage.azure.open_ports()) == 2


async def test_superseded_past_the_bot(stage: Stage) -> None:
    await open_first(stage)
    stage.azure.open_from_outside(
        "web-01", 22, source="198.51.100.4", length=timedelta(hours=1), justification="portal"
    )
    await watch(stage)
    ended = await stage.wait_state(State.ENDED)
    assert ended.ended is not None
    assert (ended.ended.cause, ended.ended.by) == (EndCause.SUPERSEDED, None)
    await eventually(lambda: told(stage, "alice", "Another session on this port ended it") == 1)


async def test_closing_never_ends_somebody_elses_session(stage: Stage) -> None:
    """Done on what another session has replaced: closed already, and the other stays open."""
    await open_first(stage)
    stage.azure.open_from_outside(
        "web-01", 22, source="203.0.113.7", length=timedelta(hours=1), justification="portal"
    )
    await stage.slack.person("alice").command("C0OPS", "/jit done 1")
    await stage.wait_state(State.ENDED, within=20)
    assert [port.justification for port in stage.azure.open_ports()] == ["portal"]
    assert len(stage.azure.initiates) == 1


@pytest.mark.parametrize("harm", ["policy deleted", "VM taken out"])
async def test_session_whose_policy_is_gone_has_vanished(stage: Stage, harm: str) -> None:
    await open_first(stage)
    state, now = stage.azure.state, stage.clock.now()
    ((policy, entry),) = state.entries_of(stage.azure.machine("web-01").id.lower())
    if harm == "policy deleted":
        assert state.delete_policy(policy_id(policy).lower(), now=now)
    else:
        rest = tuple(other for other in policy.entries if other is not entry)
        state.put_policy(replace(policy, entries=rest), now=now, settle=timedelta(0))
    await watch(stage)
    ended = await stage.wait_state(State.ENDED)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.VANISHED
    await eventually(lambda: told(stage, "alice", "before its time") == 1)


async def test_list_that_leaves_the_request_out_proves_nothing(stage: Stage) -> None:
    await open_first(stage)
    for opening in list(stage.azure.state.openings):
        stage.azure.state._of_policy[opening.policy_id].clear()
    await watch(stage)
    assert (await stage.request()).state is State.ACTIVE


@pytest.mark.proves("C3")
async def test_extension_lapses_when_its_session_ends(stage: Stage) -> None:
    await open_first(stage)
    await ask(stage, "/jit extend 1 30m")
    await stage.slack.person("alice").command("C0OPS", "/jit done 1")
    await stage.wait_state(State.ENDED, 1, within=20)
    await stage.wait_state(State.LAPSED, 2, within=20)
    await eventually(lambda: told(stage, "alice", "apsed") == 1)


@pytest.mark.proves("C3", "C9")
async def test_extension_approved_while_its_session_ends_opens_nothing(
    stage: Stage, steps: Steps
) -> None:
    """The session is closed between the approval and the attempt."""
    await open_first(stage)
    card = await ask(stage, "/jit extend 1 30m")

    async def finish() -> None:
        await stage.slack.person("alice").command("C0OPS", "/jit done 1")
        await stage.wait_state(State.ENDED, 1, within=20)

    steps.at["before-applying"] = finish
    await approve(stage, card)
    over = (State.LAPSED, State.FAILED)  # whichever of leader's end and applier sees it first

    async def is_over() -> bool:
        return (await stage.request(2)).state in over

    await in_time(is_over)
    assert len(stage.azure.initiates) == 2  # the first opening and its closing
    assert len([port for port in stage.azure.open_ports() if port.source == "203.0.113.7"]) == 0


@pytest.mark.proves("C1", "C035")
async def test_address_and_port_behind_azure_firewall(stage: Stage) -> None:
    card = await ask(stage, "/jit gw-01 22 for 1h from 203.0.113.7 because keys")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    request = await stage.wait_state(State.ACTIVE)
    assert request.opening is not None
    mapped = request.opening.mapped_ports[22]
    assert mapped != 22
    dm = await stage.slack.person("alice").wait_dm(f"ssh -p {mapped} 198.51.100.250", timeout=20)
    await stage.slack.person("alice").click(dm, "jit_done")
    await stage.wait_state(State.ENDED, within=20)
