"""C7: Azure's activity log as facts, by shapes, by pages and over the sandbox's Azure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from defender.activity import DEFENDER_APP, Activity, Caller, activities_of
from defender.activity_log import PAGES_MAX, ActivityLogGateway
from defender.clients import AzureClients
from defender.errors import AzureForbidden
from defender.rights import ACTIVITY_LOG
from sandbox.azure import SandboxAzure
from sandbox.azure.activity_actors import managed_identity
from sandbox.azure.activity_log import POLICY_WRITE, READ
from sandbox.azure.policies import policy_id
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import PROD, demo_estate
from tests.defender.estate import GROUP, NOW, POLICIES, SUBSCRIPTION
from tests.defender.wire import Answer, Wire
from tests.sandboxed import settings_of

POLICY = f"{POLICIES}/default"
SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
APP = "355249ed-15d9-460d-8481-84026b065942"
PATH = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values"


def event(**changes: Any) -> dict[str, Any]:
    """An event as Azure's reference shows one; a value of None takes it away."""
    found: dict[str, Any] = {
        "authorization": {"action": POLICY_WRITE, "scope": POLICY},
        "caller": "rob@contoso.com",
        "channels": "Operation",
        "claims": {"iat": "1234567890", "appid": APP, "name": "Rob Robertson"},
        "correlationId": "b5768deb-836b-41cc-803e-3f4de2f9e40b",
        "eventDataId": "d0d36f97-b29c-4cd9-9d3d-ea2b92af3e9d",
        "eventName": {"value": "EndRequest", "localizedValue": "End request"},
        "eventTimestamp": "2026-11-25T00:42:31.3810679Z",
        "operationId": "04e575f8-48d0-4c43-a8b3-78c4eb01d287",
        "operationName": {"value": POLICY_WRITE, "localizedValue": "Write JIT policy"},
        "resourceId": POLICY,
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
        "subStatus": {"value": ""},
        "relatedEvents": [],
    }
    found |= changes
    return {key: value for key, value in found.items() if value is not None}


def read(*events: object) -> tuple[Activity, ...]:
    return activities_of([json.dumps({"value": list(events)}).encode()])


@pytest.mark.proves("C7")
@pytest.mark.parametrize(
    ("changes", "caller"),
    [
        ({}, Caller("person", "rob@contoso.com")),
        ({"caller": None, "claims": {f"{SOAP}/upn": "u@x.org"}}, Caller("person", "u@x.org")),
        ({"caller": "", "claims": {f"{SOAP}/name": "live.com#g@x.org"}},
         Caller("person", "live.com#g@x.org")),
        ({"caller": "8a3f"}, Caller("application", APP)),
        ({"caller": "8a3f", "claims": None}, Caller("application", "8a3f")),
        ({"caller": "8a3f", "claims": {"xms_mirid": "/subscriptions/1/x/runner-01"}},
         Caller("managed_identity", "runner-01")),
        ({"caller": DEFENDER_APP.upper(), "claims": {}}, Caller("defender", DEFENDER_APP)),
        ({"caller": "x", "claims": {"appid": DEFENDER_APP}}, Caller("defender", DEFENDER_APP)),
        ({"caller": None, "claims": {}}, Caller()),
    ],
    ids=["address", "upn", "guest", "app", "id alone", "identity", "Defender", "its app", "none"],
)  # fmt: skip
def test_who_did_it(changes: dict[str, Any], caller: Caller) -> None:
    [found] = read(event(**changes))
    assert found.caller == caller


@pytest.mark.proves("C7")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"resourceId": None},
        {"operationName": None},
        {"operationName": POLICY_WRITE, "status": "Succeeded"},
        {"status": {"value": None}, "claims": None, "authorization": None},
    ],
    ids=["whole", "no resource", "no operation", "plain words", "bare"],
)
def test_what_was_done_to_what(changes: dict[str, Any]) -> None:
    [found] = read(event(**changes))
    assert found.at == datetime(2026, 11, 25, 0, 42, 31, 381067, tzinfo=UTC)
    assert (found.operation, found.resource_id) == (POLICY_WRITE.lower(), POLICY)
    assert not found.has_failed


