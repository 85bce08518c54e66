"""The director's part for alerts and file changes, as the page and scripts call it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.azure import SandboxAzure
from sandbox.azure.file_stories import FILE_STORIES
from sandbox.azure.file_tables import MDE
from sandbox.director import Director
from sandbox.happenings import Happenings, Life
from sandbox.switches import NotNow
from sandbox.world.clock import SandboxClock
from tests.sandbox_azure.asking import Arm
from tests.sandbox_azure.test_alerts import ALERTS, LIST
from tests.sandbox_azure.test_main import STOPPED, ready, start
from tests.sandbox_azure.test_resource_graph import ALERTS as QUERY
from tests.sandbox_azure.test_resource_graph import ask


@pytest.fixture
async def director(clock: SandboxClock, azure: SandboxAzure) -> AsyncIterator[Director]:
    found = Director(clock, azure)
    yield found
    await found.stop()


def press(name: str, *, on: bool = True) -> dict[str, Any]:
    return {"do": "fault", "name": name, "on": on}


def rows_of(azure: SandboxAzure) -> list[dict[str, Any]]:
    return [row for workspace in azure.workspaces for rows in workspace.tables.values()
            for row in rows]  # fmt: skip


def opened(azure: SandboxAzure, vm: str = "web-01") -> None:
    azure.open_from_outside(vm, 22, source="203.0.113.7", length=timedelta(hours=1))


async def test_an_alert_is_raised_where_and_how_it_is_wished(
    director: Director, azure: SandboxAzure
) -> None:
    answer = await director.act({"do": "alert", "vm": "app-11", "severity": "high"})

    (alert,) = azure.alerts
    assert answer == {"ok": True, "alert": alert.name, "vm": "app-11"}
    assert (alert.machine.name, alert.severity) == ("app-11", "High")


@pytest.mark.parametrize("name", ["alert_session", "files_session"])
async def test_a_story_with_a_session_is_told_where_a_port_is_open(
    director: Director, azure: SandboxAzure, name: str
) -> None:
    refused = await director.act(press(name))
    opened(azure, "web-03")
    done = await director.act(press(name))

    found = [alert.machine.name for alert in azure.alerts]
    found += [row["Computer"] for row in rows_of(azure)]
    assert refused["ok"] is False
    assert "/jit" in refused["error"]
    assert done == {"ok": True}
    assert set(found) == {"web-03"}


@pytest.mark.parametrize("name", ["alert", "files", "port_outside"])
async def test_a_moment_happens_each_time_it_is_pressed(
    director: Director, azure: SandboxAzure, name: str
) -> None:
    for _ in range(2):
        assert await director.act(press(name)) == {"ok": True}

    bursts = {(row["Computer"], row.get("InitiatingProcessName")) for row in rows_of(azure)}
    happened = len(azure.alerts) + len(bursts) + len(azure.state.openings)
    assert happened >= 1
    assert [fault for fault in director.faults() if fault["on"]] == []


@pytest.mark.parametrize("story", FILE_STORIES)
async def test_a_burst_belongs_together(
    director: Director, azure: SandboxAzure, story: str
) -> None:
    told = FILE_STORIES[story]
    vm = "app-11" if told.os_type == "Windows" else "web-01"

    answer = await director.act({"do": "files", "vm": vm, "story": story})

    rows = rows_of(azure)
    times = [row["TimeGenerated"] for row in rows]
    assert answer == {"ok": True, "changes": len(told.steps), "vm": vm}
    assert {row["Type"] for row in rows} == {MDE}
    assert {row["InitiatingProcessName"] for row in rows} == {told.process}
    assert times == sorted(times)
    assert times[-1] - times[0] < timedelta(minutes=2)


async def test_a_storm_comes_within_its_time(director: Director, azure: SandboxAzure) -> None:
    raised = await director.feeds.happenings.storm(300, timedelta(seconds=0.4))
    by_wish = await director.act({"do": "storm", "count": 5, "seconds": 0})
    await azure.wait(lambda: len(azure.alerts) == 305)

    assert len({alert.id for alert in raised}) == 300
    assert len({alert.severity for alert in raised}) > 2
    assert len({alert.machine.id for alert in raised}) > 10
    assert by_wish == {"ok": True, "alerts": 5}


async def test_an_alert_is_closed_in_the_portal(director: Director, azure: SandboxAzure) -> None:
    nothing = await director.act({"do": "portal", "status": "Resolved"})
    older, newer = azure.raise_alert("web-01"), azure.raise_alert("web-02")

    await director.act(press("portal_resolve"))
    await director.act({"do": "portal", "status": "Dismissed"})

    assert nothing["ok"] is False
    assert (older.status, newer.status) == ("Dismissed", "Resolved")


@pytest.mark.parametrize(
    "wish",
    [
        {"do": "alert", "vm": "nowhere"},
        {"do": "alert", "vm": "batch-01"},  # two machines have this name
        {"do": "files", "vm": "web-01", "story": "nothing"},
        {"do": "storm", "count": 0},
        {"do": "storm", "count": 10**6},
        {"do": "storm", "count": 5, "seconds": "x"},
        {"do": "storm"},
        {"do": "portal", "status": "Deleted"},
    ],
)
async def test_a_wish_that_makes_no_sense_changes_nothing(
    director: Director, azure: SandboxAzure, wish: dict[str, Any]
) -> None:
    answer = await director.act(wish)

    assert answer["ok"] is False
    assert answer["error"]
    assert (len(azure.alerts), rows_of(azure)) == (0, [])


async def test_late_alerts_are_late_while_it_is_on(
    director: Director, azure: SandboxAzure, arm: Arm, clock: SandboxClock
) -> None:
    await director.act(press("alerts_late"))
    late = azure.raise_alert("web-01")
    await director.act(press("alerts_late", on=False))
    prompt = azure.raise_alert("web-02")

    early_list = (await arm.send("GET", LIST, ALERTS)).body["value"]
    clock.advance(timedelta(minutes=3))
    whole_list = (await arm.send("GET", LIST, ALERTS)).body["value"]

    assert [item["name"] for item in early_list] == [prompt.name]
    assert [item["name"] for item in whole_list] == [late.name, prompt.name]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("resource_graph_429", 429, "TooManyRequests"), ("alert_states_refused", 200, "")],
)
async def test_a_switch_breaks_and_mends_queries(
    director: Director, azure: SandboxAzure, arm: Arm, name: str, status: int, code: str
) -> None:
    alert = azure.raise_alert("web-01")
    await director.act(press(name))
    broken = await ask(arm, QUERY)
    resolved = await arm.send("POST", f"{alert.id}/resolve", ALERTS)
    await director.act({"do": "clear_faults"})
    mended = await ask(arm, QUERY)
    again = await arm.send("POST", f"{alert.id}/resolve", ALERTS)

    assert broken.status == status
    assert not code or broken.code == code
    assert resolved.status == (204 if status == 429 else 403)
    assert (mended.status, again.status) == (200, 204)


@pytest.mark.parametrize("name", ["alerts_twice", "alerts_shuffled", "alerts_cut"])
async def test_lists_are_disordered_while_it_is_on(
    director: Director, azure: SandboxAzure, arm: Arm, name: str
) -> None:
    names = [azure.raise_alert(f"web-0{number}").name for number in range(1, 7)]
    await director.act(press(name))
    broken = [item["name"] for item in (await arm.send("GET", LIST, ALERTS)).body["value"]]
    queried = await ask(arm, QUERY)
    await director.act(press(name, on=False))
    mended = [item["name"] for item in (await arm.send("GET", LIST, ALERTS)).body["value"]]

    assert broken != names
    assert queried.body["count"] == (12 if name == "alerts_twice" else len(broken))
    assert mended == names


async def test_broken_pages_stay_broken_until_they_are_mended(
    director: Director, azure: SandboxAzure, arm: Arm
) -> None:
    azure.raise_alert("web-01")
    await director.act(press("alerts_broken"))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            await ask(arm, QUERY)
    await director.act(press("alerts_broken", on=False))

    assert (await ask(arm, QUERY)).body["count"] == 1


async def test_the_estate_lives_until_it_is_told_to_be_quiet(
    director: Director, azure: SandboxAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Life, "FIRST", 0.0)
    monkeypatch.setattr(Life, "SHORTEST", 0.0)
    monkeypatch.setattr(Life, "LONGEST", 0.001)
    await director.live()
    await azure.wait(lambda: len(azure.alerts) > 3 and len(rows_of(azure)) > 3)
    was_on = [fault["name"] for fault in director.faults() if fault["on"]]

    await director.act({"do": "clear_faults"})
    goes_on = director.feeds.life.is_on
    await director.act(press("life", on=False))
    before = (len(azure.alerts), len(rows_of(azure)))
    await asyncio.sleep(0.05)

    assert was_on == ["life"]
    assert goes_on
    assert (len(azure.alerts), len(rows_of(azure))) == before


def test_the_same_chance_tells_the_same_tale(azure: SandboxAzure) -> None:
    def tale() -> list[tuple[str, str]]:
        one = Happenings(azure, chance=random.Random(7))
        azure.alerts.chance.seed(7)
        raised = [one.alert() for _ in range(5)]
        return [(alert.machine.name, alert.title) for alert in raised]

    assert tale() == tale()


def test_nothing_happens_where_no_port_is_open(azure: SandboxAzure) -> None:
    with pytest.raises(NotNow):
        Happenings(azure).machine(session=True)


async def test_the_process_lives_when_it_is_told_to(repository: Path, tmp_path: Path) -> None:
    process = await start(repository, "--state-dir", str(tmp_path), "--lively")
    told = await ready(process)
    panel = f"{told['slack']['page_url']}sandbox/director"
    async with aiohttp.ClientSession() as session, session.get(panel) as answer:
        lit = [fault["name"] for fault in await answer.json() if fault["on"]]
    process.terminate()
    await asyncio.wait_for(process.communicate(), STOPPED)

    assert lit == ["life"]
    assert {told["azure"]["log_analytics_url"], told["azure"]["graph_url"]} == {
        told["azure"]["url"]
    }
    assert process.returncode == 0
