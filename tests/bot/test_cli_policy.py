"""`sekisho policy …` and `sekisho manifest`, as a person types them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.azure import SandboxAzure
from sandbox.slack import SandboxSlack
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import demo_estate
from tests.bot.command import REPOSITORY, Ended, sandbox_environment, sekisho


@dataclass(slots=True)
class Place:
    slack: SandboxSlack
    azure: SandboxAzure
    env: dict[str, str]

    async def policy(self, *words: str) -> Ended:
        file = str(REPOSITORY / "bot" / "demo.yaml")
        return await sekisho("policy", *words, "--config", file, env=self.env)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock = SandboxClock()
    slack = SandboxSlack(clock)
    azure = SandboxAzure(demo_estate(), clock, state_dir=tmp_path)
    await slack.start()
    await azure.start()
    env = sandbox_environment(slack, azure, tmp_path)
    yield Place(slack, azure, env)
    await azure.stop()
    await slack.stop()


@pytest.mark.proves("L3")
async def test_a_try_says_verdict_rule_line_and_who_would_be_asked(place: Place) -> None:
    ended = await place.policy("try", "alice web-01 ssh 2h")
    assert ended.code == 0, ended.said
    assert "Rule production (demo.yaml:" in ended.out
    assert all(name in ended.out for name in ("@sato", "@suzuki", "@ito"))
    assert "#" in ended.out or "C0OPS" in ended.out
    assert place.azure.initiates == []


@pytest.mark.proves("L3")
async def test_a_try_that_is_refused_ends_with_1(place: Place) -> None:
    ended = await place.policy("try", "kimura", "web-01", "ssh", "2h")
    assert ended.code == 1
    assert "Refused" in ended.out


@pytest.mark.proves("L3")
@pytest.mark.parametrize("text", ["nobody-here web-01 ssh 2h", "alice no-such-vm ssh 2h", "alice"])
async def test_a_try_that_makes_no_sense_ends_with_2(place: Place, text: str) -> None:
    assert (await place.policy("try", text)).code == 2


@pytest.mark.proves("L4")
async def test_a_check_reads_groups_and_estate(place: Place) -> None:
    good = await place.policy("check")
    assert good.code == 0, good.said
    place.slack.core.workspace.groups["S0SECURITY"].users[:] = ["U0SATO"]
    bad = await place.policy("check")
    assert bad.code == 1
    assert "demo.yaml:" in bad.out
    assert "@sato" in bad.out
    assert "db-01" in bad.out


@pytest.mark.proves("L4")
async def test_a_check_without_azure_says_what_was_left_out(place: Place) -> None:
    await place.azure.stop()
    ended = await place.policy("check")
    assert "Azure could not be read" in ended.err
    assert "Azure was not asked" in ended.out


@pytest.mark.proves("M2")
async def test_the_manifest_is_json_to_paste_and_needs_no_settings() -> None:
    socket = await sekisho("manifest")
    assert json.loads(socket.out)["settings"]["socket_mode_enabled"] is True
    http = await sekisho("manifest", "--mode", "http", "--url", "https://bot.example.com/")
    command = json.loads(http.out)["features"]["slash_commands"][0]
    assert command["url"] == "https://bot.example.com/slack/events"
    missing = await sekisho("manifest", "--mode", "http")
    assert missing.code == 2
    assert "--url" in missing.err
