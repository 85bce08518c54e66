"""Answers are for one person, and arrive: whatever Slack refuses on the way (B11, O6)."""

from __future__ import annotations

import asyncio

import pytest

from approvals.events import State
from sandbox.azure import faults
from sandbox.slack import Message
from tests.security.acts import LINE, asked
from tests.stage import Stage


@pytest.mark.proves("B11")
async def test_a_private_answer_never_becomes_a_message_of_the_channel(stage: Stage) -> None:
    """The bot is not in that channel, or Slack has a bad moment."""
    alice = stage.slack.person("alice")
    stage.slack.faults.error("chat.postEphemeral", "not_in_channel")
    await alice.mention("C0OPS", "@Sekisho mine")
    await alice.wait_dm("You have no requests")
    assert not [m for m in stage.slack.channel("C0OPS").messages if "no requests" in m.all_text()]


@pytest.mark.proves("B11")
async def test_a_form_that_slack_refuses_is_answered(stage: Stage) -> None:
    alice = stage.slack.person("alice")
    stage.slack.faults.error("views.open", "internal_error")
    delivery = await alice.command("C0OPS", "/jit")
    assert delivery.acked
    late = await alice.wait_ephemeral("was not opened")
    await alice.click(late, "jit_form")
    await alice.wait_view()


@pytest.mark.proves("B1")
async def test_a_request_by_mention_is_answered_with_the_link_to_its_card(stage: Stage) -> None:
    await stage.slack.person("alice").mention(
        "C0GENERAL", "@Sekisho open " + LINE.removeprefix("/jit ")
    )
    line = await stage.slack.wait_message("C0GENERAL", containing="open it")
    card = await stage.slack.wait_message("C0OPS", containing="needed")
    assert card.ts.replace(".", "") in line.all_text()


@pytest.mark.proves("B1", "O6")
async def test_a_link_that_slack_refuses_silences_nobody(stage: Stage) -> None:
    """Asked by mention: the line there needs the card's address, which Slack does not give."""
    stage.slack.faults.error("chat.getPermalink", "message_not_found", times=None)
    alice = stage.slack.person("alice")
    await alice.mention("C0GENERAL", "@Sekisho open " + LINE.removeprefix("/jit "))
    await stage.slack.wait_message("C0GENERAL", containing="The outcome comes here")
    card: Message = await stage.slack.wait_message("C0OPS", containing="needed")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    await alice.wait_dm("is open")


@pytest.mark.proves("B11")
async def test_a_form_closed_while_azure_is_read_is_answered_elsewhere(stage: Stage) -> None:
    alice = stage.slack.person("alice")
    await alice.command("C0OPS", "/jit web-01 22")
    form = await alice.wait_view()
    stage.azure.faults.add(faults.slow(2.5, path_contains="jitNetworkAccessPolicies"))
    [typed, *_] = await alice.suggest(form, "source", "203.0.113.7")
    await alice.fill(form, "source", typed)
    await alice.fill(form, "window", "99h")
    await alice.fill(form, "reason", "deploy fix")
    await alice.submit(form)
    checking = await alice.wait_view(where=lambda view: "Checking" in str(view.blocks))
    await alice.close(checking)
    await alice.wait_ephemeral("Not sent")


@pytest.mark.proves("O1")
async def test_who_cannot_be_looked_up_in_time_is_told_so(stage: Stage) -> None:
    stage.slack.faults.hang("users.info", 30)
    alice = stage.slack.person("alice")
    stage.service.directory.forget(alice.id)
    delivery = await asyncio.wait_for(alice.command("C0OPS", "/jit mine"), 2.9)
    assert delivery.acked
    await alice.wait_ephemeral("cannot say who you are")


@pytest.mark.proves("B9", "J1")
async def test_tries_without_the_right_are_on_record_once(stage: Stage) -> None:
    """Buttons and forms alike; clicking on and on fills no audit log."""
    card = await asked(stage)
    alice, kimura = stage.slack.person("alice"), stage.slack.person("kimura")
    before = (await stage.ledger.refresh()).sequence
    for _ in range(3):
        await alice.click(card, "jit_deny")
        await kimura.click(card, "jit_approve")
        await kimura.click(card, "jit_approve_less")
    await alice.wait_ephemeral("others must decide")
    await kimura.wait_ephemeral("cannot decide")
    async with asyncio.timeout(5):
        while (await stage.ledger.refresh()).sequence < before + 2:
            await asyncio.sleep(0.02)
    tries = [await stage.ledger.entry(before + n) for n in (1, 2)]
    assert sorted(entry.actor for entry in tries if entry) == sorted([alice.id, kimura.id])
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    assert await stage.ledger.entry(before + 3) is not None
    entries = [await stage.ledger.entry(n) for n in range(before + 1, before + 5)]
    assert sum(type(entry.event).__name__ == "Refused" for entry in entries if entry) == 2
