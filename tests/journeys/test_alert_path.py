"""An alert from Azure to its channel, taken, and written back: over the wire."""

from __future__ import annotations

import pytest

from tests.faults.stages import eventually
from tests.stage import Stage


@pytest.mark.proves("D1")
async def test_new_alert_is_in_its_channel(stage: Stage) -> None:
    raised = stage.azure.raise_alert("web-01", severity="High")
    card = await stage.slack.wait_message("C0SOC", raised.title, timeout=20)
    assert "web-01" in card.all_text()


@pytest.mark.proves("D3", "D5")
async def test_taken_and_resolved_it_is_resolved_in_azure(stage: Stage) -> None:
    raised = stage.azure.raise_alert("web-01", severity="High")
    card = await stage.slack.wait_message("C0SOC", raised.title, timeout=20)
    await stage.slack.person("sato").click(card, "alert_take")
    card = await stage.slack.wait_update(card, containing="佐藤", timeout=10)
    await eventually(lambda: raised.status_at(stage.azure.clock.now()) == "InProgress")
