"""Real answers of Azure, read through the gateway over https, against what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from defender.answers import failure
from defender.clients import AzureClients
from defender.decode import duration_of, instant_of
from defender.decode_jit import snapshot_of
from defender.errors import AzureBusy, AzureError, AzureForbidden, OutcomeUnknown
from defender.inventory import Inventory
from defender.jit import JitGateway
from defender.records import AccessRecord, PolicySnapshot, VmPolicy
from defender.witness import Witness
from tests.defender.estate import SUBSCRIPTION
from tests.defender.wire import Answer, Wire

JIT_LIST = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/jitNetworkAccessPolicies"


def exchanges(shared: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "recordings" / name).read_bytes())
    return found


def shown_of_policies(body: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Every field of a policy that we show, straight from the JSON."""
    for policy in body["value"]:
        for vm in policy["properties"]["virtualMachines"]:
            ports = [
                (
                    int(port["number"]),
                    port["protocol"],
                    port.get("allowedSourceAddressPrefix")
                    or port.get("allowedSourceAddressPrefixes"),
                    duration_of(port["maxRequestAccessDuration"]),
                )
                for port in vm["ports"]
            ]
            yield policy["id"], policy["name"], vm["id"], vm.get("publicIpAddress"), ports


def shown_of_records(body: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for policy in body["value"]:
        for request in policy["properties"].get("requests") or []:
            for vm in request["virtualMachines"]:
                for port in vm["ports"]:
                    yield (
                        vm["id"],
                        port["number"],
                        port.get("allowedSourceAddressPrefix")
                        or port.get("allowedSourceAddressPrefixes"),
                        instant_of(request["startTimeUtc"]),
                        instant_of(port.get("endTimeUtc")),
                        port["status"],
                        port["statusReason"],
                        request["requestor"] or "",
                        request.get("justification") or "",
                        port.get("mappedPort"),
                    )


def one_or_many(sources: tuple[str, ...]) -> str | list[str] | None:
    return None if not sources else sources[0] if len(sources) == 1 else list(sources)


def read_policy(policy: VmPolicy) -> tuple[Any, ...]:
    ports = [
        (rule.number, rule.protocol, one_or_many(rule.allowed_sources), rule.longest)
        for rule in policy.ports
    ]
    return policy.policy_id, policy.policy_name, policy.vm_id, policy.public_ip, ports


def read_record(record: AccessRecord) -> tuple[Any, ...]:
    return (
        record.vm_id,
        record.port,
        one_or_many(record.sources),
        record.starts_at,
        record.ends_at,
        record.status,
        record.status_reason,
        record.requestor,
        record.justification,
        record.mapped_port,
    )


def assert_nothing_is_lost(body: dict[str, Any], snapshot: PolicySnapshot) -> None:
    assert [read_policy(policy) for policy in snapshot.policies] == list(shown_of_policies(body))
    assert [read_record(record) for record in snapshot.records] == list(shown_of_records(body))
    assert snapshot.partial is False


async def test_every_recorded_jit_list_is_read_whole(
    shared: Path, wire: Wire, clients: AzureClients
) -> None:
    lists = [x for x in exchanges(shared, "jit.json") if x["request"]["method"] == "GET"]
    assert len(lists) == 4
    for exchange in lists:
        body = exchange["response"]["body"]
        wire.answer("GET", JIT_LIST, Answer(body, 200, exchange["response"]["headers"]))
        assert_nothing_is_lost(body, await JitGateway(clients).policies(SUBSCRIPTION))


async def test_the_recorded_put_and_initiate_are_read_as_parts_of_a_policy(shared: Path) -> None:
    _, put, initiate, *_ = exchanges(shared, "jit.json")
    body = {"value": [put["response"]["body"]]}
    assert_nothing_is_lost(body, snapshot_of([json.dumps(body).encode()]))
    body["value"][0]["properties"]["requests"] = [initiate["response"]["body"]]
    snapshot = snapshot_of([json.dumps(body).encode()])
    assert_nothing_is_lost(body, snapshot)
    assert [record.is_opening for record in snapshot.records] == [True]


async def test_the_recorded_initiate_is_taken_for_a_success(
    shared: Path, wire: Wire, clients: AzureClients
) -> None:
    _, put, initiate, *_ = exchanges(shared, "jit.json")
    path = urlsplit(initiate["request"]["path_and_query"]).path
    response = initiate["response"]
    wire.answer("POST", path, Answer(response["body"], response["status"], response["headers"]))
    snapshot = snapshot_of([json.dumps([put["response"]["body"]]).encode()])
    (policy,) = snapshot.policies
    end = instant_of(response["body"]["virtualMachines"][0]["ports"][0]["endTimeUtc"])
    assert end is not None
    await JitGateway(clients).initiate(
        policy=policy,
        ports={22: end},
        source="127.0.0.1",
        justification="sekisho:req-1",
        timeout=timedelta(seconds=5),
    )
    assert len(wire.calls("POST")) == 1


async def test_the_recorded_machines_are_read_whole(
    shared: Path, wire: Wire, clients: AzureClients
) -> None:
    listing, single, *_ = exchanges(shared, "compute.json")
    names = {"value": [{"subscriptionId": SUBSCRIPTION, "displayName": "Recorded"}]}
    wire.answer("GET", "/subscriptions", Answer(names))
    for exchange in (listing, single):
        path = urlsplit(exchange["request"]["path_and_query"]).path
        wire.answer("GET", path, Answer(exchange["response"]["body"]))
    inventory = Inventory(clients)
    (machine,) = await inventory.machines(SUBSCRIPTION)
    raw = listing["response"]["body"]["value"][0]
    assert machine.resource_id == raw["id"]
    assert machine.name == raw["name"]
    assert machine.resource_group == "RG-APP-05"
    assert machine.location == raw["location"]
    assert machine.tags == raw["tags"]
    assert machine.os == raw["properties"]["storageProfile"]["osDisk"]["osType"]
    assert machine.computer_name == raw["properties"]["osProfile"]["computerName"]
    assert machine.subscription_name == "Recorded"
    assert list(machine.network_interface_ids) == [
        nic["id"] for nic in raw["properties"]["networkProfile"]["networkInterfaces"]
    ]
    assert await inventory.machine(machine.resource_id) == machine
    statuses = single["response"]["body"]["properties"]["instanceView"].get("statuses") or []
    states = [s["code"].split("/")[1] for s in statuses if s["code"].startswith("PowerState/")]
    assert await inventory.power_state(machine.resource_id) == (states[0] if states else None)


@pytest.mark.proves("C100")
def test_every_recorded_throttling_is_busy_with_the_wait_it_names(shared: Path) -> None:
    waits = []
    for exchange in exchanges(shared, "compute.json"):
        response = exchange["response"]
        if response["status"] == 429:
            headers = {k: v for k, v in response["headers"].items() if isinstance(v, str)}
            error = failure(429, headers, json.dumps(response["body"]).encode(), is_write=False)
            assert isinstance(error, AzureBusy)
            assert error.code in ("OperationNotAllowed", "TooManyRequests")
            assert error.message
            waits.append(error.retry_after)
    assert waits == [timedelta(seconds=1200), None, None]


async def test_the_recorded_locations_are_pages_like_any_other(
    shared: Path, wire: Wire, clients: AzureClients
) -> None:
    for exchange in exchanges(shared, "locations.json"):
        path = urlsplit(exchange["request"]["path_and_query"]).path
        wire.answer("GET", path, Answer(exchange["response"]["body"]))
        body = await clients.get(path, {"api-version": "2015-06-01-preview"})
        assert json.loads(body) == exchange["response"]["body"]


@pytest.mark.proves("C039", "C011", "C035")
def test_the_sample_of_mixed_policies_is_read_whole(shared: Path) -> None:
    text = (shared / "samples" / "jit-policies-mixed.json").read_bytes()
    snapshot = snapshot_of([text])
    assert snapshot.partial is False
    assert len(snapshot.policies) == 4
    vm_id = snapshot.policies[0].vm_id
    assert [p.policy_name for p in snapshot.with_port(vm_id, 5986)] == ["iot-jit"]
    assert len(snapshot.records_of(vm_id)) == 5
    assert [record.mapped_port for record in snapshot.carrying("req-0001")] == [13890]
    assert [record.status for record in snapshot.records_of(vm_id, 5986)] == ["Failed"]
    assert snapshot.policies[-1].location == "japaneast"


@pytest.mark.proves("C100", "C083")
def test_the_sample_of_odd_answers_to_initiate_is_told_apart(shared: Path) -> None:
    found: list[AzureError | None] = []
    for sample in json.loads((shared / "samples" / "jit-initiate-errors.json").read_bytes()):
        body = sample["body"]
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        witness = Witness(True, sample["status"], sample.get("headers") or {}, content)
        found.append(witness.failure(is_write=True))
    kinds = [type(error) for error in found]
    none = type(None)
    assert kinds == [OutcomeUnknown, AzureForbidden, AzureBusy, none, none, OutcomeUnknown]
    assert isinstance(found[2], AzureBusy)
    assert found[2].retry_after == timedelta(seconds=372)
