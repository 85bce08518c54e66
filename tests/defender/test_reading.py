"""Reads over the wire: pages, waits, and a token that goes nowhere else."""

from __future__ import annotations

import json
import logging
import time
from datetime import timedelta
from pathlib import Path

import pytest

from defender.clients import AzureClients
from defender.errors import AzureBusy, AzureForbidden, AzureNotFound, AzureUnavailable
from defender.inventory import Inventory
from defender.jit import JitGateway
from defender.resources import InvalidResourceId
from tests.defender.estate import GROUP, POLICIES, SUBSCRIPTION, VM_ID, WEB_01
from tests.defender.wire import SECRET, TOKEN, Answer, Wire, drop, hang

DATA = Path(__file__).parent / "data"
VERSION = {"api-version": "2020-01-01"}
LIST = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/things"


async def read_all(clients: AzureClients, path: str = LIST) -> list[int]:
    return [
        item
        async for body in clients.pages(path, VERSION, deadline=timedelta(seconds=5))
        for item in json.loads(body)["value"]
    ]


@pytest.mark.proves("C070", "C071")
async def test_an_empty_page_in_the_middle_ends_nothing_and_an_empty_link_ends_all(
    wire: Wire, clients: AzureClients
) -> None:
    wire.answer("GET", LIST, Answer({"value": [1], "nextLink": f"{wire.url}/second?a=%24b%2fc"}))
    wire.answer("GET", "/second", Answer({"value": [], "nextLink": f"{wire.url}/third"}))
    wire.answer("GET", "/third", Answer({"value": [2], "nextLink": ""}))
    assert await read_all(clients) == [1, 2]
    assert [call.path for call in wire.received] == [LIST, "/second", "/third"]
    assert wire.received[1].query == {"a": "$b/c"}


@pytest.mark.proves("C070")
async def test_a_link_seen_before_ends_the_list_with_a_warning(
    wire: Wire, clients: AzureClients, caplog: pytest.LogCaptureFixture
) -> None:
    own = f"{wire.url}{LIST}?api-version=2020-01-01"
    wire.answer("GET", LIST, Answer({"value": [1], "nextLink": own}))
    with caplog.at_level(logging.WARNING):
        assert await read_all(clients) == [1]
    assert "azure.next_link_repeated" in caplog.text
    assert len(wire.received) == 1


