"""What people do with an alert, over the wire: take, story, resolve, dismiss, hand over, mute."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from approvals.events import State
from sandbox.azure.alerts import SandboxAlert
from sandbox.slack.messages import Message
from sandbox.slack.people import Person
from tests.stage import Stage, set_stage, until

SOC = "C0SOC"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Azure is read twice a second, so that nothing has to wait for a poll."""
    stage = await set_stage(tmp_path)
    alerts = stage.settings.feeds.alerts
    assert alerts is not None
    quick = replace(alerts, every=timedelta(seconds=0.5), quiet_hours=None)
    stage.settings = replace(stage.settings, feeds=replace(stage.settings.feeds, alerts=quick))
    stage.azure.rights.alerts_wildcard = True
    try:
        await stage.start_bot()
        yield stage
    finally:
        await stage.stop()


async def raised(stage: Stage, **wish: object) -> tuple[SandboxAlert, Message]:
    wish = {"severity": "High", "title": "Possible reverse shell"} | wish
    alert = stage.azure.raise_alert("web-01", **wish)  # type: ignore[arg-type]
    return alert, await stage.slack.wait_message(SOC, str(wish["title"]), timeout=20)


def status(stage: Stage, alert: SandboxAlert) -> str:
    return alert.status_at(stage.azure.clock.now())


async def in_azure(stage: Stage, alert: SandboxAlert, wanted: str) -> None:
    await until(lambda: status(stage, alert) == wanted, within=15)


def thread(stage: Stage, card: Message) -> list[str]:
    return [reply.all_text() for reply in stage.slack.channel(SOC).thread(card.ts)[1:]]


async def in_thread(stage: Stage, card: Message, said: str) -> None:
    await until(lambda: any(said in line for line in thread(stage, card)), within=15)


@pytest.mark.proves("D1", "D3", "D4", "D5", "D6")
async def test_analyst_takes_reads_and_resolves_it(stage: Stage) -> None:
    alert, card = await raised(stage)
    kimura = stage.slack.person("kimura")
    await kimura.click(card, "alert_take")
    await stage.slack.wait_update(card, containing="Taken by")
    await in_thread(stage, card, "took it. Owner before: nobody.")
    await in_azure(stage, alert, "InProgress")

    await kimura.click(card, "alert_story")
    story = await kimura.wait_view(callback_id="alert.story")
    assert story.says("What happened, in order")
    assert story.says("This alert: Possible reverse shell")

    await kimura.click(card, "alert_resolve")
    form = await kimura.wait_view(callback_id="alert.resolve")
    await kimura.fill(form, "why", "true_positive")
    await kimura.fill(form, "reason", "Web shell removed, keys rotated")
    await kimura.submit(form)
    await stage.slack.wait_update(card, containing="Resolved: Possible reverse shell")
    await in_azure(stage, alert, "Resolved")
    await stage.slack.wait_update(card, containing="Defender shows it as resolved")
    await in_thread(stage, card, "resolved it: a real attack")
    assert not any("<@" in line for line in thread(stage, card))
    await kimura.wait_ephemeral("Resolved:")


@pytest.mark.proves("D3")
async def test_second_taker_reads_who_was_faster(stage: Stage) -> None:
    _, card = await raised(stage)
    kimura, suzuki = stage.slack.person("kimura"), stage.slack.person("suzuki")
    await kimura.click(card, "alert_take")
    await suzuki.click(card, "alert_take")
    answer = await suzuki.wait_ephemeral("has had it since")
    assert "Hand over" in answer.all_text()
    assert len([line for line in thread(stage, card) if "took it" in line]) <= 1


@pytest.mark.proves("D5", "D11", "N2")
async def test_dismissed_with_a_reason_and_muted(stage: Stage) -> None:
    alert, card = await raised(stage)
    kimura = stage.slack.person("kimura")
    await kimura.choose(card, "alert_more", _option(card, "dismiss:"))
    form = await kimura.wait_view(callback_id="alert.dismiss")
    await kimura.fill(form, "why", "expected")
    await kimura.fill(form, "reason", "Penetration test, ticket SEC-298")
    await kimura.fill(form, "mute", "2h")
    await kimura.submit(form)
    await stage.slack.wait_update(card, containing="Dismissed as expected")
    await in_azure(stage, alert, "Dismissed")
    await in_thread(stage, card, "muted this kind")
    await kimura.command(SOC, "/alerts muted")
    await kimura.wait_ephemeral("is muted")


