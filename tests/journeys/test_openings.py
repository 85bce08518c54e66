"""C7: what others do in Azure past Sekisho is told once, with caller and time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Unpack

import pytest

from approvals.entry import FoundOpening
from approvals.events import State
from handlers.openings import OpeningsWatch
from sandbox.azure.policies import policy_id
from sandbox.azure.portal import PortChange
from sandbox.slack import Message
from tests.faults.stages import approve, ask, eventually
from tests.stage import Stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"


def watch(stage: Stage) -> OpeningsWatch:
    """A leader that has just taken over, with an empty memory."""
    service = stage.service
    return OpeningsWatch(service.services, service.jit, tag=stage.settings.redis.tag)


def posted(stage: Stage, text: str, channel: str = "C0OPS") -> list[Message]:
    return [m for m in stage.slack.channel(channel).messages if text in m.all_text()]


async def notes(stage: Stage) -> list[FoundOpening]:
    head = await stage.ledger.refresh()
    found = [await stage.ledger.entry(n) for n in range(1, head.sequence + 1)]
    return [entry.event for entry in found if entry and isinstance(entry.event, FoundOpening)]


def edit(stage: Stage, vm: str, **changes: Unpack[PortChange]) -> None:
    """Somebody edits the first port of the VM's JIT policy in the portal."""
    stage.azure.portal.edit_port(stage.azure.machine(vm).id, **changes)


@pytest.mark.proves("C7", "J1")
async def test_a_port_opened_in_the_portal_is_told_once_and_entered(stage: Stage) -> None:
    stage.azure.open_from_outside(
        "web-01", 22, source="198.51.100.4", length=timedelta(hours=1),
        requestor="mallory@example.com", justification="hot <!channel> fix",
    )  # fmt: skip
    leader = watch(stage)
    await leader.step()
    await leader.step()
    await eventually(lambda: posted(stage, "Opened outside Sekisho: port 22 on web-01"))
    # another replica, and the same after a restart
    await watch(stage).step()
    await stage.stop_bot()
    await stage.start_bot()
    await watch(stage).step()
    [note] = await notes(stage)
    assert (note.ports, note.source) == ((22,), "198.51.100.4")
    assert (note.requestor, note.justification) == ("mallory@example.com", "hot <!channel> fix")
    [message] = posted(stage, "Opened outside Sekisho")
    said = message.all_text()
    assert "mallory@example.com opened it in Azure" in said
    assert "198.51.100.4" in said
    assert "Nobody approved it here." in said
    assert "hot <!channel> fix" not in message.text


@pytest.mark.proves("C7", "C8")
async def test_what_was_opened_while_the_bot_was_down_is_told_at_the_start(stage: Stage) -> None:
    """By the duty that the leader has anyway."""
    await stage.stop_bot()
    stage.azure.open_from_outside("web-01", 22, source="198.51.100.4", length=timedelta(hours=1))
    await stage.start_bot()
    await eventually(lambda: posted(stage, "Opened outside Sekisho: port 22 on web-01"))
    assert len(await notes(stage)) == 1


@pytest.mark.proves("C7")
async def test_our_own_openings_extensions_and_closings_are_no_news(stage: Stage) -> None:
    await approve(stage, await ask(stage, LINE))
    await stage.wait_state(State.ACTIVE, within=20)
    leader = watch(stage)
    await leader.step()
    await approve(stage, await ask(stage, "/jit extend 1 30m"))
    await stage.wait_state(State.ACTIVE, 2, within=20)
    await leader.step()
    await stage.slack.person("alice").command("C0OPS", "/jit done 2")
    await stage.wait_state(State.ENDED, 2, within=20)
    await leader.step()
    assert await notes(stage) == []
    assert not posted(stage, "outside Sekisho")


@pytest.mark.proves("C7", "J4")
async def test_a_justification_that_names_our_request_proves_nothing(stage: Stage) -> None:
    """The same VM and port, but not what was approved."""
    await approve(stage, await ask(stage, LINE))
    await stage.wait_state(State.ACTIVE, within=20)
    tag = stage.settings.redis.tag
    stage.azure.open_from_outside(
        "web-01", 8443, source="198.51.100.4", length=timedelta(hours=1),
        justification=f"{tag}:1 U0ALICE approved by U0SUZUKI", requestor="",
    )  # fmt: skip
    await watch(stage).step()
    await eventually(lambda: posted(stage, "Opened outside Sekisho: port 8443 on web-01"))
    said = posted(stage, "Opened outside Sekisho")[0].all_text()
    assert "Azure names nobody" in said
    assert "Its reason names request 1, which did not open it." in said


@pytest.mark.proves("C7", "N1")
async def test_it_goes_to_the_channel_of_the_rule_in_its_language(stage: Stage) -> None:
    stage.azure.open_from_outside(
        "stg-web-01", 22, source="198.51.100.4", length=timedelta(hours=1)
    )
    await watch(stage).step()
    await eventually(lambda: posted(stage, "Sekisho外で開放", "C0JA"))


@pytest.mark.proves("C7")
async def test_without_a_rule_the_audit_channel_reads_it(stage: Stage) -> None:
    stage.service.services.policy = lambda: replace(stage.service.policy(), rules=())
    stage.azure.open_from_outside("web-01", 22, source="198.51.100.4", length=timedelta(hours=1))
    await watch(stage).step()
    await eventually(lambda: posted(stage, "Opened outside Sekisho", "C0AUDIT"))


@pytest.mark.proves("C7")
async def test_an_edited_policy_is_told_with_what_changed(stage: Stage) -> None:
    leader = watch(stage)
    await leader.step()
    await watch(stage).step()
    assert not posted(stage, "JIT rule")  # seen for the first time: no news
    edit(stage, "web-01", sources=("*",), max_duration=timedelta(hours=24))
    await leader.step()
    await watch(stage).step()
    await eventually(lambda: posted(stage, "JIT rule edited by hand: web-01"))
    [message] = posted(stage, "JIT rule edited")
    assert "Port 22: from any address, up to 1 day" in message.all_text()
    # and back again: a change of its own
    edit(stage, "web-01", sources=("203.0.113.0/24",), max_duration=timedelta(hours=3))
    await leader.step()
    await eventually(lambda: len(posted(stage, "JIT rule edited by hand: web-01")) == 2)


@pytest.mark.proves("C7")
async def test_a_vm_taken_out_of_its_policy(stage: Stage) -> None:
    leader = watch(stage)
    await leader.step()
    state = stage.azure.state
    ((policy, entry),) = state.entries_of(stage.azure.machine("web-01").id.lower())
    rest = tuple(other for other in policy.entries if other is not entry)
    state.put_policy(replace(policy, entries=rest), now=stage.clock.now(), settle=timedelta(0))
    await leader.step()
    await leader.step()
    await eventually(lambda: posted(stage, "JIT rule taken away by hand: web-01"))
    assert len(posted(stage, "JIT rule")) == 1


@pytest.mark.proves("C7")
async def test_a_list_that_leaves_a_policy_out_is_no_change(stage: Stage) -> None:
    leader = watch(stage)
    await leader.step()
    ((policy, _),) = stage.azure.state.entries_of(stage.azure.machine("web-01").id.lower())
    stage.azure.faults.left_out.add(policy_id(policy))
    await leader.step()
    await watch(stage).step()
    assert not posted(stage, "JIT rule")
