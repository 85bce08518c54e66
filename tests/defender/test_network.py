"""A machine's addresses and JIT's rules about it, in every form seen in the field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from defender.clients import AzureClients
from defender.errors import AzureForbidden, AzureLocked, AzureRefused, OutcomeUnknown
from defender.network import NetworkGateway, NsgRule
from tests.defender.estate import GROUP, NIC_ID, NSG_ID, SUBSCRIPTION, VM_ID, WEB_01
from tests.defender.wire import Answer, Wire, drop

PUBLIC_ID = f"{GROUP}/providers/Microsoft.Network/publicIPAddresses/web-01-ip"
SUBNET_ID = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/web"
NSGS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/networkSecurityGroups"
ALLOW = "SecurityCenter-JITRule-1170687618-8C18BF8921F041989344B4F1E3A0C370"
DENY = "SecurityCenter-JITRule_-1105480617_9EF6964FE766478B9EC568B32FB82045"
FORBIDDEN = Answer({"error": {"code": "AuthorizationFailed", "message": "no"}}, 403)


def rule(name: str, access: str, **changes: Any) -> dict[str, Any]:
    """A rule as Azure lists it."""
    created = "created by an initiation request " if access == "Allow" else ""
    properties = {
        "access": access,
        "direction": "Inbound",
        "priority": 100 if access == "Allow" else 4096,
        "description": f"ASC JIT Network Access rule {created}for policy 'default' of VM 'web-01'.",
        "sourceAddressPrefix": "203.0.113.7" if access == "Allow" else "*",
        "destinationAddressPrefix": "10.1.0.4",
        "destinationPortRange": "22",
    }
    return {"name": name, "properties": {**properties, **changes}}


def nsg(*rules: dict[str, Any], subnets: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "id": NSG_ID,
        "properties": {"securityRules": rules, "subnets": [{"id": subnet} for subnet in subnets]},
    }


def nic(*, group: bool = True, subnet: bool = False, public: bool = False) -> dict[str, Any]:
    ip: dict[str, Any] = {"privateIPAddress": "10.1.0.4", "primary": True}
    if subnet:
        ip["subnet"] = {"id": SUBNET_ID.upper()}
    if public:
        ip["publicIPAddress"] = {"id": PUBLIC_ID}
    second = {"privateIPAddress": "10.1.0.9", "primary": False}
    properties: dict[str, Any] = {
        "ipConfigurations": [{"properties": second}, {"properties": ip}],
        "primary": True,
    }
    if group:
        properties["networkSecurityGroup"] = {"id": NSG_ID}
    return {"id": NIC_ID, "properties": properties}


@pytest.fixture
def gateway(clients: AzureClients) -> NetworkGateway:
    return NetworkGateway(clients)


@pytest.mark.proves("C4")
async def test_jits_rules_are_told_apart_by_access_and_others_are_left_out(
    wire: Wire, gateway: NetworkGateway
) -> None:
    wire.answer("GET", NIC_ID, Answer(nic()))
    other = "ASC JIT Network Access rule for policy 'default' of VM 'web-02'."
    wire.answer(
        "GET",
        NSG_ID,
        Answer(
            nsg(
                rule(ALLOW, "Allow"),
                rule(DENY, "Deny"),
                rule(DENY.replace("_9", "-9"), "Deny"),
                rule("ssh-from-office", "Allow"),
                rule(ALLOW.lower(), "Allow", destinationAddressPrefix="10.1.0.77"),
                rule(ALLOW, "Allow", description=other),
            )
        ),
    )
    rules = await gateway.jit_rules(WEB_01)
    assert rules is not None
    assert [(found.name, found.is_allow) for found in rules] == [
        (ALLOW, True),
        (DENY, False),
        (DENY.replace("_9", "-9"), False),
    ]
    assert rules[0].source == "203.0.113.7"
    assert (rules[0].nsg_id, rules[0].priority, rules[0].port) == (NSG_ID, 100, "22")


async def test_a_rule_is_matched_by_description_where_it_has_no_destination(
    wire: Wire, gateway: NetworkGateway
) -> None:
    wire.answer("GET", NIC_ID, Answer(nic()))
    lists = {
        "destinationAddressPrefix": None,
        "destinationAddressPrefixes": ["10.1.0.4", "10.1.0.5"],
        "destinationPortRange": None,
        "destinationPortRanges": ["22", "8000-8100"],
        "sourceAddressPrefix": "",
        "sourceAddressPrefixes": ["203.0.113.7", "203.0.113.8"],
    }
    wire.answer(
        "GET",
        NSG_ID,
        Answer(
            nsg(
                rule(ALLOW, "Allow", destinationAddressPrefix="*"),
                rule(ALLOW, "Allow", destinationAddressPrefix="*", description="edited"),
                rule(DENY, "Deny", **lists),
                rule(DENY, "Deny", description=None),
            )
        ),
    )
    rules = await gateway.jit_rules(WEB_01)
    assert rules is not None
    assert len(rules) == 3
    assert rules[1].sources == ("203.0.113.7", "203.0.113.8")
    assert [rules[1].covers(port) for port in (22, 23, 8000, 8100, 8101)] == [
        *(True, False, True, True, False)
    ]


async def test_a_subnets_group_is_found_by_the_subnets_it_names(
    wire: Wire, gateway: NetworkGateway
) -> None:
    wire.answer("GET", NIC_ID, Answer(nic(group=False, subnet=True)))
    other = {**nsg(rule(ALLOW, "Allow")), "id": NSG_ID + "2"}
    found = nsg(rule(DENY, "Deny"), subnets=(SUBNET_ID,))
    wire.answer("GET", NSGS, Answer({"value": [other, found]}))
    wire.answer("GET", NSG_ID, Answer(found))
    for _ in range(2):
        rules = await gateway.jit_rules(WEB_01)
        assert rules is not None
        assert [item.name for item in rules] == [DENY]
    assert len([call for call in wire.received if call.path == NSGS]) == 1


async def test_a_list_that_fails_half_way_is_not_remembered(
    wire: Wire, gateway: NetworkGateway
) -> None:
    wire.answer("GET", NIC_ID, Answer(nic(group=False, subnet=True)))
    found = nsg(rule(ALLOW, "Allow"), subnets=(SUBNET_ID,))
    link = f"{wire.url}{NSGS}/2"
    wire.answer("GET", NSGS, Answer({"value": [], "nextLink": link}))
    wire.answer("GET", f"{NSGS}/2", Answer({"error": {"code": "Odd", "message": "x"}}, 400))
    with pytest.raises(AzureRefused):
        await gateway.jit_rules(WEB_01)
    wire.answer("GET", f"{NSGS}/2", Answer({"value": [found]}))
    wire.answer("GET", NSG_ID, Answer(found))
    rules = await gateway.jit_rules(WEB_01)
    assert rules is not None
    assert [item.name for item in rules] == [ALLOW]


async def test_without_the_right_nothing_is_said_of_rules(
    wire: Wire, gateway: NetworkGateway
) -> None:
    wire.answer("GET", NIC_ID, Answer(nic()))
    wire.answer("GET", NSG_ID, FORBIDDEN)
    assert await gateway.jit_rules(WEB_01) is None
    wire.answer("GET", NIC_ID, FORBIDDEN)
    assert await gateway.jit_rules(WEB_01) is None


async def test_no_group_is_no_proof_that_no_rule_exists(
    wire: Wire, gateway: NetworkGateway
) -> None:
    wire.answer("GET", NIC_ID, Answer(nic(group=False)))
    assert await gateway.jit_rules(WEB_01) is None


async def test_interfaces_are_looked_up_where_only_the_machines_id_is_known(
    wire: Wire, gateway: NetworkGateway
) -> None:
    wire.answer("GET", NIC_ID, Answer(nic()))
    wire.answer("GET", NSG_ID, Answer(nsg(rule(ALLOW, "Allow"))))
    interfaces = {"networkProfile": {"networkInterfaces": [{"id": NIC_ID}]}}
    wire.answer("GET", VM_ID, Answer({"id": VM_ID, "properties": interfaces}))
    rules = await gateway.jit_rules(replace(WEB_01, network_interface_ids=()))
    assert rules is not None
    assert [item.name for item in rules] == [ALLOW]


async def test_a_machine_that_is_gone_has_no_rules_to_tell_of(gateway: NetworkGateway) -> None:
    gone = replace(WEB_01, network_interface_ids=())
    assert await gateway.jit_rules(gone) is None
    assert (await gateway.addresses(gone)).public_ip is None


@pytest.mark.proves("C035", "C1")
async def test_the_primary_private_and_the_public_address_are_found(
    wire: Wire, gateway: NetworkGateway
) -> None:
    wire.answer("GET", NIC_ID, Answer(nic(public=True)))
    wire.answer("GET", PUBLIC_ID, Answer({"properties": {"ipAddress": "203.0.113.50"}}))
    found = await gateway.addresses(WEB_01)
    assert (found.public_ip, found.private_ip) == ("203.0.113.50", "10.1.0.4")
    assert found.all_private == ("10.1.0.4", "10.1.0.9")
    wire.answer("GET", PUBLIC_ID, FORBIDDEN)
    assert (await gateway.addresses(WEB_01)).public_ip is None


async def test_a_rule_is_deleted_once_and_one_that_is_gone_is_no_failure(
    wire: Wire, gateway: NetworkGateway
) -> None:
    target = NsgRule(WEB_01.resource_id, ALLOW, "Allow", 100, "x", "y", "22", "")
    target = replace(target, nsg_id=type(WEB_01.resource_id)(NSG_ID))
    path = f"{NSG_ID}/securityRules/{ALLOW}"
    for status in (200, 202, 204, 404):
        wire.answer("DELETE", path, Answer(None, status))
        await gateway.delete_rule(target)
    locked = Answer({"error": {"code": "ScopeLocked", "message": "locked"}}, 409)
    for play, kind in ((FORBIDDEN, AzureForbidden), (locked, AzureLocked), (drop, OutcomeUnknown)):
        wire.received.clear()
        wire.answer("DELETE", path, play)
        with pytest.raises(kind):
            await gateway.delete_rule(target)
        # aiohttp itself may repeat a DELETE (never a POST) when a kept connection was cut.
        assert len(wire.calls("DELETE")) <= (2 if play is drop else 1)
