"""The gateway against the sandbox's Azure: the whole way of a port, and Azure at its worst."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from defender.clients import AzureClients
from defender.errors import AzureBusy, AzureForbidden, AzureLocked, AzureRefused, OutcomeUnknown
from defender.estate import Estate
from defender.inventory import Inventory
from defender.jit import JitGateway
from defender.network import NetworkGateway
from defender.records import AccessRecord, Machine, PolicySnapshot
from defender.rights import EARLY_CLOSE, NETWORK_FACTS, REQUIRED, Rights
from sandbox.azure import SandboxAzure
from sandbox.azure.faults import Fault
from sandbox.azure.service import SETTLE
from sandbox.world.clock import SandboxClock
from tests.sandboxed import sandboxed

SOURCE = "203.0.113.7"
#: The sandbox settles in a third of a second.
PATIENCE_SECONDS = 5.0


@dataclass(slots=True)
class World:
    """The sandbox and the product's own gateway in front of it."""

    azure: SandboxAzure
    clock: SandboxClock
    clients: AzureClients
    inventory: Inventory
    jit: JitGateway
    network: NetworkGateway
    estate: Estate

    def machine(self, name: str) -> Machine:
        return self.estate.index.by_name(name)[0]

    async def open(self, name: str, port: int, request_id: str, *, seconds: float = 5) -> Machine:
        machine = self.machine(name)
        (policy,) = (await self.jit.policies_of(machine)).with_port(machine.resource_id, port)
        await self.jit.initiate(
            policy=policy,
            ports={port: self.clock.now() + timedelta(minutes=30)},
            source=SOURCE,
            justification=f"sekisho:{request_id} test",
            timeout=timedelta(seconds=seconds),
        )
        return machine

    async def shows(
        self, machine: Machine, check: Callable[[PolicySnapshot], bool]
    ) -> PolicySnapshot:
        """Read until Azure shows it, within bounds."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            snapshot = await self.jit.policies_of(machine)
            if check(snapshot):
                return snapshot
            assert time.monotonic() < ends_at, "Azure never showed it"
            await asyncio.sleep(0.05)

    async def closes(self, machine: Machine) -> None:
        """Read the security group until no rule of JIT's lets anybody in, within bounds."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            rules = await self.network.jit_rules(machine)
            if rules is not None and not any(rule.is_allow for rule in rules):
                return
            assert time.monotonic() < ends_at, "the rule never went"
            await asyncio.sleep(0.05)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SandboxClock()
    async with sandboxed(tmp_path, clock=clock, settle=SETTLE) as (azure, clients):
        inventory, jit = Inventory(clients), JitGateway(clients)
        estate = Estate(inventory, jit, clock=clock.now)
        assert await estate.refresh_all() == {}
        yield World(azure, clock, clients, inventory, jit, NetworkGateway(clients), estate)


def is_open(request_id: str) -> Callable[[PolicySnapshot], bool]:
    return lambda snapshot: any(record.is_open for record in snapshot.carrying(request_id))


def only(records: tuple[AccessRecord, ...]) -> AccessRecord:
    (record,) = records
    return record


@pytest.mark.proves("A3")
async def test_the_whole_estate_is_read(world: World) -> None:
    assert len(await world.inventory.subscriptions()) == 3
    assert len(world.estate.index) >= 50
    assert 0 < len(world.estate.askable) < len(world.estate.index)
    assert len(world.estate.index.by_name("batch-01")) == 2
    web = world.machine("web-01")
    assert (web.os, dict(web.tags)["owner"]) == ("Linux", "shop")
    assert {rule.number for policy in world.estate.policy_hint(web) for rule in policy.ports} == {
        22,
        8443,
    }


@pytest.mark.proves("C1")
async def test_a_port_opens_by_one_post_and_the_rule_is_found_in_the_nsg(world: World) -> None:
    machine = await world.open("web-01", 22, "req-0001")
    snapshot = await world.shows(machine, is_open("req-0001"))
    record = only(snapshot.carrying("req-0001"))
    assert (record.port, record.sources) == (22, (SOURCE,))
    assert len(world.azure.initiates) == 1
    rules = await world.network.jit_rules(machine)
    assert rules is not None
    (allow,) = [rule for rule in rules if rule.is_allow]
    assert (allow.source, allow.covers(22)) == (SOURCE, True)
    assert any(not rule.is_allow for rule in rules)
    addresses = await world.network.addresses(machine)
    assert addresses.private_ip


@pytest.mark.proves("C4")
async def test_deleting_our_own_rule_closes_the_port_while_the_policy_still_lists_it(
    world: World,
) -> None:
    machine = await world.open("web-01", 22, "req-0001")
    await world.shows(machine, is_open("req-0001"))
    rules = await world.network.jit_rules(machine)
    assert rules is not None
    for rule in rules:
        if rule.is_allow:
            await world.network.delete_rule(rule)
            await world.network.delete_rule(rule)
    # Azure takes a deletion with 202 and is done a moment later: read back, never assume.
    await world.closes(machine)
    assert world.azure.open_ports() == []
    assert is_open("req-0001")(await world.jit.policies_of(machine))


