"""What the feeds say besides cards, over the wire, and what its buttons do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approvals.events import State
from sandbox.azure.faults import too_many
from sandbox.slack.messages import Message
from tests.stage import Stage, until

SOC = "C0SOC"


def address_of(message: Message, action_id: str) -> str:
    """Where a button leads."""
    for block in message.blocks:
        for element in block.get("elements", ()):
            if element.get("action_id") == action_id:
                return str(element["url"])
    raise AssertionError(f"no {action_id} in {message.all_text()}")


@pytest.mark.proves("D7", "D12")
async def test_reminder_names_the_open_port_and_leads_to_the_card(stage: Stage) -> None:
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await alice.command("C0OPS", "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix")
    asked = await stage.slack.wait_message("C0OPS", containing="port 22 on web-01")
    await suzuki.click(asked, "jit_approve")
    await stage.wait_state(State.ACTIVE, within=20)
    stage.azure.raise_alert("web-01", severity="High", title="Possible reverse shell")
    card = await stage.slack.wait_message(SOC, "Possible reverse shell", timeout=20)

    stage.advance(minutes=6)
    first = await stage.slack.wait_message(SOC, "Nobody has taken this for 6 minutes", timeout=20)
    assert first.says("Port 22 is open until")
    assert card.ts.replace(".", "") in address_of(first, "alert_open")

    stage.advance(minutes=5)
    second = await stage.slack.wait_message(SOC, "Second and last reminder here", timeout=20)
    assert second.says("Port 22 is open until")
    await suzuki.click(second, "alert_take")
    await stage.slack.wait_update(card, containing="Taken by")


@pytest.mark.proves("D10", "N1")
async def test_what_a_silence_affects_is_answered_to_whoever_asks(stage: Stage) -> None:
    """The one way of reading alerts is shut for six minutes."""
    alerts = stage.settings.feeds.alerts
    assert alerts is not None
    graph = replace(alerts, sources=("resource_graph",))
    stage.settings = replace(stage.settings, feeds=replace(stage.settings.feeds, alerts=graph))
    await stage.stop_bot()
    await stage.start_bot()
    stage.azure.raise_alert("web-01", severity="High", title="Seen before")
    await stage.slack.wait_message(SOC, "Seen before", timeout=20)  # silence counts from a read
    path = "Microsoft.ResourceGraph"
    stage.azure.faults.add(too_many(1, path_contains=path, times=None))
    health = stage.service.health.checks["alerts"]
    await until(lambda: "TooManyRequests" in health(), within=20)  # no read is on its way
    stage.advance(minutes=6)
    notice = await stage.slack.wait_message(SOC, "Alerts may be late", timeout=30)
    kimura, sato = stage.slack.person("kimura"), stage.slack.person("sato")
    await kimura.click(notice, "feeds_health")
    answer = await kimura.wait_ephemeral("Alerts come late until Azure answers")
    assert answer.says("Resource Graph: last read")
    assert answer.says("machines")
    await sato.click(notice, "feeds_health")
    await sato.wait_ephemeral("Azureが応答するまで")

    stage.azure.faults.clear()
    await stage.slack.wait_message(SOC, "Alerts are read again", timeout=30)
    await kimura.click(notice, "feeds_health")
    await kimura.wait_ephemeral("No alert is late now")
