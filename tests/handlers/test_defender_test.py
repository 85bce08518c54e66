"""D14: `/defender test` shows the official test and says whether its alert has arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from defender.alert import Alert
from feeds.detection_tests import DetectionTests
from feeds.risk import RiskFacts
from feeds.store import AlertStore
from handlers.defender import Defender, DetectionReports, register
from tests.faults.stages import eventually, told
from tests.feeds.alerts import an_alert, arriving
from tests.journeys.conftest import stage
from tests.stage import Stage

__all__ = ["stage"]

TITLE = "Enumeration of files with sensitive data"


class Read:
    """The alert feed is on and was read a moment ago."""

    def __init__(self, facts: RiskFacts) -> None:
        self.facts = facts

    async def of_machine(self, resource_id: str, name: str) -> RiskFacts:
        del resource_id, name
        return self.facts


@dataclass
class Desk:
    """Everything of `/defender` on a stage, as `bot.service` wires it."""

    stage: Stage
    tests: DetectionTests
    alerts: AlertStore
    reports: DetectionReports

    async def type(self, line: str, who: str = "alice") -> str:
        person = self.stage.slack.person(who)
        before = len(person.ephemerals("C0OPS"))
        await person.command("C0OPS", line)
        await self.stage.slack.wait(lambda: len(person.ephemerals("C0OPS")) > before, timeout=10)
        return person.ephemerals("C0OPS")[-1].all_text()

    def alert(self, **changes: Any) -> Alert:
        facts: dict[str, Any] = {
            "title": TITLE,
            "severity": "Low",
            "is_edr": True,
            "resource_id": self.stage.azure.machine("web-01").id.upper(),
            "generated_at": self.stage.clock.now(),
        }
        return an_alert(1, **(facts | changes))


@pytest.fixture
async def desk(stage: Stage) -> Desk:
    service, tag = stage.service, stage.settings.redis.tag
    offset = service.clock.offset
    service.services.risk = Read(RiskFacts(alerts={}))
    tests = DetectionTests(service.redis, tag=tag, offset=offset)
    alerts = AlertStore(service.redis, tag=tag, offset=offset)
    socket = service.vitals.socket
    assert socket is not None
    await eventually(lambda: bool(service.estate.arc.machines))
    register(socket._app, Defender(service.services, tests, alerts), service.services)
    return Desk(stage, tests, alerts, DetectionReports(service.services, tests, alerts))


@pytest.mark.proves("D14")
async def test_its_alert_has_arrived(desk: Desk) -> None:
    said = await desk.type("/defender test web-01")
    assert "mde_linux_edr_diy.sh" in said
    assert TITLE in said
    assert "tells you by DM" in said
    desk.stage.advance(minutes=4)
    await desk.reports.arrived([desk.alert()])
    await desk.reports.arrived([desk.alert()])
    await eventually(lambda: told(desk.stage, "alice", "The alert of web-01 has arrived") == 1)
    assert told(desk.stage, "alice", "It took 4 minutes") == 1
    desk.stage.advance(minutes=40)
    await desk.reports.turn_due()
    assert await desk.tests.waiting() == []
    assert told(desk.stage, "alice", "No alert") == 0


@pytest.mark.proves("D14")
@pytest.mark.parametrize(
    "changes",
    [
        {"is_edr": False, "title": "Brute force"},
        {"is_sample": True},
        {"resource_id": "/subscriptions/x/resourceGroups/y/providers/z/virtualMachines/db-09"},
        {"generated_at": an_alert().generated_at},
    ],
    ids=["not EDR", "sample", "another machine", "older"],
)
async def test_another_alert_is_not_the_one(desk: Desk, changes: dict[str, Any]) -> None:
    await desk.type("/defender test web-01")
    await desk.reports.arrived([desk.alert(**changes)])
    assert len(await desk.tests.waiting()) == 1


@pytest.mark.proves("D14")
async def test_it_did_not_arrive_in_time_also_after_a_restart(desk: Desk) -> None:
    await desk.type("/defender test web-01")
    await desk.reports.turn_due()
    assert len(await desk.tests.waiting()) == 1
    await desk.stage.stop_bot()
    await desk.stage.start_bot()
    desk.stage.advance(minutes=31)
    service, tag = desk.stage.service, desk.stage.settings.redis.tag
    tests = DetectionTests(service.redis, tag=tag, offset=service.clock.offset)
    await DetectionReports(service.services, tests).turn_due()
    await DetectionReports(service.services, tests).turn_due()
    await eventually(lambda: told(desk.stage, "alice", "No alert of web-01 in 30 minutes") == 1)
    assert told(desk.stage, "alice", "Alerts are not read at the moment") == 1  # no feed is on


@pytest.mark.proves("D14")
async def test_what_arrived_while_nobody_was_there_is_found(desk: Desk) -> None:
    await desk.type("/defender test web-01")
    await desk.reports.turn_due()
    await desk.alerts.ingest(arriving(desk.alert()))
    desk.stage.advance(minutes=4)
    await desk.reports.turn_due()
    desk.stage.advance(minutes=31)
    await desk.reports.turn_due()
    await eventually(lambda: told(desk.stage, "alice", "The alert of web-01 has arrived") == 1)
    assert told(desk.stage, "alice", "No alert") == 0


@pytest.mark.proves("D14")
async def test_a_test_begun_again_waits_anew(desk: Desk) -> None:
    await desk.type("/defender test web-01")
    [first] = await desk.tests.waiting()
    desk.stage.advance(minutes=20)
    await desk.type("/defender test web-01")
    [second] = await desk.tests.waiting()
    assert second.until - first.until >= timedelta(minutes=20)
    assert not await desk.tests.end(first)
    assert await desk.tests.waiting() == [second]


@pytest.mark.proves("D14", "K5", "N2")
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("/defender", "/defender test web-01"),
        ("/defender help", "/defender test web-01"),
        ("/defender test", "/defender test web-01"),
        ("/defender tset web-01", "is not a word of /defender"),
        ("/defender ｔｅｓｔ　ｗｅｂ－０１", "Detection test for web-01"),
        ("/defender test “web-01”", "Detection test for web-01"),
        ("/defender test web-0l", "No machine named web-0l"),
        ("/defender test app-11", "invoice.exe"),
    ],
)
async def test_what_is_typed(desk: Desk, line: str, wanted: str) -> None:
    assert wanted in await desk.type(line)


@pytest.mark.proves("D14")
async def test_a_machine_is_picked_among_near_names(desk: Desk) -> None:
    alice = desk.stage.slack.person("alice")
    await desk.type("/defender test web-0l")
    await alice.click(alice.ephemerals("C0OPS")[-1], "defender_test_pick_1")
    await alice.wait_ephemeral("Detection test for web-0", timeout=10)
    assert len(await desk.tests.waiting()) == 1


@pytest.mark.proves("D14")
async def test_unread_alerts_are_said_at_once(desk: Desk) -> None:
    desk.stage.service.services.risk = Read(RiskFacts())
    assert "doesn’t read alerts at the moment" in await desk.type("/defender test web-01")


@pytest.mark.proves("D14")
@pytest.mark.parametrize("name", ["arc-tokyo-1", "gcp-mail-1", "office-ad-1"])
async def test_machine_that_arc_joined_is_tested_like_any(desk: Desk, name: str) -> None:
    said = await desk.type(f"/defender test {name}")
    script = "powershell.exe" if name == "office-ad-1" else "mde_linux_edr_diy.sh"
    assert script in said
    machine = desk.stage.azure.covered(name)
    found = desk.alert(resource_id=machine.id.lower(), machine=name)
    await desk.reports.arrived([found])
    await eventually(lambda: told(desk.stage, "alice", f"The alert of {name} has arrived") == 1)


@pytest.mark.proves("D14")
async def test_machine_that_an_alert_alone_has_named_is_tested(desk: Desk) -> None:
    said = await desk.type("/defender test far-away-9")
    assert "No machine named far-away-9" in said
    away = desk.alert(resource_id="", machine="far-away-9", os="Linux")
    await desk.alerts.ingest(arriving(away))
    assert "mde_linux_edr_diy.sh" in await desk.type("/defender test far-away-9")


@pytest.mark.proves("D14", "A3")
async def test_jit_says_why_it_does_not_open_a_machine_outside_azure(desk: Desk) -> None:
    said = await desk.type("/jit arc-tokyo-1 22 for 1h from 203.0.113.7 because a test")
    assert "outside Azure" in said
    assert "arc-tokyo-1" in said
    estate = desk.stage.service.estate
    assert estate.askable.by_name("arc-tokyo-1") == ()
    assert estate.index.by_name("arc-tokyo-1") == ()