@pytest.mark.proves("D3")
async def test_handed_to_a_colleague_who_reads_it_in_a_dm(stage: Stage) -> None:
    _, card = await raised(stage)
    kimura, suzuki = stage.slack.person("kimura"), stage.slack.person("suzuki")
    await kimura.choose(card, "alert_more", _option(card, "assign:"))
    form = await kimura.wait_view(callback_id="alert.assign")
    await kimura.fill(form, "to", suzuki.id)
    await kimura.submit(form)
    await stage.slack.wait_update(card, containing="Taken by")
    dm = await suzuki.wait_dm("Possible reverse shell")
    assert "web-01" in dm.all_text()
    await in_thread(stage, card, "Owner before: nobody")


@pytest.mark.proves("D3", "K1")
async def test_home_is_redrawn_for_who_takes_and_for_who_is_given_it(stage: Stage) -> None:
    """For those who have it open: nobody has to open the tab again."""
    _, card = await raised(stage)
    kimura, suzuki = stage.slack.person("kimura"), stage.slack.person("suzuki")
    for person in (kimura, suzuki):
        assert (await person.open_home()).says("1 alert without owner")

    def shows(person: Person, title: str = "Possible reverse shell") -> bool:
        home = person.home()
        return home is not None and home.says(title)

    await kimura.click(card, "alert_take")
    await until(lambda: shows(kimura))
    await stage.slack.wait_update(card, containing="Taken by")
    await kimura.choose(card, "alert_more", _option(card, "assign:"))
    form = await kimura.wait_view(callback_id="alert.assign")
    await kimura.fill(form, "to", suzuki.id)
    await kimura.submit(form)
    await until(lambda: shows(suzuki) and not shows(kimura))
    await suzuki.command(SOC, f"/alerts resolve {_option(card, 'assign:').partition(':')[2]}")
    await until(lambda: not shows(suzuki))


@pytest.mark.proves("D3", "D5")
async def test_marked_as_in_progress_without_an_owner(stage: Stage) -> None:
    """A VM's menu is full, so the form of "Assign to…" offers it; once is enough."""
    alert, card = await raised(stage)
    kimura, suzuki = stage.slack.person("kimura"), stage.slack.person("suzuki")
    await kimura.choose(card, "alert_more", _option(card, "assign:"))
    form = await kimura.wait_view(callback_id="alert.assign")
    assert (await kimura.submit(form)).errors.keys() == {"to"}
    await kimura.fill(form, "what", "begin")
    await kimura.submit(form)
    await kimura.wait_ephemeral("It is marked as in progress")
    await stage.slack.wait_update(card, containing="In progress, @kimura")
    await in_thread(stage, card, "marked it as in progress")
    await in_azure(stage, alert, "InProgress")
    assert card.says("Take it")

    ref = _option(card, "assign:").partition(":")[2]
    await suzuki.command(SOC, f"/alerts progress {ref}")
    await suzuki.wait_ephemeral("@kimura marked it as in progress")
    await suzuki.choose(card, "alert_more", _option(card, "assign:"))
    again = await suzuki.wait_view(callback_id="alert.assign")
    assert "without an owner" not in again.all_text()


@pytest.mark.proves("D5", "C117")
async def test_reopened_in_the_portal_is_said_aloud(stage: Stage) -> None:
    alert, card = await raised(stage)
    stage.azure.alerts.set_status(alert, "Resolved", stage.azure.clock.now())
    await stage.slack.wait_update(card, containing="In the Defender portal")
    stage.azure.alerts.set_status(alert, "Active", stage.azure.clock.now())
    await stage.slack.wait_update(card, containing="Reopened in the Defender portal")
    await in_thread(stage, card, "Set to active in the Defender portal")
    cards = [m for m in stage.slack.channel(SOC).top_level if m.says("Take it")]
    assert cards == [card]
    aloud = [c for c in stage.slack.calls_of("chat.postMessage") if c.args.get("reply_broadcast")]
    assert len(aloud) == 1
    assert aloud[0].args["thread_ts"] == card.ts


@pytest.mark.proves("D5", "C117")
async def test_resolved_here_and_reopened_in_the_portal(stage: Stage) -> None:
    alert, card = await raised(stage)
    kimura = stage.slack.person("kimura")
    await _resolve(kimura, stage, card)
    await in_azure(stage, alert, "Resolved")
    await stage.slack.wait_update(card, containing="Defender shows it as resolved")
    stage.azure.alerts.set_status(alert, "Active", stage.azure.clock.now())
    await stage.slack.wait_update(card, containing="Reopened in the Defender portal")


@pytest.mark.proves("D5")
async def test_missing_right_is_said_in_the_thread(stage: Stage) -> None:
    _, card = await raised(stage)
    stage.azure.rights.deny("Microsoft.Security/locations/alerts/resolve/action")
    await _resolve(stage.slack.person("kimura"), stage, card)
    await stage.slack.wait_update(card, containing="Resolved: Possible reverse shell")
    await in_thread(stage, card, "Defender could not be told")


