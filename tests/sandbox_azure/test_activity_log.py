"""Azure's activity log: who changed what, by whatever way, and when it can be read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.azure import SandboxAzure
from sandbox.azure.activity_log import NSG_WRITE, POLICY_WRITE, READ
from sandbox.azure.state import INITIATE
from sandbox.azure.wire import instant_text
from sandbox.director import Director
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import PROD
from tests.sandbox_azure.asking import JIT, Arm, Reply

PATH = f"/subscriptions/{PROD.id}/providers/Microsoft.Insights/eventtypes/management/values"
GROUP = "resourceGroupName eq 'rg-shop-prod'"


async def ask(arm: Arm, azure: SandboxAzure, *more: str) -> Reply:
    since = azure.clock.now() - timedelta(hours=1)
    clauses = [f"eventTimestamp ge '{instant_text(since)}'", *more]
    query = {"api-version": "2015-04-01", "$filter": " and ".join(clauses)}
    return await arm.send("GET", PATH, query)


def told(reply: Reply) -> list[tuple[str, str, str]]:
    """What was done by whom and how it ended."""
    return [
        (event["operationName"]["value"], event.get("caller", ""), event["status"]["value"])
        for event in reply.body["value"]
        if event["eventName"]["value"] == "EndRequest"
    ]


async def test_writes_over_the_wire_are_the_bots(arm: Arm, azure: SandboxAzure) -> None:
    await arm.initiate("web-01")
    await arm.send("GET", arm.policy_of("web-01"), JIT)  # reads are not logged

    found = told(await ask(arm, azure, GROUP))

    assert (INITIATE, azure.client_id, "Succeeded") in found
    assert [action for action, *_ in found].count(NSG_WRITE) == 1  # by Defender for Cloud itself
    assert len(found) == 2


async def test_what_was_refused_is_noted_as_failed(arm: Arm, azure: SandboxAzure) -> None:
    azure.rights.deny(INITIATE)
    await arm.initiate("web-01")
    assert told(await ask(arm, azure, GROUP)) == [(INITIATE, azure.client_id, "Failed")]


async def test_an_edit_in_the_portal_is_its_persons(arm: Arm, azure: SandboxAzure) -> None:
    answer = await Director(SandboxClock(), azure).act({"do": "edit_policy", "vm": "web-01"})
    reply = await ask(arm, azure, f"resourceUri eq '{arm.policy_of('web-01').upper()}'")

    assert answer == {"ok": True, "vm": "web-01"}
    assert told(reply) == [(POLICY_WRITE, "kobayashi@example.com", "Succeeded")]
    event: dict[str, Any] = reply.body["value"][0]
    assert event["claims"]["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"]
    assert event["resourceId"] == arm.policy_of("web-01")
    assert event["id"].startswith(f"{event['resourceId']}/events/{event['eventDataId']}/ticks/")


async def test_it_is_read_late_and_page_by_page(
    arm: Arm, azure: SandboxAzure, clock: SandboxClock
) -> None:
    azure.activity_log.lag = timedelta(minutes=3)
    azure.activity_log.page_size = 3
    for _ in range(2):
        azure.portal.edit_port(azure.machine("web-01").id)
    assert told(await ask(arm, azure, GROUP)) == []
    clock.advance(timedelta(minutes=4))

    first = await ask(arm, azure, GROUP)
    second = await arm.send("GET", first.body["nextLink"])

    events = [*first.body["value"], *second.body["value"]]
    assert len(events) == 4
    assert "nextLink" not in second.body
    at = [event["eventTimestamp"] for event in events]
    assert at == sorted(at, reverse=True)
    assert datetime.fromisoformat(events[0]["submissionTimestamp"][:26]) > datetime.fromisoformat(
        at[0][:26]
    )


async def test_without_the_right_nothing_is_read(arm: Arm, azure: SandboxAzure) -> None:
    azure.rights.deny(READ)
    reply = await ask(arm, azure, GROUP)
    assert (reply.status, reply.code) == (403, "AuthorizationFailed")
    assert f"perform action '{READ}'" in reply.body["error"]["message"]
    assert "eventtypes/management'" in reply.body["error"]["message"]


@pytest.mark.parametrize(
    "text",
    ["", "eventTimestamp le '2026-01-01'", "caller eq 'x'", "eventTimestamp ge 2026-01-01"],
)
async def test_no_other_filter_is_taken(arm: Arm, text: str) -> None:
    query = {"api-version": "2015-04-01", **({"$filter": text} if text else {})}
    assert (await arm.send("GET", PATH, query)).status == 400