@pytest.mark.proves("C4")
async def test_a_newer_request_ends_the_older_one(world: World) -> None:
    machine = await world.open("web-01", 22, "req-0001")
    await world.shows(machine, is_open("req-0001"))
    await world.open("web-01", 22, "req-0002")
    snapshot = await world.shows(machine, is_open("req-0002"))
    older = only(snapshot.carrying("req-0001"))
    assert not older.is_live
    assert older.status_reason == "NewerRequestInitiated"


async def test_the_end_comes_by_azures_clock(world: World) -> None:
    machine = await world.open("web-01", 22, "req-0001")
    await world.shows(machine, is_open("req-0001"))
    world.clock.advance(timedelta(minutes=31))
    snapshot = await world.jit.policies_of(machine)
    assert only(snapshot.carrying("req-0001")).status_reason == "Expired"
    await world.closes(machine)


@pytest.mark.proves("C035")
async def test_behind_azure_firewall_address_and_mapped_port_are_shown(world: World) -> None:
    machine = await world.open("gw-01", 22, "req-0001")
    snapshot = await world.shows(machine, is_open("req-0001"))
    assert only(snapshot.carrying("req-0001")).mapped_port
    assert snapshot.of(machine.resource_id)[0].public_ip


@pytest.mark.proves("C9", "FAULT-20", "FAULT-21")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(method="POST", path_contains="/initiate", status=409), AzureBusy),
        (
            Fault(
                method="POST",
                path_contains="/initiate",
                status=429,
                headers={"Retry-After": "1"},
            ),
            AzureBusy,
        ),
        (Fault(method="POST", path_contains="/initiate", status=400), AzureRefused),
        (Fault(method="POST", path_contains="/initiate", status=403), AzureForbidden),
    ],
)
async def test_a_refusal_opens_nothing(world: World, fault: Fault, kind: type[Exception]) -> None:
    world.azure.faults.add(fault)
    with pytest.raises(kind):
        await world.open("web-01", 22, "req-0001")
    snapshot = await world.jit.policies_of(world.machine("web-01"))
    assert snapshot.carrying("req-0001") == ()


@pytest.mark.proves("FAULT-22", "C083")
@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="POST", path_contains="/initiate", before_effect=False, drop=True),
        Fault(method="POST", path_contains="/initiate", before_effect=False, hang=600.0, drop=True),
        Fault(method="POST", path_contains="/initiate", before_effect=False, status=500),
        Fault(
            method="POST", path_contains="/initiate", before_effect=False, status=200, body="<html>"
        ),
    ],
)
async def test_what_became_of_an_unknown_outcome_is_found_by_reading(
    world: World, fault: Fault
) -> None:
    world.azure.faults.add(fault)
    with pytest.raises(OutcomeUnknown):
        await world.open("web-01", 22, "req-0001", seconds=1)
    await world.shows(world.machine("web-01"), is_open("req-0001"))
    assert len(world.azure.initiates) == 1


async def test_what_never_reached_azure_is_not_found(world: World) -> None:
    world.azure.faults.add(Fault(method="POST", path_contains="/initiate", drop=True))
    with pytest.raises(OutcomeUnknown):
        await world.open("web-01", 22, "req-0001")
    snapshot = await world.jit.policies_of(world.machine("web-01"))
    assert snapshot.carrying("req-0001") == ()


async def test_a_lock_is_named(world: World) -> None:
    machine = world.machine("web-01")
    group = machine.resource_id.lower().split("/providers/")[0]
    world.azure.faults.locks.add(group)
    with pytest.raises(AzureLocked):
        await world.open("web-01", 22, "req-0001")


@pytest.mark.proves("C039")
async def test_a_policy_missing_from_the_subscriptions_list_is_found_in_its_group(
    world: World,
) -> None:
    machine = world.machine("web-01")
    policy = world.estate.policy_hint(machine)[0]
    world.azure.faults.left_out.add(policy.policy_id)
    listed = await world.jit.policies(machine.subscription_id)
    assert listed.of(machine.resource_id) == ()
    own = await world.jit.policies_of(machine)
    assert own.of(machine.resource_id)


async def test_a_power_state_is_read(world: World) -> None:
    assert await world.inventory.power_state(world.machine("web-01").resource_id) == "running"
    assert await world.inventory.power_state(world.machine("fax-01").resource_id) == "stopped"


@pytest.mark.proves("M3")
async def test_the_rights_that_are_needed_are_there(world: World) -> None:
    rights = Rights(world.clients)
    wanted = (*REQUIRED, *NETWORK_FACTS, *EARLY_CLOSE)
    subscription = world.machine("web-01").subscription_id
    assert await rights.missing_rights(subscription, wanted) == ()
