"""The Slack edge: doubled deliveries, late acks and triggers, foreign cards, gone approvers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from approvals.events import Length, State
from sandbox.azure.faults import slow
from sandbox.slack.faults import Fault
from sandbox.world.building import EstateBuilder, jit_ports
from sandbox.world.estate import PROD
from tests.cases.people import LINE, answer, asked, seen
from tests.cases.test_bad_input_form import GOOD, filled
from tests.stage import Stage, set_stage, until

TRIGGER_ANSWERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("expired_trigger_id", {}),
    ("trigger_expired", {}),
    ("exchanged_trigger_id", {}),
    (
        "invalid_arguments",
        {"response_metadata": {"messages": ["[ERROR] invalid trigger_id: expired"]}},
    ),
)


@pytest.mark.proves("C001", "C050", "C051")
@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("web-01 22 for 2h because “deploy fix”", "deploy fix"),
        ("web-01 22 for 2h because ‘deploy fix’", "deploy fix"),
        ("web-01 22 for 2h because „deploy fix“", "deploy fix"),
        ("web-01 22 for 2h because 「deploy fix」", "deploy fix"),
        ("web-01 22 for 2h because I don’t know", "I don’t know"),
        ('web-01 22 for 2h because "say “yes” now"', "say “yes” now"),
        ("web-01　22　2h because　deploy fix", "deploy fix"),
        ("web-01 ２２ for ２時間 from ２０３．０．１１３．７ 理由：全角１２３", "全角１２３"),
        ("web-01\u00a022 for 2h because a\u00a0b", "a\u00a0b"),
        ("\u200bweb-01 22 for 2h because deploy\u200b fix", "deploy\u200b fix"),
        ("web-01 22\u2060 for 2h because deploy fix", "deploy fix"),
    ],
)
async def test_what_keyboards_and_pages_make_of_a_line(
    shared_stage: Stage, typed: str, reason: str
) -> None:
    stage, alice = shared_stage, shared_stage.slack.person("alice")
    if " from " not in typed:
        typed = typed.replace(" because", " from 203.0.113.7 because", 1)
        typed = typed.replace("　because", " from 203.0.113.7 because", 1)
    card = await asked(stage, f"/jit {typed}")
    request = (await stage.ledger.pending())[0]
    assert request.justification == reason
    assert (request.target.name, request.terms.ports) == ("web-01", (22,))
    assert request.terms.source == "203.0.113.7"
    assert request.terms.window == Length(7200)
    before = seen(alice)
    await alice.command("C0OPS", f"/jit cancel {request.id}")
    await answer(stage, alice, "cancelled", before)
    await stage.slack.wait_update(card, containing="Cancelled")


@pytest.mark.proves("C029")
async def test_the_same_request_again_is_answered_with_the_first(stage: Stage) -> None:
    alice = stage.slack.person("alice")
    await asked(stage)
    before = seen(alice)
    await alice.command("C0OPS", LINE)
    said = await answer(stage, alice, "You asked for this already", before)
    assert "Request 1" in said.all_text()
    assert len(stage.slack.channel("C0OPS").top_level) == 1
    assert stage.ledger.highest_head.sequence == 1


@pytest.mark.proves("C012", "C029")
async def test_one_wish_delivered_three_times_has_one_effect(stage: Stage) -> None:
    """A command, a click and a mention, each repeated in another envelope with a doubled number."""
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    command = await alice.command("C0OPS", LINE)
    card = await stage.slack.wait_message("C0OPS", containing="needed")
    await stage.slack.redeliver(command)
    await suzuki.mention("C0OPS", "@Sekisho approve fine", thread_ts=card.ts)
    await stage.wait_state(State.ACTIVE)
    mention = next(d for d in reversed(stage.slack.deliveries) if d.kind == "events_api")
    for attempt in (1, 2, 2):
        await stage.slack.redeliver(mention, retry_attempt=attempt)
    await alice.command("C0OPS", "/jit mine")
    request = await stage.request()
    assert len(request.approvals) == 1
    assert await stage.ledger.by_person(request.requester) == [request]
    assert len(stage.azure.initiates) == 1


@pytest.mark.proves("C059")
async def test_a_form_sent_again_after_a_late_ack_finds_its_own_request(stage: Stage) -> None:
    alice = stage.slack.person("alice")
    form = await filled(alice, GOOD)
    stage.azure.faults.add(slow(0.4, method="GET", path_contains="jitNetworkAccessPolicies"))
    stage.slack.ack_seconds = 0.1
    first = await alice.submit(form)
    assert first.error is not None
    await stage.slack.wait_message("C0OPS", containing="needed")
    stage.slack.ack_seconds = 3.0
    again = await alice.submit(form)
    assert again.error is None
    assert alice.view() is None
    said = await answer(stage, alice, "Request 1 is sent")
    assert "<#C0OPS>" in said.all_text()
    assert len(stage.slack.channel("C0OPS").top_level) == 1
    assert stage.ledger.highest_head.sequence == 1


@pytest.mark.proves("C059", "A1")
async def test_a_form_that_waits_for_azure_says_so_and_then_how_it_ended(stage: Stage) -> None:
    alice = stage.slack.person("alice")
    form = await filled(alice, GOOD)
    stage.azure.faults.add(slow(2.5, method="GET", path_contains="jitNetworkAccessPolicies"))
    sent = await alice.submit(form)
    assert sent.action == "update"
    assert "Checking" in form.all_text()
    await stage.slack.wait(lambda: form.says("Request 1 is sent"), what="the form's end")


@pytest.mark.proves("C062")
async def test_with_nothing_to_ask_for_the_form_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = EstateBuilder((PROD,))
    build.machine(PROD.id, "rg", "japaneast", "plain-01")
    stage = await set_stage(tmp_path, estate=build.estate())
    monkeypatch.setattr("tests.stage.until", _no_wait)
    await stage.start_bot()
    try:
        await until(lambda: stage.service.estate.oldest() is not None)
        for who, words in (("alice", "No VM has a JIT policy"), ("yamada", "JITポリシーのあるVM")):
            person = stage.slack.person(who)
            await person.command("C0OPS", "/jit")
            form = await person.wait_view()
            assert words in form.all_text()
            assert form.submit == ""
            assert form.close in ("Close", "閉じる")
    finally:
        await stage.stop()


async def _no_wait(_condition: object, within: float = 0) -> None:
    """This estate never has a VM that can be asked for."""


@pytest.mark.proves("C119")
@pytest.mark.parametrize(("name", "fields"), TRIGGER_ANSWERS, ids=[n for n, _ in TRIGGER_ANSWERS])
async def test_a_late_trigger_is_answered_with_a_button_that_keeps_what_was_typed(
    shared_stage: Stage, name: str, fields: dict[str, Any]
) -> None:
    stage, alice = shared_stage, shared_stage.slack.person("alice")
    stage.slack.faults.error("views.open", name, **fields)
    before = seen(alice)
    await alice.command("C0OPS", "/jit web-01 22")
    said = await answer(stage, alice, "was not opened", before)
    await alice.click(said, "jit_form")
    form = await alice.wait_view(callback_id="jit_request")
    assert form.values["vm"]["vm"]["selected_option"]["text"]["text"].startswith("web-01")
    await alice.close(form)


@pytest.mark.proves("C119")
async def test_a_late_form_of_a_decision_is_offered_again(stage: Stage) -> None:
    card = await asked(stage)
    suzuki = stage.slack.person("suzuki")
    stage.slack.faults.error("views.open", "expired_trigger_id")
    await suzuki.click(card, "jit_deny")
    said = await suzuki.wait_ephemeral("was not opened")
    await suzuki.click(said, "jit_deny")
    form = await suzuki.wait_view()
    await suzuki.fill(form, "reason", "Not today.")
    await suzuki.submit(form)
    await stage.wait_state(State.DENIED)


@pytest.mark.proves("C119", "B11")
async def test_a_form_that_the_network_loses_is_answered_too(stage: Stage) -> None:
    alice = stage.slack.person("alice")
    stage.slack.faults.add(Fault("drop_before", "views.open", times=1))
    await alice.command("C0OPS", "/jit")
    await alice.wait_ephemeral("was not opened")


@pytest.mark.proves("C013")
async def test_a_click_on_another_instances_card_is_told_and_shows_in_health(
    stage: Stage,
) -> None:
    card = await asked(stage)
    foreign = copy.deepcopy(card)
    for block in foreign.blocks:
        for element in block.get("elements", ()):
            if element.get("action_id"):
                element["value"] = "777.1"
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(foreign, "jit_approve")
    await suzuki.wait_ephemeral("Request 777 is not in this ledger")
    await stage.slack.wait_message("C0AUDIT", containing="token")
    assert "another instance" in stage.service.health.problems()["foreign"]
    assert stage.ledger.highest_head.sequence == 1
    before = seen(suzuki)
    await suzuki.click(foreign, "jit_deny")
    await answer(stage, suzuki, "Request 777 is not in this ledger", before)


@pytest.mark.proves("C134", "M7", "B11")
async def test_after_a_restart_the_first_click_counts_and_a_stranger_is_answered(
    stage: Stage,
) -> None:
    card = await asked(stage)
    await stage.stop_bot()
    await stage.start_bot()
    old = copy.deepcopy(card)
    suzuki, kimura, sato = (stage.slack.person(who) for who in ("suzuki", "kimura", "sato"))
    await kimura.click(card, "jit_approve")
    said = await kimura.wait_ephemeral("You cannot decide this")
    assert "security" in said.all_text()
    await suzuki.click(card, "jit_approve")
    request = await stage.wait_state(State.ACTIVE)
    assert [each.approver for each in request.approvals] == ["U0SUZUKI"]
    await sato.click(old, "jit_approve")
    await sato.wait_ephemeral("U0SUZUKI")


@pytest.mark.proves("C110", "M5")
async def test_a_click_acked_just_before_the_end_is_carried_out_by_the_next_start(
    stage: Stage,
) -> None:
    card = await asked(stage)
    suzuki = stage.slack.person("suzuki")
    click = await suzuki.click(card, "jit_approve")
    assert click.acked
    assert click.seconds < 1.0
    await stage.stop_bot()
    await stage.start_bot()
    request = await stage.wait_state(State.ACTIVE)
    assert len(request.approvals) == 1
    assert len(stage.azure.initiates) == 1
    await stage.slack.person("alice").wait_dm("ssh ")


@pytest.mark.proves("C098")
async def test_a_deleted_card_is_posted_anew_once_and_can_still_be_decided(stage: Stage) -> None:
    card = await asked(stage, "/jit db-02 22 1h from 203.0.113.7 ticket CHG-4821 because index")
    stage.slack.core.messages.delete(card)
    suzuki, sato = stage.slack.person("suzuki"), stage.slack.person("sato")
    await suzuki.command("C0OPS", "/jit approve 1")
    anew = await stage.slack.wait_message("C0OPS", containing="1 more approval", after=card)
    assert "deleted" in "\n".join(m.all_text() for m in stage.slack.channel("C0OPS").messages)
    await sato.click(anew, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    await stage.slack.wait_update(anew, containing="open")
    cards = [m for m in stage.slack.channel("C0OPS").top_level if m.says("db-02")]
    assert len(cards) == 1


@pytest.mark.proves("C116")
async def test_long_names_stay_apart_and_values_short(tmp_path: Path) -> None:
    build = EstateBuilder((PROD,))
    group = "rg-" + "g" * 86
    names = [f"{'a' * 60}{number:04}" for number in (1, 2)]
    for name in names:
        build.machine(PROD.id, group, "japaneast", name, ports=jit_ports(22))
    stage = await set_stage(tmp_path, estate=build.estate())
    await stage.start_bot()
    try:
        alice = stage.slack.person("alice")
        await alice.command("C0OPS", "/jit")
        form = await alice.wait_view(callback_id="jit_request")
        options = await alice.suggest(form, "vm", "aaa")
        assert len({option["text"]["text"] for option in options}) == 2
        assert all(len(option["value"]) <= 75 for option in options)
        assert all(len(option["text"]["text"]) <= 75 for option in options)
        await alice.fill(form, "vm", options[0])
        await alice.wait_view(containing="production")
    finally:
        await stage.stop()