@pytest.mark.proves("C7")
def test_events_of_one_operation_are_one_and_any_may_name_the_caller() -> None:
    began = event(eventTimestamp="2026-11-25T00:42:30Z", status={"value": "Started"})
    ended = event(caller=None, claims=None)
    for events in ((began, ended), (ended, began)):
        [found] = read(*events)
        assert found.caller == Caller("person", "rob@contoso.com")
        assert found.at.second == 30
    other = event(operationId="another", eventTimestamp="2026-11-25T00:50:00Z")
    assert [each.at.minute for each in read(began, ended, other)] == [50, 42]


@pytest.mark.proves("C7")
def test_what_was_refused_did_nothing() -> None:
    [found] = read(event(status={"value": "Started"}), event(status={"value": "Failed"}))
    assert found.has_failed


def test_odd_events_hide_no_other() -> None:
    odd = [None, "x", {}, event(eventTimestamp="soon"), event(claims=[1])]
    assert len(read(*odd, event())) == 1


@pytest.mark.proves("C7")
async def test_a_group_is_asked_for_and_only_its_newest_pages(
    wire: Wire, clients: AzureClients
) -> None:
    for number in range(PAGES_MAX + 5):
        path = PATH if number == 0 else f"/page-{number}"
        page = {"value": [event(operationId=str(number))],
                "nextLink": f"{wire.url}/page-{number + 1}"}  # fmt: skip
        wire.answer("GET", path, Answer(page))
    gateway = ActivityLogGateway(clients)
    found = await gateway.of_group(SUBSCRIPTION, "rg-o'neil", NOW, NOW + timedelta(hours=1))
    assert len(found) == PAGES_MAX == len(wire.received)
    assert wire.received[0].query == {
        "api-version": "2015-04-01",
        "$filter": "eventTimestamp ge '2026-11-25T01:00:00.000Z' and eventTimestamp le "
        "'2026-11-25T02:00:00.000Z' and resourceGroupName eq 'rg-o''neil'",
    }


# --- over the sandbox's Azure ---


@pytest.fixture
async def azure(tmp_path: Path) -> AsyncIterator[SandboxAzure]:
    found = SandboxAzure(demo_estate(), SandboxClock(), state_dir=tmp_path, settle=timedelta())
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def gateway(azure: SandboxAzure) -> AsyncIterator[ActivityLogGateway]:
    async with AzureClients(settings_of(azure)) as clients:
        yield ActivityLogGateway(clients)


async def of_group(azure: SandboxAzure, gateway: ActivityLogGateway) -> tuple[Activity, ...]:
    now = azure.clock.now()
    hour = timedelta(hours=1)
    return await gateway.of_group(PROD.id, "RG-SHOP-PROD", now - hour, now + hour)


@pytest.mark.proves("C7")
async def test_callers_of_every_kind_page_by_page(
    azure: SandboxAzure, gateway: ActivityLogGateway
) -> None:
    azure.activity_log.page_size = 1
    web = azure.machine("web-01")
    ((policy, _),) = azure.state.entries_of(web.id.lower())
    azure.portal.edit_port(web.id)
    azure.portal.edit_port(web.id, by=managed_identity(f"{GROUP}/x/runner-01", APP, "8a3f"))
    found = await of_group(azure, gateway)
    assert {each.caller for each in found} == {
        Caller("person", "engineer@example.com"), Caller("managed_identity", "runner-01"),
    }  # fmt: skip
    assert {(each.operation, each.resource_id) for each in found} == {
        (POLICY_WRITE.lower(), policy_id(policy))
    }


@pytest.mark.proves("C7")
async def test_what_is_late_is_not_there_yet(
    azure: SandboxAzure, gateway: ActivityLogGateway
) -> None:
    azure.activity_log.lag = timedelta(minutes=5)
    azure.portal.edit_port(azure.machine("web-01").id)
    assert await of_group(azure, gateway) == ()
    azure.clock.advance(timedelta(minutes=6))
    assert len(await of_group(azure, gateway)) == 1


@pytest.mark.proves("C7", "M3")
async def test_a_missing_right_is_named(azure: SandboxAzure, gateway: ActivityLogGateway) -> None:
    azure.rights.deny(READ)
    with pytest.raises(AzureForbidden) as refused:
        await of_group(azure, gateway)
    assert (refused.value.action,) == ACTIVITY_LOG
