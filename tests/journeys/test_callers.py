"""C7: who edited a JIT policy or took a rule away is named, by Azure's activity log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.events import State
from defender.activity_log import ActivityLogGateway
from defender.network import NetworkGateway
from handlers.callers import CallerSearch
from sandbox.azure.activity_actors import PIPELINE, Actor, managed_identity, person
from sandbox.azure.activity_log import READ
from sandbox.azure.faults import Fault
from sandbox.slack import Message
from tests.faults.stages import approve, ask, eventually
from tests.journeys.test_openings import edit, posted, watch
from tests.stage import Stage

SUZUKI = person("suzuki@example.com", "Suzuki")
RUNNER = managed_identity("/subscriptions/1/x/virtualMachines/runner-01", "a1b2", "c3d4")
LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"
EDITED = "JIT rule edited by hand: web-01"
MISSING = "lacks the right Microsoft.Insights/eventtypes/values/read"


def search(stage: Stage) -> CallerSearch:
    """What the leader does every few seconds."""
    service = stage.service
    clients = service.clients
    own = frozenset({stage.azure.client_id})
    log, network = ActivityLogGateway(clients), NetworkGateway(clients)
    return CallerSearch(service.services, log, network, own=own)


async def told(stage: Stage, headline: str, text: str, channel: str = "C0OPS") -> Message:
    """The one message with this headline, once it says so."""

    def found() -> bool:
        return any(text in m.all_text() for m in posted(stage, headline, channel))

    await eventually(found)
    [message] = posted(stage, headline, channel)
    return message


async def edited_by_hand(stage: Stage) -> None:
    leader = watch(stage)
    await leader.step()
    edit(stage, "web-01", max_duration=timedelta(hours=24))
    await leader.step()


@pytest.mark.proves("C7")
async def test_an_edited_policy_names_who_edited_it(stage: Stage) -> None:
    await edited_by_hand(stage)
    await search(stage).step()
    message = await told(stage, EDITED, "engineer@example.com changed the policy ")
    assert "Who and when: from Azure’s activity log." in message.all_text()
    assert "engineer@example.com changed the policy 20" in message.text  # the fallback, too


@pytest.mark.proves("C7")
async def test_a_vm_taken_out_names_the_pipelines_identity(stage: Stage) -> None:
    leader = watch(stage)
    await leader.step()
    stage.azure.portal.take_out(stage.azure.machine("web-01").id, by=RUNNER)
    await leader.step()
    await search(stage).step()
    removed = "JIT rule taken away by hand: web-01"
    await told(stage, removed, "The managed identity runner-01 changed the policy")


@pytest.mark.proves("C7", "N1")
async def test_the_channel_reads_it_in_its_language(stage: Stage) -> None:
    leader = watch(stage)
    await leader.step()
    edit(stage, "stg-web-01", max_duration=timedelta(hours=24))
    await leader.step()
    await search(stage).step()
    await told(stage, "JITの規則の手動変更", "engineer@example.comが", "C0JA")
    await told(stage, "JITの規則の手動変更", "にポリシーを変更しました。", "C0JA")


@pytest.mark.proves("C7")
async def test_what_the_log_shows_late_is_told_at_once_and_named_later(stage: Stage) -> None:
    stage.azure.activity_log.lag = timedelta(minutes=5)
    await edited_by_hand(stage)
    await search(stage).step()
    before = await told(stage, EDITED, "which can be 20 minutes late, and adds it here")
    assert "example.com" not in before.all_text()
    await stage.stop_bot()  # nothing of the search is lost with the process
    stage.advance(minutes=6)
    await stage.start_bot()
    await search(stage).step()
    after = await told(stage, EDITED, "engineer@example.com changed the policy")
    assert after.ts == before.ts
    assert "adds it here" not in after.all_text()


@pytest.mark.proves("C7", "M3")
async def test_without_the_right_it_is_told_all_the_same_and_says_why(stage: Stage) -> None:
    stage.azure.rights.deny(READ)
    await edited_by_hand(stage)
    await search(stage).step()
    await told(stage, EDITED, MISSING)
    stage.azure.rights.allow(READ)  # an administrator reads it and mends it
    stage.advance(minutes=1)
    await search(stage).step()
    message = await told(stage, EDITED, "engineer@example.com changed the policy")
    assert MISSING not in message.all_text()


@pytest.mark.proves("C7")
async def test_after_an_hour_it_is_said_that_the_log_names_nobody(stage: Stage) -> None:
    leader = watch(stage)
    await leader.step()
    stage.azure.portal.edit_port(
        stage.azure.machine("web-01").id, by=person(""), max_duration=timedelta(hours=24)
    )
    await leader.step()
    await search(stage).step()
    await told(stage, EDITED, "adds it here")
    stage.advance(minutes=61)
    await search(stage).step()
    await told(stage, EDITED, "Azure’s activity log names nobody for this.")
    stage.azure.received.clear()
    stage.advance(minutes=10)
    await search(stage).step()
    assert not [e for e in stage.azure.received if "eventtypes" in e.path]  # the search is over


async def open_session(stage: Stage) -> None:
    await approve(stage, await ask(stage, LINE))
    await stage.wait_state(State.ACTIVE, within=20)


async def lose_the_rule(stage: Stage, by: Actor = PIPELINE) -> None:
    """A redeployment takes the rule away, and the leader has looked twice."""
    [rule] = [r for r in stage.azure.nsg_rules("web-01") if r.access == "Allow" and "JIT" in r.name]
    stage.azure.delete_rule("web-01", rule.name, by=by)
    for _ in range(2):
        await stage.service._leader.watch_sessions()
    await stage.wait_state(State.ENDED, within=20)


@pytest.mark.proves("C7")
async def test_a_vanished_rule_names_who_took_it_away(stage: Stage) -> None:
    await open_session(stage)
    await lose_the_rule(stage, by=SUZUKI)
    await search(stage).step()
    message = await told(
        stage, "Gone early: port 22", "suzuki@example.com deleted the network rule SecurityCenter-"
    )
    assert "It was approved until" in message.all_text()
    # Defender for Cloud, which wrote the rule, and we, who asked for it, are no answer
    assert "application" not in message.all_text()


@pytest.mark.proves("C7")
async def test_a_session_whose_policy_was_deleted_names_by_whom(stage: Stage) -> None:
    await open_session(stage)
    stage.azure.portal.delete_policy(stage.azure.machine("web-01").id, by=SUZUKI)
    await stage.service._leader.watch_sessions()
    await stage.wait_state(State.ENDED, within=20)
    await search(stage).step()
    await told(stage, "Gone early: port 22", "suzuki@example.com deleted the policy")


@pytest.mark.proves("C7", "M3")
async def test_a_vanished_rule_without_the_right_says_so(stage: Stage) -> None:
    stage.azure.rights.deny(READ)
    await open_session(stage)
    await lose_the_rule(stage)
    await search(stage).step()
    await told(stage, "Gone early: port 22", MISSING)


@pytest.mark.proves("C7")
async def test_an_opening_that_azures_record_leaves_without_a_name(stage: Stage) -> None:
    stage.azure.open_from_outside(
        "web-01", 22, source="198.51.100.4", length=timedelta(hours=1), requestor="", by=SUZUKI
    )
    await watch(stage).step()
    await search(stage).step()
    message = await told(stage, "Opened outside Sekisho", "suzuki@example.com asked Azure for it")
    assert "Azure names nobody" not in message.all_text()
    assert "Nobody approved it here." in message.all_text()


@pytest.mark.proves("C7")
async def test_an_unread_log_holds_nothing_up(stage: Stage) -> None:
    """Azure's log fails; the message stands, and the caller comes with the next look."""
    broken = Fault(path_contains="eventtypes", status=400, times=None, body={"error": {}})
    stage.azure.faults.add(broken)
    await edited_by_hand(stage)
    await search(stage).step()
    await told(stage, EDITED, "adds it here")
    stage.azure.faults.clear()
    stage.advance(minutes=1)
    await search(stage).step()
    await told(stage, EDITED, "engineer@example.com changed the policy")
