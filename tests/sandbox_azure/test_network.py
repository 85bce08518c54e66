"""The security groups tell what is open, whatever the policy says."""

from __future__ import annotations

import re
from datetime import timedelta

from sandbox.azure import SandboxAzure
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import DATA
from sandbox.world.model import SecurityRule
from tests.sandbox_azure.asking import JIT, NETWORK, Arm

#: As facts name them; both spellings of the separators are seen.
JIT_NAME = re.compile(r"SecurityCenter-JITRule[_-]-?\d+[_-][0-9A-F]{32}")


def jit_rules(azure: SandboxAzure, vm: str, access: str) -> list[SecurityRule]:
    return [r for r in azure.nsg_rules(vm) if r.access == access and JIT_NAME.fullmatch(r.name)]


def group_path(azure: SandboxAzure, vm: str) -> str:
    return str(azure.machine(vm).nsg_id)


async def test_a_closed_port_has_a_deny_rule(azure: SandboxAzure) -> None:
    denies = jit_rules(azure, "web-01", "Deny")

    assert [(r.port, r.priority, r.sources) for r in denies] == [
        ("22", 4096, ("*",)),
        ("8443", 4095, ("*",)),
    ]
    assert denies[0].destination == azure.machine("web-01").private_ip
    assert denies[0].description == (
        "ASC JIT Network Access rule for policy 'default' of VM 'web-01'."
    )
    assert jit_rules(azure, "web-01", "Allow") == []


