"""JIT policies: lists, PUT that replaces, DELETE."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sandbox.azure import SandboxAzure
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import PROD
from tests.sandbox_azure.asking import JIT, Arm

PROVIDER = "providers/Microsoft.Security"
SUBSCRIPTION = f"/subscriptions/{PROD.id}"


GROUP = "resourceGroups/RG-OPS"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            f"{PROVIDER}/jitNetworkAccessPolicies",
            {"rg-shop-prod/default", "rg-batch/default", "rg-ops/default", "rg-ops/jit-bastion"},
        ),
        (f"{PROVIDER}/locations/japanwest/jitNetworkAccessPolicies", {"rg-batch/default"}),
        (
            f"{GROUP}/{PROVIDER}/jitNetworkAccessPolicies",
            {"rg-ops/default", "rg-ops/jit-bastion"},
        ),
        (
            f"{GROUP}/{PROVIDER}/locations/JapanEast/jitNetworkAccessPolicies",
            {"rg-ops/default", "rg-ops/jit-bastion"},
        ),
        (f"{GROUP}/{PROVIDER}/locations/westeurope/jitNetworkAccessPolicies", set()),
    ],
)
async def test_policies_are_listed_by_place(arm: Arm, path: str, expected: set[str]) -> None:
    reply = await arm.send("GET", f"{SUBSCRIPTION}/{path}", JIT)

    assert {f"{p['id'].split('/')[4]}/{p['name']}" for p in reply.body["value"]} == expected


async def test_a_policy_can_be_missing_from_the_subscriptions_list_alone(
    azure: SandboxAzure, arm: Arm
) -> None:
    policy = arm.policy_of("web-01")
    azure.faults.left_out.add(policy)

    whole = await arm.send("GET", f"{SUBSCRIPTION}/{PROVIDER}/jitNetworkAccessPolicies", JIT)
    group = await arm.send("GET", policy.rpartition("/")[0], JIT)

    assert policy not in {p["id"] for p in whole.body["value"]}
    assert policy in {p["id"] for p in group.body["value"]}


async def test_a_put_replaces_the_machines(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01")
    await arm.initiate("web-02")
    path = arm.policy_of("web-01")
    body = (await arm.send("GET", path, JIT)).body
    machines = body["properties"]["virtualMachines"]
    body["properties"]["virtualMachines"] = [m for m in machines if m["id"].endswith("web-01")]

    reply = await arm.send("PUT", path, JIT, body)

    assert reply.status == 200
    assert [p.vm for p in azure.open_ports()] == ["web-01"]
    assert not [r for r in azure.nsg_rules("web-02") if "JITRule" in r.name]
    assert len(reply.body["properties"]["requests"]) == 1


async def test_a_put_is_updating_for_a_moment(
    azure: SandboxAzure, arm: Arm, clock: SandboxClock
) -> None:
    azure.settle = timedelta(seconds=30)
    path = arm.policy_of("web-01")
    body = (await arm.send("GET", path, JIT)).body

    written = await arm.send("PUT", path, JIT, body)
    clock.advance(timedelta(minutes=1))
    later = await arm.send("GET", path, JIT)

    assert written.body["properties"]["provisioningState"] == "Updating"
    assert later.body["properties"]["provisioningState"] == "Succeeded"


async def test_a_deleted_policy_takes_its_rules_along(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01")
    path = arm.policy_of("web-01")

    first = await arm.send("DELETE", path, JIT)
    second = await arm.send("DELETE", path, JIT)
    read = await arm.send("GET", path, JIT)

    assert (first.status, second.status) == (200, 204)
    assert (read.status, read.code) == (404, "PolicyNotFound")
    assert azure.open_ports() == []
    assert [r.name for r in azure.nsg_rules("web-01")] == ["AllowHttpsInbound"]


PORT = {
    "number": 22,
    "protocol": "TCP",
    "allowedSourceAddressPrefix": "*",
    "maxRequestAccessDuration": "PT3H",
}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"protocol": ""}, 500, "InternalServerError"),
        ({"maxRequestAccessDuration": "3 hours"}, 500, "InternalServerError"),
        ({"number": 65_536}, 400, "InvalidPolicyInput"),
        ({"maxRequestAccessDuration": "PT4M"}, 400, "InvalidPolicyInput"),
        ({"maxRequestAccessDuration": "P1DT1S"}, 400, "InvalidPolicyInput"),
        ({"allowedSourceAddressPrefix": None}, 400, "InvalidPolicyInput"),
        ({"allowedSourceAddressPrefixes": ["10.0.0.0/8"]}, 400, "InvalidPolicyInput"),
        ({"number": None}, 400, "InvalidRequestContent"),
    ],
)
async def test_a_malformed_policy_is_refused_and_the_old_one_stays(
    arm: Arm, change: dict[str, Any], status: int, code: str
) -> None:
    path = arm.policy_of("web-01")
    before = (await arm.send("GET", path, JIT)).body
    port = {key: value for key, value in {**PORT, **change}.items() if value is not None}
    machine = {"id": before["properties"]["virtualMachines"][0]["id"], "ports": [port]}
    body = {"kind": "Basic", "properties": {"virtualMachines": [machine]}}

    reply = await arm.send("PUT", path, JIT, body)

    assert (reply.status, reply.code) == (status, code)
    assert (await arm.send("GET", path, JIT)).body == before


async def test_a_custom_name_and_the_machines_may_not_be_too_long(arm: Arm) -> None:
    default = arm.policy_of("web-01")
    machine = {"id": default.replace("default", "x"), "ports": [PORT]}
    path = f"{default.rpartition('/')[0]}/{'n' * 56}"

    reply = await arm.send("PUT", path, JIT, {"properties": {"virtualMachines": [machine]}})

    assert (reply.status, reply.code) == (400, "InvalidPolicyInput")


async def test_an_unknown_api_version_is_refused(arm: Arm) -> None:
    reply = await arm.send("GET", arm.policy_of("web-01"), {"api-version": "2031-01-01"})

    assert (reply.status, reply.code) == (400, "NoRegisteredProviderFound")
    assert "2020-01-01" in reply.body["error"]["message"]
