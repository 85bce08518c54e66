"""Alerts over the wire: lists, single ones, their states, samples; the real SDK reads them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.security.aio import SecurityCenter

from sandbox.azure import SandboxAzure
from sandbox.azure.alert_answers import STATES
from sandbox.azure.alert_stories import STORIES
from sandbox.azure.alerts import HOME
from sandbox.azure.wire import parse_instant
from sandbox.world.estate import PROD, STAGING
from tests.sandbox_azure.asking import Arm
from tests.sandbox_azure.shapes import shape_of, unlike

ALERTS = {"api-version": "2022-01-01"}
LIST = f"/subscriptions/{PROD.id}/providers/Microsoft.Security/alerts"


async def test_the_sdk_reads_every_page(azure: SandboxAzure, security: SecurityCenter) -> None:
    azure.alert_answers.page_size = 2
    raised = [azure.raise_alert(f"web-0{number}") for number in (1, 2, 3, 4, 5)]
    azure.raise_alert("stg-web-01")

    found = [alert async for alert in security.alerts.list()]

    assert sorted(alert.id for alert in found) == sorted(alert.id for alert in raised)
    assert {alert.status for alert in found} == {"Active"}


@pytest.mark.parametrize("narrower", ["group", "region", "group and region"])
async def test_the_sdk_reads_a_part(
    azure: SandboxAzure, security: SecurityCenter, narrower: str
) -> None:
    wanted = azure.raise_alert("batch-02")
    azure.raise_alert("web-01")
    lists = {
        "group": lambda: security.alerts.list_by_resource_group("rg-batch"),
        "region": lambda: security.alerts.list_subscription_level_by_region(HOME),
        "group and region": lambda: security.alerts.list_resource_group_level_by_region(
            HOME, "rg-batch"
        ),
    }

    found = [alert.name async for alert in lists[narrower]()]

    assert wanted.name in found
    assert len(found) == (2 if narrower == "region" else 1)


@pytest.mark.parametrize("verb", ["dismiss", "resolve", "activate"])
async def test_the_sdk_changes_a_state(
    azure: SandboxAzure, security: SecurityCenter, verb: str
) -> None:
    alert = azure.raise_alert("web-01")
    change = getattr(security.alerts, f"update_resource_group_level_state_to_{verb}")

    await change("rg-shop-prod", HOME, alert.name)

    read = await security.alerts.get_resource_group_level("rg-shop-prod", HOME, alert.name)
    assert read.status == STATES[verb] == alert.status


async def test_in_progress_takes_a_right_that_no_role_can_name(
    azure: SandboxAzure, arm: Arm
) -> None:
    alert = azure.raise_alert("web-01")

    refused = await arm.send("POST", f"{alert.id}/inProgress", ALERTS)
    azure.rights.alerts_wildcard = True
    done = await arm.send("POST", f"{alert.id}/inProgress", ALERTS)

    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert "inProgress/action" in refused.body["error"]["message"]
    assert (done.status, done.body, alert.status) == (204, "", "InProgress")


@pytest.mark.parametrize("verb", ["dismiss", "resolve", "activate"])
async def test_a_state_takes_its_right(azure: SandboxAzure, arm: Arm, verb: str) -> None:
    alert = azure.raise_alert("web-01")
    azure.rights.deny(f"Microsoft.Security/locations/alerts/{verb}/action")

    refused = await arm.send("POST", f"{alert.id}/{verb}", ALERTS)

    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert alert.status == "Active"


async def test_an_alert_answers_at_its_own_route_alone(
    azure: SandboxAzure, security: SecurityCenter
) -> None:
    alert = azure.raise_alert("web-01")

    with pytest.raises(ResourceNotFoundError):
        await security.alerts.get_subscription_level(HOME, alert.name)
    with pytest.raises(HttpResponseError):
        await security.alerts.get_resource_group_level("rg-batch", HOME, alert.name)


async def test_samples_come_a_while_after_they_were_asked_for(
    azure: SandboxAzure, security: SecurityCenter
) -> None:
    body = {"properties": {"kind": "Bundles", "bundles": ["VirtualMachines"]}}

    await security.alerts.begin_simulate(HOME, body)
    before = [alert async for alert in security.alerts.list()]
    azure.clock.advance(timedelta(minutes=3))
    (sample,) = [alert async for alert in security.alerts.list()]

    assert before == []
    assert sample.alert_display_name.startswith("[SAMPLE ALERT]")
    assert sample.compromised_entity == "Sample-VM"


async def test_a_delayed_alert_comes_late(azure: SandboxAzure, arm: Arm) -> None:
    azure.alerts.faults.delay = timedelta(minutes=40)
    alert = azure.raise_alert("web-01")

    early = await arm.send("GET", LIST, ALERTS)
    hidden = await arm.send("GET", alert.id, ALERTS)
    azure.clock.advance(timedelta(minutes=41))
    late = await arm.send("GET", LIST, ALERTS)

    assert (early.body["value"], hidden.status) == ([], 404)
    assert [item["name"] for item in late.body["value"]] == [alert.name]


async def test_lists_go_wrong_as_they_are_told_to(azure: SandboxAzure, arm: Arm) -> None:
    raised = [azure.raise_alert(f"web-0{number}").name for number in range(1, 6)]
    faults = azure.alerts.faults
    faults.duplicates = faults.shuffles = True
    disordered = (await arm.send("GET", LIST, ALERTS)).body["value"]
    faults.clear()
    faults.broken_pages = 1

    with pytest.raises(json.JSONDecodeError):
        await arm.send("GET", LIST, ALERTS)
    right = (await arm.send("GET", LIST, ALERTS)).body["value"]

    names = [item["name"] for item in disordered]
    assert sorted(names) == sorted(raised * 2)
    assert names != sorted(names)
    assert [item["name"] for item in right] == raised


@pytest.mark.parametrize("spelling", ["new", "old"])
@pytest.mark.parametrize("story", list(STORIES.values()), ids=list(STORIES))
async def test_every_story_is_shaped_like_the_published_alert(
    azure: SandboxAzure, arm: Arm, shared: Path, story: Any, spelling: Any
) -> None:
    vm = "app-11" if story.os_type == "Windows" else "web-01"
    alert = azure.raise_alert(vm, story=story.key, spelling=spelling)
    published = json.loads(
        (shared / "azure-examples/Alerts/GetAlertSubscriptionLocation_example.json").read_text()
    )["responses"]["200"]["body"]

    body = (await arm.send("GET", alert.id, ALERTS)).body

    assert unlike(shape_of(body), shape_of(published)) == []
    assert parse_instant(body["properties"]["timeGeneratedUtc"]) is not None
    defined = {e["$id"] for e in body["properties"]["entities"]}
    assert refs(body["properties"]["entities"]) <= defined


def refs(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(refs(inner) for inner in value.values()))
    return set().union(*(refs(inner) for inner in value)) if isinstance(value, list) else set()


async def test_alerts_of_another_subscription_stay_there(azure: SandboxAzure, arm: Arm) -> None:
    azure.raise_alert("stg-web-01")

    here = await arm.send("GET", LIST, ALERTS)
    there = await arm.send("GET", LIST.replace(PROD.id, STAGING.id), ALERTS)

    assert (len(here.body["value"]), len(there.body["value"])) == (0, 1)
