"""FAULT-24: the whole bot on a machine whose clock is ten minutes off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from approvals.events import OpId, State
from approvals.ledger import Ledger
from approvals.request import IllegalTransition
from bot.clock import Clock
from bot.health import Colour
from tests.approvals.samples import SATO, approved, file
from tests.redis_fixtures import MakeLedger
from tests.stage import Stage, set_stage

LINE = "/jit web-01 22 for 1h from 203.0.113.7 because deploy fix"
TEN = timedelta(minutes=10)


class WrongClock(Clock):
    """The machine's clock with an error that can be set right."""

    error = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.error

    def timestamp(self) -> float:
        return super().timestamp() + self.error.total_seconds()


@pytest.fixture
def skew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> timedelta:
    found: timedelta = request.param
    monkeypatch.setattr("bot.service.Clock", WrongClock)
    monkeypatch.setattr(WrongClock, "error", found)
    return found


@pytest.fixture(params=["socket", "http"])
async def stage(
    request: pytest.FixtureRequest, tmp_path: Path, skew: timedelta
) -> AsyncIterator[Stage]:
    stage = await set_stage(tmp_path)
    if request.param == "http":
        slack = replace(stage.settings.slack, mode="http", app_token=None)
        stage.settings = replace(stage.settings, slack=slack)
    await stage.start_bot()
    if request.param == "http":
        stage.slack.http_target = f"http://127.0.0.1:{stage.service.http_port}"
    yield stage
    await stage.stop()


both = pytest.mark.parametrize("skew", [TEN, -TEN], ids=["ahead", "behind"], indirect=True)
by_socket = pytest.mark.parametrize("stage", ["socket"], indirect=True)
by_http = pytest.mark.parametrize("stage", ["http"], indirect=True)


@pytest.mark.proves("FAULT-24")
@both
@by_socket
async def test_request_lives_by_the_time_of_redis(stage: Stage, skew: timedelta) -> None:
    before = datetime.now(UTC)
    await stage.slack.person("alice").command("C0OPS", LINE)
    card = await stage.slack.wait_message("C0OPS", containing="1 approval needed")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    session = await stage.wait_state(State.ACTIVE)
    assert session.opening is not None
    assert abs(session.submitted_at - before) < timedelta(seconds=30)
    ends_at = before + timedelta(hours=1)
    assert abs(session.opening.ends_at - ends_at) < timedelta(seconds=60)
    stage.advance(minutes=62)
    await stage.wait_state(State.ENDED)
    assert not stage.azure.open_ports()


@pytest.mark.proves("FAULT-24", "M3")
@both
@by_socket
async def test_health_names_the_clock(stage: Stage, skew: timedelta) -> None:
    side = "ahead of" if skew > timedelta(0) else "behind"
    said = stage.service.health.problems()["clock"]
    assert f"s {side} Redis' own" in said
    assert "600" in said or "599" in said or "601" in said
    WrongClock.error = timedelta(0)
    assert "clock" not in stage.service.health.problems()


@pytest.mark.proves("FAULT-24", "FAULT-5")
@both
@by_http
async def test_signed_delivery_is_refused_counted_and_explained(
    stage: Stage, skew: timedelta
) -> None:
    refused = await stage.slack.person("alice").command("C0OPS", LINE)
    assert not refused.acked
    door = stage.service.vitals.http
    assert door is not None
    assert door.refused["stale_timestamp"] >= 1
    side = "ahead of" if skew > timedelta(0) else "behind"
    assert f"s {side} its time stamp" in stage.service.health.problems()["signatures"]
    assert stage.service.health.colour() is Colour.RED
    assert await stage.ledger.pending() == []

    WrongClock.error = timedelta(0)
    await stage.slack.person("alice").command("C0OPS", LINE)
    await stage.slack.wait_message("C0OPS", containing="1 approval needed")


@pytest.mark.proves("FAULT-24", "FAULT-25")
async def test_late_click_is_refused_by_the_time_of_redis(make_ledger: MakeLedger) -> None:
    """The offset of one process stands for TIME, two hours on; no clock here has moved."""
    request = await file(make_ledger())
    later: Ledger = make_ledger(offset=timedelta(hours=2))
    change = approved(request, SATO, request.submitted_at)
    with pytest.raises(IllegalTransition):
        await later.record(change, op_id=OpId("late"))
    assert await later.read(request.id) == request
