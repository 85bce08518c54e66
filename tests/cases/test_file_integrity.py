"""File integrity: what went wrong elsewhere, played against the whole product."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from feeds.settings import Workspace
from sandbox.slack import Message
from tests.cases.inert import assert_inert
from tests.journeys.file_change_stage import FileStage, set_file_stage

SHOP = Workspace("shop", "00000000-0000-0000-0000-0000000000a1")
DATA = Workspace("data", "00000000-0000-0000-0000-0000000000a2")


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[FileStage]:
    async for made in set_file_stage(tmp_path):
        yield made


async def card(files: FileStage, containing: str, channel: str = "C0ALERTS") -> Message:
    await files.read()
    return await files.stage.slack.wait_message(channel, containing=containing)


async def problem(files: FileStage, workspace: Workspace) -> str:
    return (await files.feed.states.read(workspace)).problem


@pytest.mark.proves("C023")
async def test_a_row_without_a_machine_is_told_in_the_default_channel(files: FileStage) -> None:
    agent = "00000000-0000-0000-0000-0000000000ab"
    nameless: dict[str, Any] = {"Computer": None, "_ResourceId": "", "SourceComputerId": agent}
    files.stage.azure.change_file("dwh-01", "/etc/hosts", columns=nameless)
    shown = await card(files, "unknown machine")
    assert shown.says(agent)
    assert shown.says("data")


@pytest.mark.proves("C043")
async def test_a_workspace_that_refuses_stops_no_other(files: FileStage) -> None:
    workspaces = files.stage.azure.workspaces
    await files.read()
    broken = workspaces.find(DATA.id)
    assert broken is not None
    tables = dict(broken.tables)
    broken.tables.clear()
    files.stage.azure.change_file("web-01", "/etc/hosts")
    await card(files, "Unexplained: 1 file change on web-01")
    assert await problem(files, DATA) == "refused"
    await files.read()
    assert await problem(files, DATA) == "refused", "not asked again at once"
    broken.tables.update(tables)
    files.stage.advance(minutes=20)
    await files.read()
    assert await problem(files, DATA) == ""
    alice = files.stage.slack.person("alice")
    await alice.command("C0OPS", "/fim status")
    await alice.wait_ephemeral("Change Tracking")


@pytest.mark.proves("C081")
async def test_a_partial_answer_is_told_asked_again_and_named(files: FileStage) -> None:
    await files.read()
    faults = files.stage.azure.workspaces.faults
    faults.partial_answers = 10_000
    for n in range(8):
        files.stage.azure.change_file("web-01", f"/srv/{n}")
    shown = await files.stage.slack.wait_message("C0ALERTS", containing="on web-01")
    assert await problem(files, SHOP) == "partial"
    alice = files.stage.slack.person("alice")
    await alice.command("C0OPS", "/fim status")
    await alice.wait_ephemeral("answered only in part")
    faults.partial_answers = 0
    await files.stage.slack.wait_update(shown, containing="Unexplained: 8 file changes on web-01")
    await files.read()
    assert await problem(files, SHOP) == ""


@pytest.mark.proves("C087")
async def test_what_a_machine_kept_is_one_digest(files: FileStage) -> None:
    await files.read()
    for n in range(2_000):
        ago = timedelta(hours=5, minutes=40, seconds=n * 30)
        files.stage.azure.change_file("web-01", f"/srv/{n}", ago=ago)
    before = len(files.stage.slack.channel("C0ALERTS").top_level)
    shown = await card(files, "Late: 2000 earlier file changes on web-01")
    assert shown.says("5 h 40 min ago")
    await files.read()
    await files.settled()
    assert len(files.stage.slack.channel("C0ALERTS").top_level) == before + 1


@pytest.mark.proves("C096")
async def test_a_path_that_reads_backwards_is_made_visible(files: FileStage) -> None:
    path = "C:\\Users\\Public\\invoice\u202egpj.exe"
    files.stage.azure.change_file("web-01", path, account="<!channel>", process="`*_~`")
    shown = await card(files, "invoice[U+202E]gpj.exe")
    assert "\u202e" not in str(shown.blocks)
    assert_inert(files.stage, "!channel")


@pytest.mark.proves("C124")
async def test_a_decomposed_path_is_found_by_its_composed_name(files: FileStage) -> None:
    path = "/srv/フ\u309aラン.conf"
    files.stage.azure.change_file("web-01", path)
    shown = await card(files, "Unexplained: 1 file change on web-01")
    assert path in str(shown.blocks), "shown as it came"
    alice = files.stage.slack.person("alice")
    await alice.command("C0OPS", "/fim path /srv/プラン.conf")
    await alice.wait_ephemeral("1 change")
