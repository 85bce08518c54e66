"""The product's own gateways read and change what the sandbox holds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from defender.alerts import AlertGateway
from defender.clients import AzureClients
from defender.errors import AzureForbidden
from defender.file_changes import FileIntegrityGateway
from defender.xdr import XdrGateway
from sandbox.azure import SandboxAzure
from sandbox.azure.file_tables import MDE, TRACKING
from sandbox.world.estate import DATA, PROD, STAGING
from tests.sandboxed import settings_of

ALL = (PROD.id, STAGING.id, DATA.id)
SHOP, OLD = (f"00000000-0000-0000-0000-0000000000{number}" for number in ("a1", "a2"))


@pytest.fixture
async def clients(azure: SandboxAzure) -> AsyncIterator[AzureClients]:
    async with AzureClients(settings_of(azure, *ALL)) as found:
        yield found


async def test_both_ways_in_read_the_same_alerts(
    azure: SandboxAzure, clients: AzureClients
) -> None:
    gateway = AlertGateway(clients)
    raised = [
        azure.raise_alert(vm, spelling=spelling)
        for vm in ("web-01", "app-11", "stg-web-01")
        for spelling in ("new", "old")
    ]
    since = azure.clock.now() - timedelta(hours=1)

    queried = await gateway.graph_since(ALL, since)
    listed = [alert for sub in ALL for alert in (await gateway.of_subscription(sub)).alerts]

    wanted = sorted(alert.system_id.lower() for alert in raised)
    assert sorted(alert.key for alert in queried.alerts) == wanted
    assert sorted(alert.key for alert in listed) == wanted
    assert (queried.bad, queried.is_cut) == ((), False)
    by_key = {alert.key: alert for alert in listed}
    assert all(alert.fingerprint == by_key[alert.key].fingerprint for alert in queried.alerts)
    assert all(alert.is_edr for alert in listed)
    assert all(alert.resource_id for alert in listed)
    assert all({"host", "process", "file", "account", "ip"} <= {e.kind for e in alert.entities}
               for alert in listed)  # fmt: skip


async def test_states_are_changed_and_seen(azure: SandboxAzure, clients: AzureClients) -> None:
    gateway = AlertGateway(clients)
    raised = azure.raise_alert("web-01")
    (alert,) = (await gateway.of_subscription(PROD.id)).alerts

    await gateway.set_state(alert, "resolve")
    with pytest.raises(AzureForbidden):
        await gateway.set_state(alert, "inProgress")
    again = await gateway.graph_again(ALL, [alert])

    assert raised.status == "Resolved"
    assert [found.state for found in again.alerts] == [(await gateway.read(alert)).state]
    assert again.alerts[0].fingerprint != alert.fingerprint


@pytest.mark.parametrize("fault", ["duplicates", "shuffles"])
async def test_disorder_is_put_in_order(
    azure: SandboxAzure, clients: AzureClients, fault: str
) -> None:
    names = [azure.raise_alert(f"web-0{number}").system_id.lower() for number in range(1, 7)]
    setattr(azure.alerts.faults, fault, True)

    found = await AlertGateway(clients).graph_since(ALL, azure.clock.now() - timedelta(hours=1))

    assert [alert.key for alert in found.alerts] == names


async def test_a_broken_page_and_a_cut_one_are_told(
    azure: SandboxAzure, clients: AzureClients
) -> None:
    gateway = AlertGateway(clients)
    for number in range(1, 7):
        azure.raise_alert(f"web-0{number}")
    since = azure.clock.now() - timedelta(hours=1)

    azure.alerts.faults.broken_pages = 1
    repeated = await gateway.graph_since(ALL, since)
    azure.alerts.faults.broken_pages = 100
    broken = await gateway.graph_since(ALL, since)
    azure.alerts.faults.clear()
    azure.alerts.faults.cut_after = 2
    cut = await gateway.graph_since(ALL, since)

    assert (len(repeated.alerts), repeated.is_cut) == (6, False)
    assert broken.bad
    assert broken.is_cut
    assert 0 < len(broken.alerts) < 6
    assert (len(cut.alerts), cut.is_cut) == (2, True)


@pytest.mark.parametrize("name", ["alerts-null-fields", "alerts-page-mixed-case"])
async def test_samples_of_oddities_go_over_the_wire(
    azure: SandboxAzure, clients: AzureClients, shared: Path, name: str
) -> None:
    page = json.loads((shared / f"samples/{name}.json").read_text())
    azure.alerts.raw_items = page["value"]
    mine = azure.raise_alert("web-01")
    gateway = AlertGateway(clients)

    listed = await gateway.of_subscription(PROD.id)
    queried = await gateway.graph_since(ALL, azure.clock.now() - timedelta(hours=1))

    keys = [alert.key for alert in listed.alerts]
    assert keys == [alert.key for alert in queried.alerts]
    assert mine.system_id.lower() in keys
    assert len(listed.bad) == len(queried.bad) == page["value"].count(None)
    assert len(keys) > 1
    assert not queried.is_cut


async def test_samples_are_asked_for(azure: SandboxAzure, clients: AzureClients) -> None:
    gateway = AlertGateway(clients)

    await gateway.simulate(PROD.id)
    azure.clock.advance(timedelta(minutes=1))
    (sample,) = (await gateway.of_subscription(PROD.id)).alerts

    assert sample.is_sample


@pytest.mark.parametrize(
    ("workspace", "vm", "table"), [(SHOP, "web-01", MDE), (OLD, "dwh-01", TRACKING)]
)
@pytest.mark.proves("C043")
async def test_each_generation_is_found_and_read(
    azure: SandboxAzure, clients: AzureClients, workspace: str, vm: str, table: str
) -> None:
    gateway = FileIntegrityGateway(clients)
    azure.change_file(vm, "/etc/passwd", account="root", process="vim", twice=True)
    azure.change_file(vm, "/late", ago=timedelta(hours=5))
    now = azure.clock.now() + timedelta(seconds=1)

    tables = await gateway.generation(workspace)
    found = await gateway.changes(workspace, now - timedelta(minutes=5), now, tables=tables)
    seen = await gateway.last_seen(workspace, now, tables=tables)

    assert tables == (table,)
    assert sorted(change.path for change in found.rows) == ["/etc/passwd", "/late"]
    assert (found.is_partial, found.bad, found.complete_to) == (False, 0, now)
    assert [row.machine for row in seen] == [vm]


@pytest.mark.proves("C081")
async def test_a_partial_answer_is_asked_for_again(
    azure: SandboxAzure, clients: AzureClients
) -> None:
    gateway = FileIntegrityGateway(clients)
    for number in range(20):
        azure.change_file("web-01", f"/f{number}", delay=timedelta(seconds=-number))
    azure.workspaces.faults.partial_answers = 1
    now = azure.clock.now() + timedelta(seconds=1)

    found = await gateway.changes(SHOP, now - timedelta(minutes=1), now, tables=(MDE,))

    assert len(found.rows) == 20
    assert found.is_partial


async def test_a_silent_machine_is_missed(azure: SandboxAzure, clients: AzureClients) -> None:
    gateway = FileIntegrityGateway(clients)
    azure.workspaces.silence(azure.machine("web-01"), azure.clock.now() - timedelta(hours=3))

    beats = await gateway.heartbeats(SHOP, azure.clock.now() - timedelta(hours=1))

    assert beats is not None
    assert "web-02" in beats
    assert "web-01" not in beats


@pytest.mark.parametrize("spelling", ["new", "old"])
async def test_the_other_half_is_found_read_and_changed(
    azure: SandboxAzure, clients: AzureClients, spelling: str
) -> None:
    raised = azure.raise_alert(
        "web-01", story="miner", spelling="new" if spelling == "new" else "old"
    )
    (alert,) = (await AlertGateway(clients).of_subscription(PROD.id)).alerts
    gateway = XdrGateway(clients)

    found = await gateway.find(alert)
    assert found is not None
    changed = await gateway.change(
        found.xdr_id, status="inProgress", owner="sato@example.com",
        classification="truePositive", determination="malware",
    )  # fmt: skip
    comments = await gateway.comment(found.xdr_id, "Taken in Slack.")
    await gateway.change_incident(found.incident_id, status="resolved")

    other = azure.xdr.of(raised)
    assert other is not None
    assert (changed.owner, other.owner) == ("sato@example.com",) * 2
    assert [comment.text for comment in comments] == other.comments == ["Taken in Slack."]
    assert azure.xdr.incidents[found.incident_id].fields["status"] == "resolved"
    assert "process" in {entity.kind for entity in found.entities}
