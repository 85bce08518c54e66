"""Defender XDR is busy, or its answer is lost: written in the end, once, or said in the thread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.azure.faults import Fault, drop_after_accept, too_many
from tests.journeys.test_xdr import SOC, in_thread, quick, raised, there, times
from tests.stage import Stage, set_stage, until


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = await set_stage(tmp_path)
    quick(stage, timedelta(seconds=0.2))
    try:
        await stage.start_bot()
        yield stage
    finally:
        await stage.stop()


FAULTS: dict[str, Fault] = {
    "busy": too_many(1, method="PATCH", path_contains="/security/alerts_v2", times=3),
    "written, unanswered": drop_after_accept(method="PATCH", path_contains="/alerts_v2"),
    "said, unanswered": drop_after_accept(method="POST", path_contains="/comments"),
}


@pytest.mark.proves("D5")
@pytest.mark.parametrize("name", FAULTS)
async def test_a_failure_that_passes_is_made_good(stage: Stage, name: str) -> None:
    alert, card = await raised(stage)
    stage.azure.faults.add(FAULTS[name])
    kimura = stage.slack.person("kimura")
    await kimura.command(SOC, f"/alerts resolve {alert.system_id} because Keys rotated")
    await stage.slack.wait_update(card, containing="Resolved: Possible reverse shell")
    await until(lambda: there(stage, alert).comments == ["kimura: Keys rotated"], within=20)
    await until(lambda: not FAULTS[name].times, within=20)
    assert there(stage, alert).fields["status"] == "resolved"

    stage.azure.analyst("eva@contoso.example").comment(alert, "Thanks")
    await in_thread(stage, card, "commented: `Thanks`")
    assert there(stage, alert).comments == ["kimura: Keys rotated", "Thanks"]
    assert times(stage, card, "Defender XDR resolved") == 0
    assert times(stage, card, "Keys rotated") == 1
    assert times(stage, card, "could not be told") == 0


@pytest.mark.proves("D5")
async def test_busy_incident_follows_its_alert(stage: Stage) -> None:
    alert, card = await raised(stage)
    path = "/security/incidents"
    stage.azure.faults.add(too_many(1, method="PATCH", path_contains=path, times=2))
    await stage.slack.person("kimura").click(card, "alert_take")
    incident = stage.azure.xdr.incidents[there(stage, alert).incident_id]
    await until(lambda: incident.fields["assignedTo"] == "kimura@example.com", within=20)
    assert there(stage, alert).owner == "kimura@example.com"


@pytest.mark.proves("D5")
async def test_what_stays_busy_is_said_after_two_hours(stage: Stage) -> None:
    alert, card = await raised(stage)
    path = "/security/alerts_v2/"
    stage.azure.faults.add(too_many(1, method="PATCH", path_contains=path, times=None))
    await stage.slack.person("kimura").click(card, "alert_take")
    await stage.slack.wait_update(card, containing="Taken by")
    owed = f"{{{stage.settings.redis.tag}}}:xdr-owed"
    await _until_there(stage, owed)
    assert times(stage, card, "could not be told") == 0
    stage.advance(hours=2, minutes=1)
    await in_thread(stage, card, "Defender XDR could not be told: it stayed busy for two hours.")
    assert there(stage, alert).owner is None


async def _until_there(stage: Stage, key: str) -> None:
    """Redis is asked, so this is no condition that `until` could take."""
    redis = stage.service.redis
    for _ in range(400):
        if await redis.exists(key):
            return
        await stage.ledger.now()
    raise AssertionError(f"no {key}")
