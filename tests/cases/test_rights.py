"""Who may: groups read late, people who left, strangers, rules that nobody can satisfy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from approvals.events import PersonId, State
from approvals.policy_types import Who
from sandbox.slack.people import Person
from tests.cases.people import LINE, answer, asked, seen
from tests.stage import Stage, set_stage, until


def membership(stage: Stage, group: str) -> frozenset[str]:
    return frozenset(stage.service.groups.membership().members(group))


@pytest.mark.proves("B12")
async def test_somebody_taken_out_of_the_group_can_no_longer_approve(stage: Stage) -> None:
    card = await asked(stage)
    suzuki = stage.slack.person("suzuki")
    stage.slack.groups["S0SECURITY"].remove("U0SUZUKI")
    await stage.slack.announce_group("S0SECURITY")
    await until(lambda: "U0SUZUKI" not in membership(stage, "S0SECURITY"))
    await suzuki.click(card, "jit_approve")
    await suzuki.wait_ephemeral("you are not one of them")
    assert (await stage.request()).state is State.PENDING
    assert not stage.azure.initiates


@pytest.mark.proves("B12")
async def test_a_deactivated_approver_is_refused(stage: Stage) -> None:
    card = await asked(stage)
    await stage.slack.deactivate("U0SUZUKI")
    await until(lambda: "U0SUZUKI" not in membership(stage, "S0SECURITY"))
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.slack.person("sato").click(card, "jit_approve")
    request = await stage.wait_state(State.ACTIVE)
    assert [each.approver for each in request.approvals] == ["U0SATO"]


@pytest.mark.proves("C078")
async def test_with_a_scope_gone_a_click_fails_closed_and_health_names_it(stage: Stage) -> None:
    card = await asked(stage)
    suzuki = stage.slack.person("suzuki")
    stage.slack.scopes.discard("usergroups:read")
    await stage.slack.announce_group("S0SECURITY")
    await until(lambda: stage.service.groups.membership().missing_scope is not None)
    await suzuki.click(card, "jit_approve")
    said = await suzuki.wait_ephemeral("be checked")
    assert "usergroups:read" in said.all_text()
    assert (await stage.request()).state is State.PENDING
    assert "usergroups:read" in stage.service.health.problems()["groups"]
    stage.slack.scopes.add("usergroups:read")
    await stage.slack.announce_group("S0SECURITY")
    await until(lambda: stage.service.groups.membership().missing_scope is None)
    await suzuki.click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    assert "groups" not in stage.service.health.problems()


def with_approvers(stage: Stage, who: Who) -> None:
    """The same rules, all decided by these."""
    policy = stage.settings.policy
    rules = tuple(replace(rule, approvers=who, quorum=1) for rule in policy.rules)
    stage.settings = replace(stage.settings, policy=replace(policy, rules=rules))


@pytest.mark.proves("C064", "A11")
@pytest.mark.parametrize(
    "who",
    [
        Who(people=(PersonId("U0GONE"), PersonId("U0NOBODY"))),
        Who(groups=("S0EMPTY",)),
        Who(groups=("S0GONE",)),
        Who(people=(PersonId("U0ALICE"),)),
    ],
    ids=["gone and deactivated people", "a disabled group", "no such group", "the asker alone"],
)
async def test_a_request_that_nobody_could_approve_is_refused_at_once(
    tmp_path: Path, who: Who
) -> None:
    stage = await set_stage(tmp_path)
    with_approvers(stage, who)
    await stage.start_bot()
    try:
        alice = stage.slack.person("alice")
        await alice.command("C0OPS", LINE)
        said = await answer(stage, alice, "Nobody can approve this by rule production")
        assert "U0ITO" in said.all_text()
        assert stage.ledger.highest_head.sequence == 0
        if who.people != (PersonId("U0ALICE"),):
            assert "approvers" in stage.service.health.problems()
    finally:
        await stage.stop()


@pytest.mark.proves("C064")
async def test_gone_people_are_skipped_and_the_others_decide(tmp_path: Path) -> None:
    stage = await set_stage(tmp_path)
    with_approvers(stage, Who(people=tuple(map(PersonId, ("U0GONE", "U0NOBODY", "U0SUZUKI")))))
    await stage.start_bot()
    try:
        card = await asked(stage)
        assert "2 people" in stage.service.health.problems()["approvers"]
        await stage.slack.person("suzuki").click(card, "jit_approve")
        await stage.wait_state(State.ACTIVE)
    finally:
        await stage.stop()


@pytest.mark.proves("O1", "C090")
async def test_a_stranger_of_another_team_reads_one_sentence_and_changes_nothing(
    stage: Stage,
) -> None:
    """Every way in: command, button, mention, form, shortcut, Home."""
    card = await asked(stage)
    eve = stage.slack.person("eve")
    before = stage.ledger.highest_head
    await eve.command("C0GENERAL", LINE)
    await eve.wait_ephemeral("people of this workspace only")
    await stage.slack.deliver_raw("interactive", click_by(eve, card, team="T0OTHER"))
    await stage.slack.deliver_raw("interactive", click_by(eve, card, team=None))
    await eve.mention("C0GENERAL", f"@Sekisho open {LINE.removeprefix('/jit ')}")
    await eve.mention("C0GENERAL", "@Sekisho approve 1")
    await eve.shortcut(card, "jit_from_message")
    await stage.slack.interactions.open_home(eve.member)
    assert eve.view() is None
    assert eve.home() is None
    assert stage.ledger.highest_head == before
    assert len(stage.slack.channel("C0OPS").top_level) == 1
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)


@pytest.mark.proves("C090")
async def test_own_people_count_whatever_else_the_payload_says(stage: Stage) -> None:
    """`team: null` does not crash; the clicker's own team decides, never the channel's."""
    card = await asked(stage)
    suzuki = stage.slack.person("suzuki")
    payload = click_by(suzuki, card, team="T0SEKISHO")
    payload |= {"team": None, "is_enterprise_install": True, "enterprise": {"id": "E0HOME"}}
    delivery = await stage.slack.deliver_raw("interactive", payload)
    assert delivery.acked
    await stage.wait_state(State.ACTIVE)


def click_by(person: Person, card: object, *, team: str | None) -> dict[str, object]:
    """Approve, as Slack would send it for this person of that team."""
    user = {"id": person.id, "username": person.member.handle, "name": person.member.handle}
    return {
        "type": "block_actions",
        "user": user | ({"team_id": team} if team else {}),
        "team": {"id": "T0SEKISHO", "domain": "sekisho-demo"},
        "api_app_id": "A0SEKISHO",
        "container": {"type": "message", "message_ts": card.ts, "channel_id": "C0OPS"},  # type: ignore[attr-defined]
        "channel": {"id": "C0OPS", "name": "ops-approvals"},
        "actions": [
            {
                "type": "button", "action_id": "jit_approve", "block_id": "b",
                "value": "1.1", "action_ts": f"1764000000.{len(user):06}",
            }
        ],
    }  # fmt: skip


@pytest.mark.proves("O1")
@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "block_actions"},
        {"type": "block_actions", "user": None, "actions": []},
        {
            "type": "block_actions",
            "user": {"id": "U0SUZUKI", "team_id": "T0SEKISHO"},
            "actions": [],
        },
        {"type": "view_submission", "user": {"id": "U0SUZUKI", "team_id": "T0SEKISHO"}, "view": {}},
        {"type": "nonsense", "user": {"id": "U0SUZUKI", "team_id": "T0SEKISHO"}},
    ],
    ids=["empty", "no user", "null user", "no action", "no view", "unknown kind"],
)
async def test_a_payload_that_is_not_whole_has_no_effect(
    shared_stage: Stage, payload: dict[str, object]
) -> None:
    await shared_stage.slack.deliver_raw("interactive", payload)
    assert shared_stage.ledger.highest_head.sequence == 0
    alice = shared_stage.slack.person("alice")
    before = seen(alice)
    await alice.command("C0OPS", "/jit help")
    await answer(shared_stage, alice, "", before)


@pytest.mark.proves("O3")
async def test_buttons_carry_a_number_and_a_version_and_no_more(stage: Stage) -> None:
    card = await asked(stage)
    suzuki = stage.slack.person("suzuki")
    assert {value for _, _, value in card.buttons()} == {"1.1"}
    forged = click_by(suzuki, card, team="T0SEKISHO")
    for value in ("1.99", "1.1;ports=3389", "-1", "1e9", "１.１", "9" * 40, ""):
        forged["actions"][0] |= {"value": value, "action_ts": f"17640.{len(value)}"}  # type: ignore[index]
        assert (await stage.slack.deliver_raw("interactive", forged)).acked
    assert (await stage.request()).state is State.PENDING
