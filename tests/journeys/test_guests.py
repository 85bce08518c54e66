"""Slack's guests, over the wire: users.info calls them restricted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from approvals.events import State
from approvals.policy_types import Policy
from sandbox.slack.people import Person
from sandbox.slack.workspace import Member
from tests.cases.people import answer, asked, seen
from tests.stage import Stage, set_stage

#: A VM of the rule that everyone may ask for.
LINE = "/jit qa-01 22 for 1h from 203.0.113.7 because deploy fix"


def guest(stage: Stage, person_id: str = "U0GUEST", locale: str = "en-US") -> Person:
    """Somebody of another company whom the workspace lets into some channels."""
    workspace = stage.slack.core.workspace
    member = Member(
        person_id, person_id[2:].lower(), "Guest", "partner", locale, "UTC", "777777", guest=True
    )
    workspace.join(member, ("C0OPS", "C0JA"))
    return stage.slack.person(member.handle)


@pytest.fixture
async def open_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The demo's rules, where every asker may be a guest."""
    stage = await set_stage(tmp_path)
    policy = stage.settings.policy
    rules = tuple(replace(r, askers=replace(r.askers, guests=True)) for r in policy.rules)
    changed: Policy = replace(policy, rules=rules)
    stage.settings = replace(stage.settings, policy=changed)
    await stage.start_bot()
    yield stage
    await stage.stop()


@pytest.mark.proves("O1")
@pytest.mark.parametrize(("locale", "said"), [("en-US", "You are a guest"), ("ja-JP", "ゲストは")])
async def test_a_guest_is_refused_with_a_sentence(stage: Stage, locale: str, said: str) -> None:
    """The rule says everyone, and this person was never seen before."""
    partner = guest(stage, locale=locale)
    await partner.command("C0JA", LINE)
    await answer(stage, partner, said)
    again = seen(partner)
    await partner.command("C0JA", LINE)
    await answer(stage, partner, said, newer_than=again)
    assert await stage.ledger.pending() == []


@pytest.mark.proves("O1")
async def test_a_guest_in_the_group_of_approvers_decides_nothing(stage: Stage) -> None:
    partner = guest(stage)
    stage.slack.groups["S0SECURITY"].add("U0GUEST")
    await stage.service.groups.read()
    card = await asked(stage)
    before = seen(partner)
    await partner.click(card, "jit_approve")
    await answer(stage, partner, "You are a guest", newer_than=before)
    assert (await stage.request()).state is State.PENDING
    assert not stage.azure.initiates


@pytest.mark.proves("O1")
async def test_a_rule_may_let_guests_ask(open_stage: Stage) -> None:
    partner = guest(open_stage)
    await partner.command("C0JA", LINE)
    await answer(open_stage, partner, "Request 1 is sent")
    assert (await open_stage.request()).requester == "U0GUEST"
