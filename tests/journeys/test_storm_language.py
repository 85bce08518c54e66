"""A storm speaks the language of its channel, the lines in its thread as well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feeds.routing import Routing
from tests.stage import Stage, until


@pytest.mark.proves("D9", "N1")
async def test_storm_in_a_japanese_channel_is_japanese(stage: Stage) -> None:
    alerts = stage.settings.feeds.alerts
    assert alerts is not None
    routed = replace(alerts, routing=Routing((), "C0JA"))
    stage.settings = replace(stage.settings, feeds=replace(stage.settings.feeds, alerts=routed))
    await stage.stop_bot()
    for number in range(12):
        stage.azure.raise_alert("web-01", severity="Medium", title=f"Odd {number}")
    await stage.start_bot()
    card = await stage.slack.wait_message("C0JA", "全12件", timeout=20)

    def lines() -> list[str]:
        return [reply.all_text() for reply in stage.slack.channel("C0JA").thread(card.ts)[1:]]

    await until(lambda: any("12件のアラート" in line for line in lines()), within=20)
    assert not any("alerts" in line.replace("/alerts", "") for line in lines())
