"""File changes as people meet them: asked about, answered, announced, looked up; over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from approvals.audit.verify import verify
from approvals.events import State
from sandbox.slack import Message
from tests.journeys.file_change_stage import FileStage, set_file_stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because TLS renewal"


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[FileStage]:
    async for made in set_file_stage(tmp_path):
        yield made


async def with_session(files: FileStage) -> None:
    """Alice's port 22 on web-01 is open, by Suzuki's yes."""
    slack = files.stage.slack
    await slack.person("alice").command("C0OPS", LINE)
    card = await slack.wait_message("C0OPS", containing="port 22 on web-01")
    await slack.person("suzuki").click(card, "jit_approve")
    await files.stage.wait_state(State.ACTIVE)


async def changed(files: FileStage) -> Message:
    """Somebody changes sudoers on web-01: the card in the channel."""
    files.stage.azure.change_file(
        "web-01", "/etc/sudoers.d/90-deploy", account="root", process="vim"
    )
    files.stage.azure.change_file("web-01", "/usr/bin/openssl", account="root", process="dpkg")
    await files.read()
    return await files.stage.slack.wait_message("C0ALERTS", containing="on web-01")


@pytest.mark.proves("E4", "E5")
async def test_not_me_reaches_the_security_channel(files: FileStage) -> None:
    slack = files.stage.slack
    alice, sato = slack.person("alice"), slack.person("sato")
    await with_session(files)
    card = await changed(files)
    assert card.says("Dangerous: 1 file change on web-01")
    assert card.says("was this you?")

    assert (await alice.click(card, "fim_not_mine")).acked
    raised = await slack.wait_message("C0SOC", containing="unclaimed file changes on web-01")
    await slack.wait_update(card, containing="Not me")

    assert (await sato.click(raised, "fim_take")).acked
    await slack.wait_update(raised, containing="Taken by")
    assert (await sato.click(raised, "fim_close")).acked
    await files.stage.wait_state(State.ENDED, within=20)
    ports = files.stage.azure.open_ports()
    assert not [port for port in ports if port.source == "203.0.113.7"]
    report = await verify(files.stage.ledger.store, files.stage.ledger.keys)
    assert report.is_good


@pytest.mark.proves("E5", "E6")
async def test_yes_with_a_reason_settles_the_card(files: FileStage) -> None:
    slack = files.stage.slack
    alice = slack.person("alice")
    await with_session(files)
    card = await changed(files)
    await alice.click(card, "fim_mine")
    form = await alice.wait_view()
    await alice.fill(form, "reason", "as announced")
    assert not (await alice.submit(form)).errors
    await slack.wait_update(card, containing="as announced")


@pytest.mark.proves("E5")
async def test_nobody_else_answers_the_question(files: FileStage) -> None:
    slack = files.stage.slack
    await with_session(files)
    card = await changed(files)
    sato = slack.person("sato")
    await sato.click(card, "fim_not_mine")
    await sato.wait_ephemeral("この質問は@alice さん宛てです")


@pytest.mark.proves("E3")
async def test_details_are_turned_page_by_page(files: FileStage) -> None:
    slack = files.stage.slack
    alice = slack.person("alice")
    for n in range(6):
        files.stage.azure.change_file("web-01", f"/srv/{n}")
    await files.read()
    card = await slack.wait_message("C0ALERTS", containing="Unexplained: 6 file changes on web-01")
    await alice.click(card, "fim_details")
    form = await alice.wait_view()
    await alice.click(form, "fim_page")
    await alice.wait_view(where=lambda view: "5 to 6 of 6" in str(view.blocks))


@pytest.mark.proves("D4", "E3")
async def test_story_of_an_alert_leads_to_the_file_changes_of_its_hours(files: FileStage) -> None:
    """Two bursts are one list there: the dangerous ones first, page by page, to be copied."""
    slack, azure = files.stage.slack, files.stage.azure
    kimura = slack.person("kimura")
    for n in range(4):
        azure.change_file("web-01", f"/srv/{n}", ago=timedelta(minutes=30))
    azure.change_file("web-01", "/etc/sudoers")
    azure.change_file("web-01", "/srv/old", ago=timedelta(hours=5))
    await files.read()
    azure.raise_alert("web-01", severity="High", title="Possible reverse shell")
    card = await slack.wait_message("C0SOC", containing="Possible reverse shell", timeout=30)
    await kimura.click(card, "alert_story")
    story = await kimura.wait_view(callback_id="alert.story")
    await kimura.click(story, "fim_details")
    form = await kimura.wait_view(where=lambda view: "1 to 4 of 5" in str(view.blocks))
    assert "/etc/sudoers" in str(form.blocks)
    await kimura.click(form, "fim_page")
    last = await kimura.wait_view(where=lambda view: "5 to 5 of 5" in str(view.blocks))
    assert "/etc/sudoers" not in str(last.blocks)
    await kimura.click(last, "fim_text")
    text = await kimura.wait_view(containing="/etc/sudoers")
    assert "alert:" not in text.all_text()


@pytest.mark.proves("E2", "E6")
async def test_announced_changes_are_one_line(files: FileStage) -> None:
    slack = files.stage.slack
    alice = slack.person("alice")
    await alice.command("C0OPS", "/fim window web-* 2h because patching")
    await alice.wait_ephemeral("are expected until")
    await slack.wait_message("C0ALERTS", containing="opened the change window")
    files.stage.azure.change_file("web-01", "/etc/sudoers")
    await files.read()
    card = await slack.wait_message("C0ALERTS", containing="Expected: 1 file change on 1 machine")
    files.stage.azure.change_file("web-02", "/etc/hosts")
    await files.read()
    await slack.wait_update(card, containing="Expected: 2 file changes on 2 machines")
    await alice.command("C0OPS", "/fim")
    await alice.wait_ephemeral("Expected: `patching`")
    await alice.command("C0OPS", "/fim status")
    await alice.wait_ephemeral("Defender for Endpoint")


@pytest.mark.proves("C087")
async def test_late_changes_are_asked_of_whose_session_was_open_then(files: FileStage) -> None:
    """A row that comes 5 h late belongs to the session of then, not to today's."""
    slack = files.stage.slack
    await with_session(files)
    files.stage.azure.change_file("web-01", "/etc/hosts", ago=timedelta(hours=5, minutes=40))
    await files.read()
    card = await slack.wait_message("C0ALERTS", containing="on web-01")
    assert card.says("Unexplained")
    assert card.says("5 h 40 min ago")


@pytest.mark.proves("E7")
async def test_a_machine_that_fell_silent_is_reported_and_welcomed_back(files: FileStage) -> None:
    azure, slack = files.stage.azure, files.stage.slack
    azure.change_file("web-01", "/etc/hosts")
    await files.read()
    azure.workspaces.silence(azure.covered("web-01"), azure.clock.now())
    files.stage.advance(hours=26)
    azure.change_file("web-02", "/etc/hosts")
    await files.read()
    silent = await slack.wait_message("C0ALERTS", containing="No file data from `web-01`")
    assert silent.says("26 hours")
    alice = slack.person("alice")
    await alice.command("C0OPS", "/fim")
    await alice.wait_ephemeral("1 machine sends no data")
    azure.change_file("web-01", "/etc/hosts")
    files.stage.advance(minutes=20)
    await slack.wait_update(silent, containing="comes again from web-01")


@pytest.mark.proves("E4")
async def test_a_restart_tells_nothing_twice(files: FileStage) -> None:
    await changed(files)
    before = len(files.stage.slack.channel("C0ALERTS").top_level)
    await files.restart()
    await files.read()
    await files.settled()
    assert len(files.stage.slack.channel("C0ALERTS").top_level) == before
