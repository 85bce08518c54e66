"""Defender XDR and Slack say the same: owner, verdict and comments go there and come back, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.azure.alerts import SandboxAlert
from sandbox.azure.xdr import XdrAlert
from sandbox.slack.messages import Message
from tests.stage import Stage, set_stage, until

SOC = "C0SOC"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Defender XDR is read five times a second."""
    stage = await set_stage(tmp_path)
    quick(stage, timedelta(seconds=0.2))
    try:
        await stage.start_bot()
        yield stage
    finally:
        await stage.stop()


def quick(stage: Stage, every: timedelta) -> None:
    """Defender XDR is read so often; for the bot's next start."""
    alerts = stage.settings.feeds.alerts
    assert alerts is not None
    alerts = replace(alerts, graph=True, graph_every=every)
    stage.settings = replace(stage.settings, feeds=replace(stage.settings.feeds, alerts=alerts))
    stage.azure.rights.alerts_wildcard = True


async def raised(
    stage: Stage, title: str = "Possible reverse shell"
) -> tuple[SandboxAlert, Message]:
    alert = stage.azure.raise_alert("web-01", severity="High", title=title)
    return alert, await stage.slack.wait_message(SOC, title, timeout=20)


def there(stage: Stage, alert: SandboxAlert) -> XdrAlert:
    found = stage.azure.xdr.of(alert)
    assert found is not None
    return found


def thread(stage: Stage, card: Message) -> list[str]:
    return [reply.all_text() for reply in stage.slack.channel(SOC).thread(card.ts)[1:]]


async def in_thread(stage: Stage, card: Message, said: str) -> None:
    await until(lambda: any(said in line for line in thread(stage, card)), within=15)


def times(stage: Stage, card: Message, said: str) -> int:
    return sum(said in line for line in thread(stage, card))


@pytest.mark.proves("D5", "D3")
async def test_analyst_assigns_classifies_and_comments_in_defender_xdr(stage: Stage) -> None:
    alert, card = await raised(stage)
    kimura = stage.azure.analyst("kimura@example.com")
    kimura.assign(alert)
    kimura.change(alert, classification="truePositive", determination="malware")
    kimura.comment(alert, "Isolated <!channel> the host")

    await stage.slack.wait_update(card, containing="Taken by @kimura")
    await stage.slack.wait_update(card, containing="Defender XDR: a real attack (malware)")
    await in_thread(stage, card, "Defender XDR gave it to @kimura. Owner before: nobody.")
    await in_thread(stage, card, "Classified in Defender XDR: a real attack (malware).")
    await in_thread(stage, card, "kimura@example.com (Defender XDR) commented:")
    assert not any("<!channel>" in line for line in thread(stage, card))

    await stage.stop_bot()
    await stage.start_bot()
    kimura.change(alert, status="resolved")
    await stage.slack.wait_update(card, containing="Resolved: Possible reverse shell")
    await in_thread(stage, card, "Defender XDR resolved it: a real attack (malware)")
    assert times(stage, card, "gave it to") == 1
    assert times(stage, card, "Classified in") == 1
    assert times(stage, card, "commented:") == 1
    assert there(stage, alert).owner == "kimura@example.com"  # nothing of it was written back


@pytest.mark.proves("D5", "D3")
async def test_what_slack_decides_stands_in_defender_xdr_and_does_not_come_back(
    stage: Stage,
) -> None:
    alert, card = await raised(stage)
    await stage.slack.person("kimura").click(card, "alert_take")
    await until(lambda: there(stage, alert).owner == "kimura@example.com", within=15)
    assert there(stage, alert).fields["status"] == "inProgress"
    incident = stage.azure.xdr.incidents[there(stage, alert).incident_id]
    await until(lambda: incident.fields["assignedTo"] == "kimura@example.com")
    assert incident.fields["status"] == "active"

    analyst = stage.azure.analyst("someone@contoso.example")
    analyst.comment(alert, "Looks real")  # its poll brings our own write along
    await in_thread(stage, card, "someone@contoso.example (Defender XDR) commented:")
    assert times(stage, card, "gave it to") == 0
    assert times(stage, card, "in progress") == 0

    analyst.assign(alert)
    await stage.slack.wait_update(card, containing="someone@contoso.example (Defender XDR)")
    await in_thread(stage, card, "Owner before: @kimura.")