@pytest.mark.proves("D6")
async def test_sample_is_dismissed_with_one_click(stage: Stage) -> None:
    alert, card = await raised(stage, is_sample=True, title="[SAMPLE ALERT] Odd")
    await stage.slack.person("kimura").click(card, "alert_dismiss")
    await stage.slack.wait_update(card, containing="Dismissed as a test")
    await in_azure(stage, alert, "Dismissed")


async def _resolve(person: object, stage: Stage, card: Message) -> None:
    await person.choose(card, "alert_more", _option(card, "resolve:"))  # type: ignore[attr-defined]
    form = await person.wait_view(callback_id="alert.resolve")  # type: ignore[attr-defined]
    await person.fill(form, "why", "benign")  # type: ignore[attr-defined]
    await person.fill(form, "reason", "A test of ours")  # type: ignore[attr-defined]
    await person.submit(form)  # type: ignore[attr-defined]


def _option(card: Message, prefix: str) -> str:
    """The value of the menu's item that begins so."""
    for block in card.blocks:
        for element in block.get("elements", ()):
            for option in element.get("options", ()):
                if option["value"].startswith(prefix):
                    return str(option["value"])
    raise AssertionError(f"no {prefix} in the menu")


@pytest.mark.proves("D7", "C10")
async def test_open_session_is_named_and_closed_from_the_card(stage: Stage) -> None:
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await alice.command("C0OPS", "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix")
    asked = await stage.slack.wait_message("C0OPS", containing="port 22 on web-01")
    await suzuki.click(asked, "jit_approve")
    await stage.wait_state(State.ACTIVE, within=20)

    _, card = await raised(stage, started_ago=timedelta())
    assert card.says("JIT session at that moment: <@U0ALICE>, port 22")
    assert card.says("Approved by @suzuki")
    assert card.says("still open")
    await suzuki.click(card, "alert_close_port")
    await stage.wait_state(State.ENDED, within=20)
    await stage.slack.wait_update(card, without="Close port 22", timeout=20)
    assert not [port for port in stage.azure.open_ports() if port.source == "203.0.113.7"]


@pytest.mark.proves("D9")
async def test_storm_is_taken_with_one_click(stage: Stage) -> None:
    for _ in range(12):
        stage.azure.raise_alert("web-01", severity="High", title="Suspicious process executed")
    card = await stage.slack.wait_message(SOC, "counted here instead of posted", timeout=20)
    kimura = stage.slack.person("kimura")
    await kimura.click(card, "storm_take")
    await kimura.wait_ephemeral("You took 12 alerts.")
    await in_thread(stage, card, "@kimura took 12 alerts of this storm.")
    assert not any("Owner before" in line for line in thread(stage, card))
    await kimura.command(SOC, "/alerts mine")
    await kimura.wait_ephemeral("12 open alerts are yours")


@pytest.mark.proves("N1", "D3")
async def test_private_answers_are_in_the_readers_language(stage: Stage) -> None:
    _, card = await raised(stage)
    sato = stage.slack.person("sato")
    await sato.click(card, "alert_story")
    story = await sato.wait_view(callback_id="alert.story")
    assert story.says("起きたこと（時刻順）")
    await sato.click(story, "alert_story_text")
    text = await sato.wait_view(callback_id="alert.text")
    assert text.says("Possible reverse shell")
    await sato.click(card, "alert_take")
    await sato.wait_ephemeral("担当になりました")
    await stage.slack.wait_update(card, containing="Taken by @sato", timeout=20)


@pytest.mark.proves("D4", "D5")
async def test_owner_and_verdict_go_to_defender_xdr(stage: Stage) -> None:
    alert, card = await raised(stage, spelling="new")
    kimura = stage.slack.person("kimura")
    await kimura.click(card, "alert_take")
    found = stage.azure.xdr.of(alert)
    assert found is not None
    await until(lambda: found.owner == "kimura@example.com", within=15)
    await stage.slack.wait_update(card, containing="Taken by")
    await kimura.click(card, "alert_resolve")
    form = await kimura.wait_view(callback_id="alert.resolve")
    await kimura.fill(form, "why", "benign")
    await kimura.fill(form, "reason", "A test of ours")
    await kimura.submit(form)
    await until(lambda: "kimura: A test of ours" in found.comments, within=15)
    assert found.fields["status"] == "resolved"
    assert found.fields["classification"] == "informationalExpectedActivity"
    await kimura.click(card, "alert_story")
    story = await kimura.wait_view(callback_id="alert.story")
    assert story.says("In Defender XDR")
    assert story.says("Microsoft Graph")
