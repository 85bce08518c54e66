"""FAULT-32: who may approve is asked at the click; both moments are on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from approvals.events import State
from tests.faults.stages import approve, ask
from tests.stage import DEMO_CONFIG, Stage, environment, read_settings


@pytest.mark.proves("FAULT-32", "B7", "B10")
async def test_members_of_the_group_change(stage: Stage) -> None:
    card = await ask(stage)
    group = stage.slack.groups["S0SECURITY"]
    group.users.remove("U0SUZUKI")
    group.users.append("U0KIMURA")
    await stage.service.groups.read()

    await approve(stage, card, who="suzuki")
    await stage.slack.person("suzuki").wait_ephemeral("cannot decide")
    assert (await stage.request()).state is State.PENDING
    await approve(stage, card, who="kimura")
    request = await stage.wait_state(State.ACTIVE)
    (approval,) = request.approvals
    assert (approval.approver, approval.group) == ("U0KIMURA", "S0SECURITY")
    assert approval.rights_read_at > request.submitted_at


@pytest.mark.proves("FAULT-32", "B7", "L3")
async def test_rule_changes(stage: Stage, tmp_path: Path) -> None:
    card = await ask(stage)
    changed = tmp_path / "changed.yaml"
    text = DEMO_CONFIG.read_text(encoding="utf-8")
    text = text.replace("approvers: [S0SECURITY]", "approvers: [U0KIMURA, U0ITO]")
    changed.write_text(text)
    environ = environment(
        stage.slack, stage.azure, stage.settings.redis.url, tmp_path / "clock-offset"
    )
    policy = read_settings(environ, changed).policy
    stage.service.services.policy = lambda: policy

    await approve(stage, card, who="suzuki")
    await stage.slack.person("suzuki").wait_ephemeral("cannot decide")
    await approve(stage, card, who="kimura")
    request = await stage.wait_state(State.ACTIVE)
    assert request.rule.groups == ("S0SECURITY",)  # as it was filed
    assert request.rule.version != request.approvals[0].rule_version
    assert request.approvals[0].approver == "U0KIMURA"


@pytest.mark.proves("FAULT-32", "B10")
async def test_person_who_left_no_longer_decides(stage: Stage) -> None:
    card = await ask(stage)
    await stage.slack.deactivate("U0SUZUKI")
    await stage.service.groups.read()
    await approve(stage, card, who="suzuki")
    assert (await stage.request()).state is State.PENDING
    assert not stage.azure.initiates
