"""A JIT request over time: accepted, opened, superseded, ended; and what Azure refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sandbox.azure import SandboxAzure
from sandbox.world.clock import SandboxClock
from tests.sandbox_azure.asking import JIT, Arm

INITIATED = ("Initiated", "UserRequested")
EXPIRED = ("Revoked", "Expired")
SUPERSEDED = ("Revoked", "NewerRequestInitiated")


async def test_a_request_is_accepted_before_it_opens(azure: SandboxAzure, arm: Arm) -> None:
    azure.settle = timedelta(seconds=30)

    reply = await arm.initiate("web-01")

    assert reply.status == 202
    assert "Location" not in reply.headers
    assert reply.body["virtualMachines"][0]["ports"][0]["status"] == "Initiating"
    assert azure.open_ports() == []


async def test_it_opens_when_azure_has_written_the_rule(
    azure: SandboxAzure, arm: Arm, clock: SandboxClock
) -> None:
    azure.settle = timedelta(seconds=30)
    await arm.initiate("web-01")

    clock.advance(timedelta(seconds=31))

    (port,) = azure.open_ports()
    assert (port.vm, port.resource_group, port.port, port.source) == (
        "web-01", "rg-shop-prod", 22, "203.0.113.7",
    )  # fmt: skip
    assert port.justification == "sekisho:J-1 deploy fix"
    assert await arm.statuses("web-01") == [INITIATED]


async def test_it_ends_by_the_clock(azure: SandboxAzure, arm: Arm, clock: SandboxClock) -> None:
    await arm.initiate("web-01")

    clock.advance(timedelta(hours=1, seconds=1))

    assert azure.open_ports() == []
    assert await arm.statuses("web-01") == [EXPIRED]


async def test_a_newer_request_ends_the_older_one(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01", allowedSourceAddressPrefix="203.0.113.7")
    await arm.initiate(
        "web-01", allowedSourceAddressPrefix="192.0.2.1/32", endTimeUtc=arm.in_(minutes=1)
    )

    assert [p.source for p in azure.open_ports()] == ["192.0.2.1/32"]
    assert await arm.statuses("web-01") == [SUPERSEDED, INITIATED]


async def test_a_short_newer_request_closes_the_port_early(
    azure: SandboxAzure, arm: Arm, clock: SandboxClock
) -> None:
    await arm.initiate("web-01")
    await arm.initiate("web-01", endTimeUtc=arm.in_(minutes=1))

    clock.advance(timedelta(minutes=1, seconds=1))

    assert azure.open_ports() == []
    assert await arm.statuses("web-01") == [SUPERSEDED, EXPIRED]


async def test_another_port_and_another_machine_stay_open(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01", 22)
    await arm.initiate("web-01", 8443)
    await arm.initiate("web-02", 22)

    assert [(p.vm, p.port) for p in azure.open_ports()] == [
        ("web-01", 22), ("web-01", 8443), ("web-02", 22),
    ]  # fmt: skip


async def test_a_duration_and_a_list_of_sources_are_taken(azure: SandboxAzure, arm: Arm) -> None:
    reply = await arm.initiate(
        "web-01", endTimeUtc=None, duration="PT1H", allowedSourceAddressPrefix=None,
        allowedSourceAddressPrefixes=["203.0.113.7", "203.0.113.8"],
    )  # fmt: skip

    (port,) = reply.body["virtualMachines"][0]["ports"]
    assert port["allowedSourceAddressPrefixes"] == ["203.0.113.7", "203.0.113.8"]
    assert [p.source for p in azure.open_ports()] == ["203.0.113.7", "203.0.113.8"]


async def test_without_a_source_the_port_opens_to_the_caller(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01", allowedSourceAddressPrefix=None)

    assert [p.source for p in azure.open_ports()] == ["127.0.0.1"]


async def test_the_firewalls_port_is_told(arm: Arm) -> None:
    reply = await arm.initiate("gw-01")

    policy = await arm.send("GET", arm.policy_of("gw-01"), JIT)
    (entry,) = [
        vm
        for vm in policy.body["properties"]["virtualMachines"]
        if vm["id"].lower().endswith("/gw-01")
    ]
    assert entry["publicIpAddress"] == "198.51.100.250"
    assert reply.body["virtualMachines"][0]["ports"][0]["mappedPort"] >= 1024


async def test_justification_and_requestor_are_as_given(azure: SandboxAzure, arm: Arm) -> None:
    azure.requestor = "bot@example.com"
    body = arm.asking("web-01")
    del body["justification"]

    reply = await arm.send("POST", f"{arm.policy_of('web-01')}/initiate", JIT, body)

    assert "justification" not in reply.body
    assert reply.body["requestor"] == "bot@example.com"


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "neither end nor duration": ({"endTimeUtc": None}, 400, "InvalidInitiateInput"),
    "both end and duration": ({"duration": "PT1H"}, 400, "InvalidInitiateInput"),
    "both kinds of source": (
        {"allowedSourceAddressPrefixes": ["203.0.113.8"]}, 400, "InvalidInitiateInput",
    ),
    "no address": ({"allowedSourceAddressPrefix": "web.example"}, 400, "InvalidInitiateInput"),
    "an end in the past": ({"endTimeUtc": "2020-01-01T00:00:00Z"}, 400, "InvalidInitiateInput"),
    "an end that is none": ({"endTimeUtc": "tomorrow"}, 400, "InvalidRequestContent"),
    "an impossible end": ({"endTimeUtc": "2026-13-45T00:00:00Z"}, 400, "InvalidRequestContent"),
    "a duration that is none": (
        {"endTimeUtc": None, "duration": "2 hours"}, 400, "InvalidRequestContent",
    ),
    "a port as text": ({"number": "22"}, 400, "InvalidRequestContent"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
async def test_a_request_that_contradicts_itself_is_refused(
    azure: SandboxAzure, arm: Arm, why: str
) -> None:
    fields, status, code = REFUSED[why]

    reply = await arm.initiate("web-01", **fields)

    assert (reply.status, reply.code) == (status, code)
    assert azure.open_ports() == []
    assert await arm.requests("web-01") == []


@pytest.mark.parametrize(
    ("vm", "port", "hours", "source"),
    [
        ("web-01", 3389, 1, "203.0.113.7"),
        ("web-01", 22, 4, "203.0.113.7"),
        ("jump-01", 3389, 0.5, "198.51.100.7"),
        ("jump-01", 3389, 0.5, "203.0.112.0/23"),
        ("jump-01", 3389, 0.5, "2001:db8::1"),
        ("jump-01", 3389, 0.5, "*"),
    ],
)
async def test_a_request_outside_the_policy_is_refused(
    azure: SandboxAzure, arm: Arm, vm: str, port: int, hours: float, source: str
) -> None:
    reply = await arm.initiate(
        vm, port, allowedSourceAddressPrefix=source, endTimeUtc=arm.in_(hours=hours)
    )

    assert reply.status == 400
    assert "is not a subset of policy" in reply.body["error"]["message"]
    assert azure.open_ports() == []


@pytest.mark.parametrize("source", ["203.0.113.0/24", "203.0.113.9", "203.0.113.9/32"])
async def test_a_source_inside_the_policy_is_taken(arm: Arm, source: str) -> None:
    reply = await arm.initiate(
        "jump-01", 3389, allowedSourceAddressPrefix=source, endTimeUtc=arm.in_(minutes=30)
    )

    assert reply.status == 202


@pytest.mark.parametrize(
    "vm_id",
    [
        "subscriptions/web-01",
        "/subscriptions/11111111-0000-0000-0000-000000000001/resourceGroups/rg-shop-prod/providers"
        "/Microsoft.Compute/virtualMachines/web-01",
    ],
)
async def test_a_foreign_machine_is_refused(arm: Arm, vm_id: str) -> None:
    body = arm.asking("web-01")
    body["virtualMachines"][0]["id"] = vm_id

    reply = await arm.send("POST", f"{arm.policy_of('web-01')}/initiate", JIT, body)

    assert (reply.status, reply.code) == (403, "LinkedAuthorizationFailed")


async def test_an_unknown_policy_is_told_after_the_body(arm: Arm) -> None:
    path = f"{arm.policy_of('web-01')}x/initiate"

    good = await arm.send("POST", path, JIT, arm.asking("web-01"))
    bad = await arm.send("POST", path, JIT, arm.asking("web-01", endTimeUtc=None))

    assert (good.status, good.code) == (404, "PolicyNotFound")
    assert (bad.status, bad.code) == (400, "InvalidInitiateInput")


async def test_one_bad_port_refuses_the_whole_request(azure: SandboxAzure, arm: Arm) -> None:
    body = arm.asking("web-01")
    ports = body["virtualMachines"][0]["ports"]
    ports.append({**ports[0], "number": 23})

    reply = await arm.send("POST", f"{arm.policy_of('web-01')}/initiate", JIT, body)

    assert reply.status == 400
    assert azure.open_ports() == []
    assert await arm.requests("web-01") == []


async def test_ids_are_matched_without_case(azure: SandboxAzure, arm: Arm) -> None:
    body = arm.asking("db-02")
    body["virtualMachines"][0]["id"] = body["virtualMachines"][0]["id"].upper()

    reply = await arm.send("POST", f"{arm.policy_of('db-02').upper()}/initiate", JIT, body)

    assert reply.status == 202
    assert [p.vm for p in azure.open_ports()] == ["db-02"]


async def test_somebody_opens_a_port_in_the_portal(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01")

    azure.open_from_outside("web-01", 22, source="*", length=timedelta(hours=1))

    assert [p.source for p in azure.open_ports()] == ["*"]
    assert await arm.statuses("web-01") == [SUPERSEDED, INITIATED]
    assert (await arm.requests("web-01"))[1]["requestor"] == "engineer@example.com"
    assert len(azure.initiates) == 1


async def test_an_ended_request_stays_ended_after_a_newer_one(
    arm: Arm, clock: SandboxClock
) -> None:
    await arm.initiate("web-01", endTimeUtc=arm.in_(minutes=5))
    clock.advance(timedelta(minutes=6))

    await arm.initiate("web-01")

    assert await arm.statuses("web-01") == [EXPIRED, INITIATED]