@pytest.mark.proves("C070")
async def test_a_list_without_an_end_is_refused_not_cut_short(
    wire: Wire, clients: AzureClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("defender.clients.PAGES_MAX", 3)
    plays = [Answer({"value": [n], "nextLink": f"{wire.url}{LIST}?page={n}"}) for n in range(5)]
    wire.answer("GET", LIST, *plays)
    with pytest.raises(AzureUnavailable, match="TooManyPages"):
        await read_all(clients)
    assert len(wire.received) == 3


async def test_a_next_link_to_another_address_is_refused_and_no_token_goes_there(
    wire: Wire, clients: AzureClients, tmp_path: Path
) -> None:
    folder = tmp_path / "thief"
    folder.mkdir()
    thief = Wire(folder)
    await thief.start()
    port = wire.url.rsplit(":", 1)[1]
    links = [
        f"{thief.url}/collect",
        f"http://127.0.0.1:{port}/collect",
        f"https://localhost:{port}/collect",
        f"https://127.0.0.1:{port}@{thief.url.removeprefix('https://')}/collect",
        f"//127.0.0.1:{port}/collect",
        "/collect",
        "https://127.0.0.1:99999999/collect",
        f"https://user@127.0.0.1:{port}/collect",
    ]
    try:
        for link in links:
            wire.answer("GET", LIST, Answer({"value": [1], "nextLink": link}))
            with pytest.raises(AzureUnavailable, match="ForeignNextLink"):
                await read_all(clients)
        assert thief.received == []
        assert all(call.path == LIST for call in wire.received)
    finally:
        await thief.stop()


async def test_a_redirect_is_not_followed(wire: Wire, clients: AzureClients) -> None:
    wire.answer("GET", "/a", Answer(None, 307, {"location": f"{wire.url}/b"}))
    with pytest.raises(AzureUnavailable, match="HTTP307"):
        await clients.get("/a", VERSION, deadline=timedelta(seconds=0.4))
    assert {call.path for call in wire.received} == {"/a"}


@pytest.mark.proves("C015")
async def test_a_bare_array_is_read_like_a_list_and_said(
    wire: Wire, clients: AzureClients, caplog: pytest.LogCaptureFixture
) -> None:
    policies = json.loads((DATA / "policies.json").read_bytes())
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/jitNetworkAccessPolicies"
    wire.answer("GET", path, Answer(policies))
    with caplog.at_level(logging.WARNING):
        snapshot = await JitGateway(clients).policies(f"/subscriptions/{SUBSCRIPTION}")
    assert len(snapshot.policies) == 3
    assert "azure.bare_array" in caplog.text


async def test_a_read_is_repeated_after_a_passing_fault(wire: Wire, clients: AzureClients) -> None:
    busy = Answer({"error": {"code": "TooManyRequests", "message": "x"}}, 429, {"retry-after": "0"})
    wire.answer("GET", LIST, Answer(None, 503), drop, busy, Answer({"value": [1]}))
    assert await read_all(clients) == [1]
    assert len(wire.received) == 4


@pytest.mark.proves("FAULT-21", "C100")
async def test_a_wait_beyond_the_deadline_is_reported_at_once(
    wire: Wire, clients: AzureClients
) -> None:
    throttled = {"error": {"code": "SubscriptionRequestsThrottled", "message": "again"}}
    wire.answer("GET", LIST, Answer(throttled, 429, {"retry-after": "3600"}))
    began = time.monotonic()
    with pytest.raises(AzureBusy) as caught:
        await read_all(clients)
    assert caught.value.retry_after == timedelta(hours=1)
    assert time.monotonic() - began < 2
    with pytest.raises(AzureBusy):
        await read_all(clients)
    assert len(wire.received) == 1


async def test_a_read_that_hangs_ends_at_its_deadline(wire: Wire, clients: AzureClients) -> None:
    wire.answer("GET", LIST, hang)
    with pytest.raises(AzureUnavailable, match="TimedOut"):
        await clients.get(LIST, VERSION, deadline=timedelta(seconds=0.3))


async def test_an_error_page_with_status_200_is_no_list(wire: Wire, clients: AzureClients) -> None:
    wire.answer("GET", LIST, Answer("<html>", 200, {"content-type": "text/html"}))
    with pytest.raises(AzureUnavailable, match="NotAzure"):
        await clients.get(LIST, VERSION, deadline=timedelta(seconds=0.3))


@pytest.mark.proves("C108")
async def test_a_missing_right_is_named_with_its_action_and_scope(
    wire: Wire, clients: AzureClients
) -> None:
    message = (
        "The client 'x' with object id 'y' does not have authorization to perform action "
        f"'Microsoft.Compute/virtualMachines/read' over scope '{VM_ID}' or the scope is invalid."
    )
    body = {"error": {"code": "AuthorizationFailed", "message": message}}
    wire.answer("GET", VM_ID, Answer(body, 403))
    with pytest.raises(AzureForbidden) as caught:
        await Inventory(clients).machine(VM_ID)
    assert caught.value.action == "Microsoft.Compute/virtualMachines/read"
    assert caught.value.scope == VM_ID
    assert not caught.value.is_plan


@pytest.mark.proves("O7")
async def test_no_secret_is_in_an_error_or_in_the_settings(
    wire: Wire, clients: AzureClients
) -> None:
    wire.answer("GET", VM_ID, Answer({"error": {"code": "Odd", "message": f"Bearer {TOKEN}"}}, 400))
    with pytest.raises(Exception, match="Odd") as caught:
        await clients.get(VM_ID, VERSION)
    assert "eyJ" not in str(caught.value)
    assert SECRET not in repr(clients.settings)


@pytest.mark.proves("C039")
async def test_a_machines_policies_are_read_from_its_own_group_and_region(
    wire: Wire, clients: AzureClients
) -> None:
    policies = json.loads((DATA / "policies.json").read_bytes())
    wire.answer("GET", POLICIES, Answer({"value": policies}))
    snapshot = await JitGateway(clients).policies_of(WEB_01)
    assert [policy.policy_name for policy in snapshot.of(VM_ID)] == ["default", "iot-jit"]
    assert [call.path.lower() for call in wire.received] == [POLICIES.lower()]


async def test_a_group_that_is_gone_has_no_policies(wire: Wire, clients: AzureClients) -> None:
    gone = {"error": {"code": "ResourceGroupNotFound", "message": "gone"}}
    wire.answer("GET", POLICIES, Answer(gone, 404))
    snapshot = await JitGateway(clients).policies_of(WEB_01)
    assert snapshot.policies == ()


async def test_a_policy_known_in_another_group_is_read_there_too(
    wire: Wire, clients: AzureClients
) -> None:
    policies = json.loads((DATA / "policies.json").read_bytes())
    other = f"{GROUP}-jit/providers/Microsoft.Security/locations/eastus/jitNetworkAccessPolicies"
    policies[0]["id"] = f"{other}/default"
    wire.answer("GET", other, Answer({"value": policies[:1]}))
    wire.answer("GET", POLICIES, Answer({"value": []}))
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/jitNetworkAccessPolicies"
    wire.answer("GET", path, Answer({"value": policies[:1]}))
    gateway = JitGateway(clients)
    hints = (await gateway.policies(SUBSCRIPTION)).of(VM_ID)
    snapshot = await gateway.policies_of(WEB_01, also=hints)
    assert [policy.policy_id for policy in snapshot.of(VM_ID)] == [f"{other}/default"]


async def test_machines_carry_their_subscriptions_name_and_only_configured_ones_count(
    wire: Wire,
) -> None:
    names = [
        {"subscriptionId": SUBSCRIPTION, "displayName": "Shop production", "state": "Enabled"},
        {"subscriptionId": SUBSCRIPTION[:-1] + "2", "displayName": "Other", "state": "Enabled"},
    ]
    wire.answer("GET", "/subscriptions", Answer({"value": names}))
    machines = json.loads((DATA / "machines.json").read_bytes())
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines"
    link = f"{wire.url}{path}?page=2"
    wire.answer(
        "GET",
        path,
        Answer({"value": machines[:1], "nextLink": link}),
        Answer({"value": machines[1:]}),
    )
    async with AzureClients(
        wire.settings(subscriptions=(f"/subscriptions/{SUBSCRIPTION}",))
    ) as own:
        inventory = Inventory(own)
        assert [item.name for item in await inventory.subscriptions()] == ["Shop production"]
        found = await inventory.machines(SUBSCRIPTION)
    assert [machine.name for machine in found] == ["web-01", "app-11", "bare"]
    assert {machine.subscription_name for machine in found} == {"Shop production"}


async def test_a_power_state_is_read_by_the_compute_client(
    wire: Wire, clients: AzureClients
) -> None:
    view = {"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": "PowerState/running"}]}
    body = {"id": VM_ID, "name": "web-01", "location": "westeurope", "properties": {}}
    wire.answer(
        "GET",
        VM_ID,
        Answer({**body, "properties": {"instanceView": view}}),
        Answer(body),
        Answer({"error": {"code": "ResourceNotFound", "message": "gone"}}, 404),
    )
    inventory = Inventory(clients)
    assert await inventory.power_state(VM_ID) == "running"
    assert await inventory.power_state(VM_ID) is None
    with pytest.raises(AzureNotFound):
        await inventory.power_state(VM_ID)
    assert wire.received[0].query["$expand"] == "instanceView"


async def test_only_a_virtual_machine_is_looked_up_as_one(clients: AzureClients) -> None:
    inventory = Inventory(clients)
    arc = f"{GROUP}/providers/Microsoft.HybridCompute/machines/aws-01"
    for odd in (arc, "", "/subscriptions/x", VM_ID + "/extensions", VM_ID + "/../../x"):
        with pytest.raises(InvalidResourceId):
            await inventory.machine(odd)


async def test_one_token_serves_many_calls(wire: Wire, clients: AzureClients) -> None:
    wire.answer("GET", LIST, Answer({"value": []}))
    for _ in range(5):
        await read_all(clients)
    assert wire.tokens_given == 1
    assert {call.headers["Authorization"] for call in wire.received} == {f"Bearer {TOKEN}"}
