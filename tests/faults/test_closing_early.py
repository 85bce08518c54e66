"""C4: a port is closed early by the ways that rights and settings allow, or it is said how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approvals.events import EndCause, State
from approvals.request import Request
from sandbox.azure.faults import Fault, drop_after_accept, too_many
from sandbox.slack import Message
from tests.faults.stages import Steps, approve, ask, eventually, said, told
from tests.stage import Stage

#: This VM's policy admits 203.0.113.0/24 alone, so nobody's request can take our place.
NARROW = "/jit jump-01 3389 for 1h from 203.0.113.7 because patching"


async def opened(stage: Stage, line: str = NARROW) -> Message:
    """The asker's message with the line to connect, its port open."""
    number = len(await stage.ledger.open_requests()) + 1
    await approve(stage, await ask(stage, line))
    await stage.wait_state(State.ACTIVE, number, within=20)
    return await stage.slack.person("alice").wait_dm("203.0.113.7", timeout=20)


async def done(stage: Stage, dm: Message) -> None:
    await stage.slack.person("alice").click(dm, "jit_done")


def assert_ended(request: Request, proof: str) -> None:
    assert request.ended is not None
    assert request.ended.cause is EndCause.DONE
    assert request.ended.proof == proof


@pytest.mark.proves("C4")
async def test_by_a_short_request_from_nobody(stage: Stage) -> None:
    dm = await opened(stage, "/jit web-01 22 for 1h from 203.0.113.7 because deploy fix")
    await done(stage, dm)
    assert_ended(await stage.wait_state(State.ENDED), "policy+nsg")
    # Azure takes the old rule out first, then the new one appears
    await eventually(lambda: [port.source for port in stage.azure.open_ports()] == ["192.0.2.1"])
    asked = stage.azure.initiates[1].at - stage.azure.initiates[0].at
    assert asked.total_seconds() < 5 + 20  # asked within 5 s of the click


@pytest.mark.proves("C4")
async def test_by_deleting_its_own_rule(stage: Stage) -> None:
    await done(stage, await opened(stage))
    assert_ended(await stage.wait_state(State.ENDED), "nsg")
    assert not stage.azure.open_ports()
    assert len(stage.azure.initiates) == 1
    await eventually(lambda: told(stage, "alice", "is closed") == 1)


@pytest.mark.proves("C4")
@pytest.mark.parametrize("right", ["nsg_delete", "nsg_read"])
async def test_without_a_way_it_is_said_until_when(stage: Stage, right: str) -> None:
    setattr(stage.azure.rights, right, False)
    dm = await opened(stage)
    await done(stage, dm)
    await eventually(lambda: told(stage, "alice", "Still open") == 1)
    request = await stage.request()
    assert request.state is State.CLOSING
    assert request.still_open is not None
    assert request.opening is not None
    assert request.still_open.code == "no_right"
    assert request.still_open.until == request.opening.ends_at
    card = next(m for m in stage.slack.channel("C0OPS").messages if not m.thread_ts)
    await stage.slack.wait_update(card, containing="Still open", timeout=20)
    await eventually(lambda: said(stage, card, "Not closed early") == 1)
    assert len(stage.azure.open_ports()) == 1

    # Azure closes it at its end, and that is looked up and told.
    stage.advance(minutes=61)
    await stage.wait_state(State.ENDED, within=20)
    await eventually(lambda: told(stage, "alice", "is closed") == 1)


@pytest.mark.proves("C4")
async def test_taken_but_not_proved_is_said_and_tried_again_by_hand(stage: Stage) -> None:
    dm = await opened(stage, "/jit web-01 22 for 1h from 203.0.113.7 because deploy fix")
    stage.azure.faults.add(Fault(status=202, body={}, path_contains="/initiate"))
    await done(stage, dm)
    await eventually(lambda: told(stage, "alice", "Still open") == 1)
    request = await stage.request()
    assert request.still_open is not None
    assert request.still_open.code == "not_proved"
    assert request.state is State.CLOSING
    card = next(m for m in stage.slack.channel("C0OPS").messages if not m.thread_ts)
    card = await stage.slack.wait_update(card, containing="Still open", timeout=20)
    await stage.slack.person("suzuki").click(card, "jit_close_retry")
    assert_ended(await stage.wait_state(State.ENDED, within=20), "policy+nsg")


@pytest.mark.proves("C4", "FAULT-21", "FAULT-22")
@pytest.mark.parametrize(
    "fault",
    [too_many(1, path_contains="/initiate"), drop_after_accept(path_contains="/initiate")],
    ids=["busy", "no answer"],
)
async def test_asked_again_when_azure_was_busy(stage: Stage, fault: Fault) -> None:
    stage.settings = replace(stage.settings, early_close=("supersede",))
    await stage.stop_bot()
    await stage.start_bot()
    dm = await opened(stage, "/jit web-01 22 for 1h from 203.0.113.7 because deploy fix")
    stage.azure.faults.add(fault)
    await done(stage, dm)
    assert_ended(await stage.wait_state(State.ENDED, within=20), "policy+nsg")


@pytest.mark.proves("C4", "FAULT-7")
async def test_closing_goes_on_after_a_restart(stage: Stage, steps: Steps) -> None:
    """The bot stops between the order and the asking: the next one carries it out."""
    dm = await opened(stage)

    async def stop() -> None:
        raise OSError("this process is going away")

    steps.at["before-close"] = stop
    await done(stage, dm)
    await eventually(lambda: "before-close" in steps.passed)
    await stage.stop_bot()
    await stage.start_bot()
    assert_ended(await stage.wait_state(State.ENDED, within=20), "nsg")
    assert not stage.azure.open_ports()


@pytest.mark.proves("C4", "C035")
async def test_no_rule_is_no_proof_behind_a_firewall(stage: Stage) -> None:
    """Azure Firewall lets people in: an NSG without the rule does not show a closed port."""
    stage.settings = replace(stage.settings, early_close=("nsg_rule",))
    await stage.stop_bot()
    await stage.start_bot()
    await approve(stage, await ask(stage, "/jit gw-01 22 for 1h from 203.0.113.7 because keys"))
    await stage.wait_state(State.ACTIVE, within=20)
    dm = await stage.slack.person("alice").wait_dm("198.51.100.250", timeout=20)
    for rule in stage.azure.nsg_rules("gw-01"):
        if rule.access == "Allow" and "JITRule" in rule.name:
            stage.azure.delete_rule("gw-01", rule.name)
    await done(stage, dm)
    await eventually(lambda: told(stage, "alice", "Still open") == 1)
    assert (await stage.request()).state is State.CLOSING
