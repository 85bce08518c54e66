"""Every alert of the samples and recordings comes in over the wire and is told in Slack."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from feeds.verify import FeedsReport
from tests.faults.stages import in_time
from tests.stage import Stage, set_stage

SECRET = "a-secret-for-pushes-0123456789"

PULLED = (
    "samples/alert-entity-cycles",
    "samples/alert-gcp-machine",
    "samples/alert-network-many-ips",
    "samples/alert-non-ascii-hostile",
    "samples/alert-onprem-workspace-only",
    "samples/alerts-null-fields",
    "samples/alerts-page-mixed-case",
    "recordings/alerts_2020",
    "recordings/alerts_list",
    "recordings/alerts_list_page2",
    "recordings/alerts_update",
)
PUSHED = ("samples/alert-description-placeholders", "samples/alert-eventhub-pascal-refs")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """What Azure pushes is taken as well."""
    stage = await set_stage(tmp_path)
    alerts = stage.settings.feeds.alerts
    assert alerts is not None
    pushed = replace(
        alerts, sources=("resource_graph", "push"), push_secrets=(SECRET,), digest=None
    )
    stage.settings = replace(stage.settings, feeds=replace(stage.settings.feeds, alerts=pushed))
    try:
        await stage.start_bot()
        yield stage
    finally:
        await stage.stop()


def alerts_in(node: object) -> Iterator[dict[str, Any]]:
    """Whatever looks like an alert of Resource Manager, however deep a recording holds it."""
    if isinstance(node, str) and node.lstrip().startswith(("{", "[")):
        node = json.loads(node)
    if isinstance(node, dict):
        kind = str(node.get("type", "")).lower()
        if "properties" in node and kind.endswith("alerts"):
            yield node
            return
        for value in node.values():
            yield from alerts_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from alerts_in(value)


async def all_told(stage: Stage, least: int) -> FeedsReport:
    """Once nothing waits any more; `stage.stop` then judges every message that Slack was sent."""
    feed = stage.service.feeds.alerts
    assert feed is not None

    async def is_told() -> bool:
        await feed.figures.refresh()
        report = feed.figures.report
        return report.told >= least and not report.waiting and report.is_good

    await in_time(is_told, within=30)
    return feed.figures.report


@pytest.mark.proves("D1", "C021", "C046", "C049", "C085")
@pytest.mark.parametrize("name", PULLED)
async def test_pulled_alert_is_told(stage: Stage, shared: Path, name: str) -> None:
    body = json.loads((shared / f"{name}.json").read_text("utf-8"))
    found = list(alerts_in(body))
    assert found
    stage.azure.alerts.raw_items[:] = found
    report = await all_told(stage, 1)
    assert not report.muted


@pytest.mark.proves("D1", "C047")
@pytest.mark.parametrize("name", PUSHED)
async def test_pushed_alert_is_told(stage: Stage, shared: Path, name: str) -> None:
    body = (shared / f"{name}.json").read_bytes()
    url = f"http://127.0.0.1:{stage.service.http_port}/feeds/alerts"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=body, headers={"X-Sekisho-Key": "wrong"}) as refused:
            assert refused.status == 401
        for _ in range(2):  # once more: it is one alert
            headers = {"Authorization": f"Bearer {SECRET}"}
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 202
    report = await all_told(stage, 1)
    assert report.ingested == 1


@pytest.mark.proves("D2", "FAULT-19")
async def test_archived_channel_falls_back_to_the_default_one_and_it_is_said(
    stage: Stage,
) -> None:
    stage.slack.core.workspace.channels["C0SOC"].is_archived = True
    raised = stage.azure.raise_alert("web-01", severity="High")
    card = await stage.slack.wait_message("C0ALERTS", raised.title, timeout=20)
    assert "web-01" in card.all_text()
    await stage.slack.wait_message("C0AUDIT", "C0SOC", timeout=20)