async def test_an_open_port_has_an_allow_rule_above(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01", 22)
    await arm.initiate("web-01", 8443)

    allows = jit_rules(azure, "web-01", "Allow")

    assert [(r.port, r.priority, r.sources) for r in allows] == [
        ("22", 100, ("203.0.113.7",)),
        ("8443", 101, ("203.0.113.7",)),
    ]
    assert allows[0].description == (
        "ASC JIT Network Access rule created by an initiation request for policy 'default' of "
        "VM 'web-01'."
    )
    assert len(jit_rules(azure, "web-01", "Deny")) == 2


async def test_priorities_in_a_shared_group_never_collide(azure: SandboxAzure, arm: Arm) -> None:
    for number in (1, 2, 3):
        await arm.initiate(f"spark-{number:02}")
    await arm.initiate("spark-01", 22)

    rules = azure.nsg_rules("spark-01")

    assert len({rule.priority for rule in rules}) == len(rules)
    assert len({rule.name for rule in rules}) == len(rules)
    assert len([r for r in rules if r.access == "Allow"]) == 3


async def test_deleting_the_rule_closes_the_port_but_not_the_request(
    azure: SandboxAzure, arm: Arm
) -> None:
    await arm.initiate("web-01")
    (rule,) = jit_rules(azure, "web-01", "Allow")
    path = f"{group_path(azure, 'web-01')}/securityRules/{rule.name}"

    first = await arm.send("DELETE", path, NETWORK)
    second = await arm.send("DELETE", path, NETWORK)

    assert (first.status, second.status) == (202, 204)
    assert azure.open_ports() == []
    assert await arm.statuses("web-01") == [("Initiated", "UserRequested")]
    operation = await arm.send("GET", first.headers["Azure-AsyncOperation"])
    assert operation.body == {"status": "Succeeded"}


async def test_a_deletion_takes_a_moment(
    azure: SandboxAzure, arm: Arm, clock: SandboxClock
) -> None:
    await arm.initiate("web-01")
    (rule,) = jit_rules(azure, "web-01", "Allow")
    azure.settle = timedelta(seconds=30)

    await arm.send("DELETE", f"{group_path(azure, 'web-01')}/securityRules/{rule.name}", NETWORK)

    assert len(azure.open_ports()) == 1
    clock.advance(timedelta(seconds=31))
    assert azure.open_ports() == []


async def test_a_new_request_opens_again_after_a_deletion(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01")
    (rule,) = jit_rules(azure, "web-01", "Allow")
    azure.delete_rule("web-01", rule.name)

    await arm.initiate("web-01")

    assert len(azure.open_ports()) == 1


async def test_a_lost_deny_rule_stays_lost_until_the_policy_is_written(
    azure: SandboxAzure, arm: Arm
) -> None:
    azure.delete_rule("web-01", jit_rules(azure, "web-01", "Deny")[0].name)
    assert [r.port for r in jit_rules(azure, "web-01", "Deny")] == ["8443"]

    path = arm.policy_of("web-01")
    await arm.send("PUT", path, JIT, (await arm.send("GET", path, JIT)).body)

    assert [r.port for r in jit_rules(azure, "web-01", "Deny")] == ["22", "8443"]


async def test_rules_are_read_as_a_list_and_one_by_one(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate(
        "web-01", allowedSourceAddressPrefix=None,
        allowedSourceAddressPrefixes=["203.0.113.7", "203.0.113.8"],
    )  # fmt: skip
    group = group_path(azure, "web-01")

    rules = (await arm.send("GET", f"{group}/securityRules", NETWORK)).body["value"]
    (opened,) = [r for r in rules if r["properties"]["priority"] == 100]
    one = await arm.send("GET", opened["id"], NETWORK)

    assert one.body == opened
    assert opened["properties"]["sourceAddressPrefixes"] == ["203.0.113.7", "203.0.113.8"]
    assert "sourceAddressPrefix" not in opened["properties"]
    missing = await arm.send("GET", f"{group}/securityRules/none", NETWORK)
    assert (missing.status, missing.code) == (404, "ResourceNotFound")


async def test_the_interface_leads_to_group_and_addresses(azure: SandboxAzure, arm: Arm) -> None:
    vm = azure.machine("web-01")

    nic = (await arm.send("GET", vm.nic_id, NETWORK)).body["properties"]
    address = nic["ipConfigurations"][0]["properties"]
    public = await arm.send("GET", address["publicIPAddress"]["id"], NETWORK)
    group = await arm.send("GET", nic["networkSecurityGroup"]["id"], NETWORK)

    assert nic["virtualMachine"]["id"] == vm.id
    assert address["privateIPAddress"] == vm.private_ip
    assert public.body["properties"]["ipAddress"] == vm.public_ip
    assert group.body["properties"]["networkInterfaces"] == [{"id": vm.nic_id}]
    assert len(group.body["properties"]["defaultSecurityRules"]) == 3


async def test_a_subnets_group_is_found_in_the_list_alone(azure: SandboxAzure, arm: Arm) -> None:
    vm = azure.machine("spark-01")
    path = f"/subscriptions/{DATA.id}/providers/Microsoft.Network/networkSecurityGroups"

    nic = (await arm.send("GET", vm.nic_id, NETWORK)).body["properties"]
    groups = (await arm.send("GET", path, NETWORK)).body["value"]

    assert "networkSecurityGroup" not in nic
    guarding = [
        g["name"] for g in groups if {"id": vm.subnet_id} in g["properties"].get("subnets", [])
    ]
    assert guarding == ["data-subnet-nsg"]


async def test_without_a_security_group_nothing_opens(azure: SandboxAzure) -> None:
    assert azure.machine("erp-01").nsg_id is None
    assert azure.nsg_rules("erp-01") == []


async def test_a_deleted_machine_stays_in_its_policy(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01")
    vm, policy = azure.machine("web-01"), arm.policy_of("web-01")

    azure.delete_machine("web-01")

    read = await arm.send("GET", vm.id, {"api-version": "2024-07-01"})
    listed = (await arm.send("GET", policy, JIT)).body["properties"]["virtualMachines"]
    assert (read.status, read.code) == (404, "ResourceNotFound")
    assert vm.id in {entry["id"] for entry in listed}
    assert azure.open_ports() == []
