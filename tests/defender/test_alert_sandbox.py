"""The alert gateway against the sandbox's Azure: what is raised there is read, changed, proved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from defender.alerts import AlertGateway, Verb
from defender.errors import AzureForbidden
from sandbox.azure import SandboxAzure
from sandbox.world.estate import DATA, PROD, STAGING
from tests.sandboxed import sandboxed

ALL = (PROD.id, STAGING.id, DATA.id)


@dataclass(slots=True)
class World:
    azure: SandboxAzure
    alerts: AlertGateway

    @property
    def an_hour_ago(self) -> datetime:
        return self.azure.clock.now() - timedelta(hours=1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with sandboxed(tmp_path) as (azure, clients):
        yield World(azure, AlertGateway(clients))


async def test_both_ways_give_the_same_alert(world: World) -> None:
    raised = world.azure.raise_alert("web-01")
    by_graph = await world.alerts.graph_since(ALL, world.an_hour_ago)
    by_list = await world.alerts.of_subscription(PROD.id)
    (alert,) = by_graph.alerts
    assert alert == by_list.alerts[0]
    assert (alert.key, alert.title, alert.machine) == (
        raised.system_id.lower(),
        raised.title,
        "web-01",
    )
    assert alert.is_edr
    assert any(entity.kind == "process" for entity in alert.entities)
    assert (by_graph.bad, by_graph.is_cut, by_list.bad, by_list.is_cut) == ((), False, (), False)


@pytest.mark.proves("FAULT-26")
@pytest.mark.parametrize("fault", ["none", "duplicates", "shuffles", "late", "old spelling"])
async def test_every_alert_is_read_once_however_the_lists_go_wrong(
    world: World, fault: str
) -> None:
    faults = world.azure.alerts.faults
    faults.duplicates, faults.shuffles = fault == "duplicates", fault == "shuffles"
    names = ["web-01", "stg-web-01", "dwh-01"] * 4
    for name in names:
        ago = timedelta(minutes=50) if fault == "late" else timedelta(minutes=1)
        world.azure.raise_alert(name, generated_ago=ago)
    found = await world.alerts.graph_since(ALL, world.an_hour_ago)
    listed = [await world.alerts.of_subscription(subscription) for subscription in ALL]
    assert len(found.alerts) == sum(len(batch.alerts) for batch in listed) == len(names)
    assert {alert.key for alert in found.alerts} == {
        alert.key for batch in listed for alert in batch.alerts
    }
    times = [alert.generated_at for alert in found.alerts if alert.generated_at]
    assert times == sorted(times)


async def test_a_cut_answer_is_noticed(world: World) -> None:
    for _ in range(5):
        world.azure.raise_alert("web-01")
    world.azure.alerts.faults.cut_after = 3
    found = await world.alerts.graph_since(ALL, world.an_hour_ago)
    assert found.is_cut
    assert len(found.alerts) < 5


async def test_a_page_that_breaks_once_is_read_at_the_next_try(world: World) -> None:
    world.azure.raise_alert("web-01")
    world.azure.alerts.faults.broken_pages = 1
    found = await world.alerts.graph_since(ALL, world.an_hour_ago)
    assert (len(found.alerts), found.bad) == (1, ())


async def test_a_page_that_stays_broken_gives_what_stands_in_it(world: World) -> None:
    for _ in range(6):
        world.azure.raise_alert("web-01")
    world.azure.alerts.faults.broken_pages = 50
    for found in (
        await world.alerts.graph_since(ALL, world.an_hour_ago),
        await world.alerts.of_subscription(PROD.id),
    ):
        assert found.is_cut
        assert found.bad
        assert 0 < len(found.alerts) < 6


async def test_a_state_is_changed_and_seen_by_identity(world: World) -> None:
    world.azure.raise_alert("web-01")
    (alert,) = (await world.alerts.graph_since(ALL, world.an_hour_ago)).alerts
    with pytest.raises(AzureForbidden) as refused:
        await world.alerts.set_state(alert, "inProgress")
    assert refused.value.action == "Microsoft.Security/locations/alerts/inProgress/action"
    verbs: dict[Verb, str] = {
        "resolve": "resolved",
        "dismiss": "dismissed",
        "activate": "active",
    }
    for verb, state in verbs.items():
        await world.alerts.set_state(alert, verb)
        assert (await world.alerts.read(alert)).state == state
        assert [a.state for a in (await world.alerts.graph_again(ALL, [alert])).alerts] == [state]
