"""Deciding: deny, lapse, approve for less, quorum, own requests, late and doubled clicks."""

from __future__ import annotations

import asyncio
import copy

import pytest

from approvals.events import EndCause, Length, State
from sandbox.slack import Message
from tests.stage import Stage

LINE = "/jit web-01 22,8443 for 1h from 203.0.113.7 because deploy fix"


async def asked(
    stage: Stage, line: str = LINE, who: str = "alice", channel: str = "C0OPS"
) -> Message:
    """A request that waits for its approvers."""
    person = stage.slack.person(who)
    await person.command(channel, line)
    await person.wait_ephemeral("受け付けました" if person.member.locale == "ja-JP" else "is sent")
    return await stage.slack.wait_message("C0OPS", containing="needed")


@pytest.mark.proves("B6")
async def test_a_denial_has_a_reason_that_the_asker_reads(stage: Stage) -> None:
    card = await asked(stage)
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await suzuki.click(card, "jit_deny")
    form = await suzuki.wait_view()
    await suzuki.fill(form, "reason", "Let the security team look first.")
    await suzuki.submit(form)
    denied = await stage.wait_state(State.DENIED)
    assert denied.denial is not None
    assert denied.denial.reason == "Let the security team look first."
    await alice.wait_dm("Let the security team look first.")
    await stage.slack.wait_update(card, containing="Denied")
    assert not stage.azure.initiates


@pytest.mark.proves("B5")
async def test_an_approval_for_less_opens_less(stage: Stage) -> None:
    card = await asked(stage)
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await suzuki.click(card, "jit_approve_less")
    form = await suzuki.wait_view()
    await suzuki.fill(form, "window", "PT1800S")
    await suzuki.fill(form, "ports", ["22"])
    await suzuki.submit(form)
    request = await stage.wait_state(State.ACTIVE)
    assert request.terms.ports == (22,)
    assert request.terms.window == Length(1800)
    assert [port.port for port in stage.azure.open_ports()] == [22]
    await alice.wait_dm("30 minutes")


@pytest.mark.proves("B9", "FAULT-2")
async def test_nobody_approves_his_own_request(stage: Stage) -> None:
    sato = stage.slack.person("sato")
    card = await asked(stage, who="sato")
    await sato.click(card, "jit_approve")
    await sato.wait_ephemeral("自分の申請")
    request = await stage.request()
    assert request.state is State.PENDING
    await stage.slack.person("sato").command("C0OPS", "/jit approve 1")
    assert (await stage.request()).state is State.PENDING


@pytest.mark.proves("B7", "B10", "FAULT-1")
async def test_two_of_security_must_agree(stage: Stage) -> None:
    line = "/jit db-02 22 for 1h from 203.0.113.7 ticket CHG-4821 because index rebuild"
    card = await asked(stage, line)
    sato, suzuki = stage.slack.person("sato"), stage.slack.person("suzuki")
    await suzuki.click(card, "jit_approve")
    card = await stage.slack.wait_update(card, containing="1 more approval needed")
    assert not stage.azure.initiates
    await suzuki.click(card, "jit_approve")
    assert len((await stage.request()).approvals) == 1
    await sato.click(card, "jit_approve")
    request = await stage.wait_state(State.ACTIVE)
    assert [approval.approver for approval in request.approvals] == ["U0SUZUKI", "U0SATO"]


@pytest.mark.proves("B11")
async def test_late_doubled_and_unauthorised_clicks_are_answered_and_change_nothing(
    stage: Stage,
) -> None:
    card = await asked(stage)
    suzuki, sato, kimura = (stage.slack.person(who) for who in ("suzuki", "sato", "kimura"))
    await kimura.click(card, "jit_approve")
    await kimura.wait_ephemeral("cannot decide")
    old = copy.deepcopy(card)
    await asyncio.gather(suzuki.click(card, "jit_approve"), suzuki.click(card, "jit_approve"))
    await stage.wait_state(State.ACTIVE)
    await sato.click(old, "jit_approve")
    await sato.wait_ephemeral("U0SUZUKI")
    request = await stage.request()
    assert len(request.approvals) == 1
    assert len(stage.azure.initiates) == 1


@pytest.mark.proves("B15", "FAULT-25")
async def test_without_an_answer_it_lapses_and_everyone_is_told(stage: Stage) -> None:
    card = await asked(stage)
    old = copy.deepcopy(card)
    stage.advance(hours=2)
    await stage.wait_state(State.LAPSED)
    await stage.slack.person("alice").wait_dm("apsed")
    await stage.slack.wait_update(card, containing="Lapsed")
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(old, "jit_approve")
    await suzuki.wait_ephemeral("lapsed")
    assert not stage.azure.initiates


@pytest.mark.proves("A13", "B1")
async def test_the_thread_understands_words(stage: Stage) -> None:
    card = await asked(stage)
    suzuki = stage.slack.person("suzuki")
    await suzuki.mention("C0OPS", "@Sekisho approve looks good", thread_ts=card.ts)
    request = await stage.wait_state(State.ACTIVE)
    assert request.approvals[0].comment == "looks good"
    alice = stage.slack.person("alice")
    await alice.mention("C0OPS", "@Sekisho done", thread_ts=card.ts)
    await stage.wait_state(State.ENDED)


@pytest.mark.proves("A13")
async def test_the_asker_takes_it_back(stage: Stage) -> None:
    card = await asked(stage)
    old = copy.deepcopy(card)
    alice = stage.slack.person("alice")
    sent = await alice.wait_ephemeral("is sent")
    await alice.click(sent, "jit_cancel")
    await stage.wait_state(State.CANCELLED)
    await stage.slack.wait_update(card, containing="Cancelled")
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(old, "jit_approve")
    await suzuki.wait_ephemeral("cancelled")


@pytest.mark.proves("C5")
async def test_an_approver_revokes_with_a_reason(stage: Stage) -> None:
    card = await asked(stage)
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await suzuki.click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    card = await stage.slack.wait_update(card, containing="open")
    await suzuki.click(card, "jit_revoke")
    form = await suzuki.wait_view()
    await suzuki.fill(form, "reason", "The web shell alert is being investigated.")
    await suzuki.submit(form)
    ended = await stage.wait_state(State.ENDED)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.REVOKED
    await alice.wait_dm("The web shell alert is being investigated.")


@pytest.mark.proves("C3")
async def test_the_warning_offers_to_extend_and_the_same_approvers_decide(stage: Stage) -> None:
    card = await asked(stage)
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await suzuki.click(card, "jit_approve")
    first = await stage.wait_state(State.ACTIVE)
    stage.advance(minutes=51)
    warning = await alice.wait_dm("min left")
    await alice.click(warning, "jit_extend_30")
    form = await alice.wait_view()
    await alice.submit(form)
    again = await stage.slack.wait_message("C0OPS", containing="needed")
    await suzuki.click(again, "jit_approve")
    extended = await stage.wait_state(State.ACTIVE, 2)
    ended = await stage.wait_state(State.ENDED, 1)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.SUPERSEDED
    assert first.opening is not None
    assert extended.opening is not None
    gained = extended.opening.ends_at - first.opening.ends_at
    assert gained.total_seconds() == 1800


@pytest.mark.proves("C8", "M7", "FAULT-25")
async def test_the_end_that_came_while_the_bot_was_down_is_caught_up(stage: Stage) -> None:
    card = await asked(stage)
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    await stage.stop_bot()
    stage.advance(hours=2)
    await stage.start_bot()
    ended = await stage.wait_state(State.ENDED)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.EXPIRED
    await stage.slack.wait_update(card, containing="are closed")