@pytest.mark.proves("D5")
async def test_alert_that_comes_late_to_defender_xdr_gets_its_owner_then(stage: Stage) -> None:
    stage.azure.xdr.delay = timedelta(minutes=20)
    alert, card = await raised(stage)
    await stage.slack.person("kimura").click(card, "alert_take")
    await stage.slack.wait_update(card, containing="Taken by")
    stage.advance(minutes=21)
    await until(lambda: there(stage, alert).owner == "kimura@example.com", within=15)


@pytest.mark.proves("D5")
async def test_name_goes_where_slack_tells_no_address_and_the_thread_says_so(stage: Stage) -> None:
    stage.slack.scopes.discard("users:read.email")
    alert, card = await raised(stage)
    await stage.slack.person("kimura").click(card, "alert_take")
    await until(lambda: there(stage, alert).owner == "kimura", within=15)
    await in_thread(stage, card, "Slack gives Sekisho no e-mail of this person")


@pytest.mark.proves("D5")
async def test_missing_right_in_defender_xdr_is_said_in_the_thread(stage: Stage) -> None:
    stage.azure.rights.deny("SecurityAlert.ReadWrite.All")
    alert, card = await raised(stage)
    await stage.slack.person("kimura").click(card, "alert_take")
    await in_thread(stage, card, "Defender XDR could not be told")
    assert there(stage, alert).owner is None


@pytest.mark.proves("D5")
async def test_nothing_is_told_twice_when_redis_forgets_what_was_seen(stage: Stage) -> None:
    alert, card = await raised(stage)
    eva = stage.azure.analyst("eva@contoso.example")
    eva.assign(alert)
    eva.comment(alert, "Looks real")
    await in_thread(stage, card, "commented: `Looks real`")
    tag, redis = stage.settings.redis.tag, stage.service.redis
    assert await redis.delete(f"{{{tag}}}:xdr:{there(stage, alert).id}") == 1
    eva.comment(alert, "Isolated")
    await in_thread(stage, card, "commented: `Isolated`")
    assert times(stage, card, "Looks real") == 1
    assert times(stage, card, "gave it to") == 1


@pytest.mark.proves("D5", "D6")
async def test_reason_goes_there_as_a_comment_and_an_edit_in_between_is_told(stage: Stage) -> None:
    await stage.stop_bot()
    quick(stage, timedelta(hours=1))
    await stage.start_bot()
    alert, card = await raised(stage)
    stage.azure.analyst("eva@contoso.example").comment(alert, "Looks real")

    kimura = stage.slack.person("kimura")
    await kimura.command(SOC, f"/alerts resolve {alert.system_id} because Keys rotated")
    await until(lambda: "kimura: Keys rotated" in there(stage, alert).comments, within=15)
    await in_thread(stage, card, "eva@contoso.example (Defender XDR) commented: `Looks real`")
    assert there(stage, alert).fields["status"] == "resolved"

    await stage.stop_bot()
    await stage.start_bot()  # which looks at once
    stage.azure.analyst("eva@contoso.example").comment(alert, "Thanks")
    await stage.stop_bot()
    await stage.start_bot()
    await in_thread(stage, card, "commented: `Thanks`")
    assert times(stage, card, "Keys rotated") == 1  # the line of the deed itself
    assert times(stage, card, "Looks real") == 1


@pytest.mark.proves("D5")
async def test_long_reason_is_one_comment_and_does_not_come_back(stage: Stage) -> None:
    alert, card = await raised(stage)
    kimura = stage.slack.person("kimura")
    await kimura.command(SOC, f"/alerts resolve {alert.system_id} because {'long ' * 199}end")
    await until(lambda: bool(there(stage, alert).comments), within=15)
    stage.azure.analyst("eva@contoso.example").comment(alert, "Thanks")
    await in_thread(stage, card, "commented: `Thanks`")
    assert len(there(stage, alert).comments) == 2
    assert times(stage, card, "commented:") == 1
