"""Microsoft Graph over the wire: alerts, verdicts, comments and incidents of Defender XDR."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.identity.aio import ClientSecretCredential

from sandbox.azure import SandboxAzure
from sandbox.azure.alerts import SandboxAlert
from sandbox.azure.wire import instant_text
from tests.sandbox_azure.asking import Asker, Reply, asker
from tests.sandbox_azure.shapes import shape_of, unlike

ALERTS, INCIDENTS = "/v1.0/security/alerts_v2", "/v1.0/security/incidents"
UNKNOWN_TOO = {"Prefer": "include-unknown-enum-members"}


@pytest.fixture
async def graph(azure: SandboxAzure, credential: ClientSecretCredential) -> AsyncIterator[Asker]:
    async with asker(azure, credential, "https://graph.microsoft.com/.default") as found:
        yield found


def path_of(azure: SandboxAzure, alert: SandboxAlert) -> str:
    found = azure.xdr.of(alert)
    assert found is not None
    return f"{ALERTS}/{found.id}"


def edr(azure: SandboxAzure, vm: str = "web-01", **wish: Any) -> SandboxAlert:
    return azure.raise_alert(vm, **{"story": "reverse_shell", "spelling": "new", **wish})


def titles(reply: Reply) -> list[str]:
    return [item["title"] for item in reply.body["value"]]


async def test_an_alert_is_found_by_the_link_of_its_other_half(
    azure: SandboxAzure, graph: Asker
) -> None:
    alert = edr(azure)
    link = alert.properties["alertUri"]

    found = await graph.send("GET", f"{ALERTS}/{link.rpartition('/')[2].partition('?')[0]}")

    device = found.body["evidence"][0]
    assert (found.status, found.body["title"]) == (200, alert.title)
    assert device["vmMetadata"]["resourceId"] == azure.machine("web-01").id
    assert found.body["serviceSource"] == "microsoftDefenderForEndpoint"


async def test_the_process_tree_hangs_together(azure: SandboxAzure, graph: Asker) -> None:
    found = await graph.send("GET", path_of(azure, edr(azure)))

    processes = [e for e in found.body["evidence"] if e["@odata.type"].endswith("processEvidence")]
    assert [p["parentProcessId"] for p in processes[1:]] == [p["processId"] for p in processes[:-1]]
    assert processes[-1]["processCommandLine"].startswith("bash -i >& /dev/tcp/")
    assert processes[-1]["imageFile"]["fileName"] == "bash"
    assert processes[-1]["userAccount"]["accountName"] == "azureuser"


async def test_informational_alerts_never_come(azure: SandboxAzure, graph: Asker) -> None:
    alert = azure.raise_alert("web-01", story="eicar")

    listed = await graph.send("GET", ALERTS)

    assert azure.xdr.of(alert) is None
    assert listed.body["value"] == []


async def test_alerts_come_after_their_delay(azure: SandboxAzure, graph: Asker) -> None:
    azure.xdr.delay = timedelta(minutes=5)
    alert = edr(azure)

    early = await graph.send("GET", path_of(azure, alert))
    azure.clock.advance(timedelta(minutes=6))
    late = await graph.send("GET", path_of(azure, alert))

    assert ((early.status, early.code), late.status) == ((404, "NotFound"), 200)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("severity eq 'high'", ["Suspicious reverse shell"]),
        ("severity eq 'low' or severity eq 'high'",
         ["Suspicious reverse shell", "Enumeration of files with sensitive data"]),
        ("status eq 'new' and severity eq 'low'", ["Enumeration of files with sensitive data"]),
        ("severity ne 'high'", ["Enumeration of files with sensitive data"]),
        ("status eq 'resolved'", []),
    ],
)  # fmt: skip
async def test_filters_mean_what_they_say(
    azure: SandboxAzure, graph: Asker, text: str, wanted: list[str]
) -> None:
    azure.raise_alert("web-01", story="enumeration", generated_ago=timedelta(hours=3))
    edr(azure)

    assert titles(await graph.send("GET", ALERTS, {"$filter": text})) == wanted


async def test_alerts_are_found_by_time_and_by_their_provider(
    azure: SandboxAzure, graph: Asker
) -> None:
    azure.raise_alert("web-01", story="enumeration", generated_ago=timedelta(hours=3))
    cloud = azure.raise_alert("web-02", story="miner", product="Microsoft Defender for Cloud")
    since = instant_text(azure.clock.now() - timedelta(hours=1))[:19] + "Z"

    young = await graph.send("GET", ALERTS, {"$filter": f"createdDateTime ge {since}"})
    own = await graph.send("GET", ALERTS, {"$filter": f"providerAlertId eq '{cloud.system_id}'"})

    assert titles(young) == titles(own) == ["Possible cryptocoinminer"]


@pytest.mark.parametrize(
    "text",
    ["title eq 'x'", "severity like 'x'", "severity eq", "' or '1' eq '1", "(severity eq 'a')"],
)
async def test_other_filters_are_refused(graph: Asker, text: str) -> None:
    refused = await graph.send("GET", ALERTS, {"$filter": text})

    assert (refused.status, refused.code) == (400, "BadRequest")


async def test_pages_follow_each_other(azure: SandboxAzure, graph: Asker) -> None:
    for number in range(5):
        edr(
            azure,
            f"web-0{number + 1}",
            title=f"Alert {number}",
            generated_ago=timedelta(hours=number),
        )

    first = await graph.send("GET", ALERTS, {"$top": "2", "$count": "true"})
    second = await graph.send("GET", first.body["@odata.nextLink"])
    third = await graph.send("GET", second.body["@odata.nextLink"])

    assert first.body["@odata.count"] == 5
    assert titles(first) + titles(second) + titles(third) == [f"Alert {n}" for n in range(5)]
    assert "@odata.nextLink" not in third.body


async def test_an_alert_is_changed_as_the_published_one(
    azure: SandboxAzure, graph: Asker, shared: Path
) -> None:
    published = json.loads(
        (shared / "azure-examples/Alerts/Graph_alerts_v2_update_example.json").read_text()
    )
    alert = edr(azure)

    changed = await graph.send("PATCH", path_of(azure, alert), body=published["request"])
    read = await graph.send("GET", path_of(azure, alert))

    assert changed.status == 200
    assert changed.body == read.body
    assert published["request"].items() <= read.body.items()
    assert unlike(shape_of(read.body | {"evidence": []}), shape_of(published["response"])) == []
    assert alert.status == "Active"


async def test_evidence_is_shaped_like_the_published(
    azure: SandboxAzure, graph: Asker, shared: Path
) -> None:
    published = json.loads(
        (shared / "azure-examples/MicrosoftGraph/alerts_v2_list.json").read_text()
    )["value"][0]["evidence"]
    of_kind = {item["@odata.type"]: item for item in published}
    # The example was shortened: its later items lack what all evidence has.
    common = {"remediationStatusDetails", "roles", "detailedRoles", "tags"}

    found = (await graph.send("GET", path_of(azure, edr(azure)))).body["evidence"]

    checked = [item for item in found if item["@odata.type"] in of_kind]
    assert len(checked) >= 4
    for item in checked:
        ours = {key: value for key, value in item.items() if key not in common}
        assert unlike(shape_of(ours), shape_of(of_kind[item["@odata.type"]])) == []


async def test_comments_are_all_given_back(azure: SandboxAzure, graph: Asker) -> None:
    alert = edr(azure)
    path = f"{path_of(azure, alert)}/comments"

    kind = {"@odata.type": "microsoft.graph.security.alertComment"}
    await graph.send("POST", path, body={**kind, "comment": "Taken by @sato"})
    answer = await graph.send("POST", path, body={**kind, "comment": "Resolved"})
    empty = await graph.send("POST", path, body={"comment": " "})

    assert [c["comment"] for c in answer.body["value"]] == ["Taken by @sato", "Resolved"]
    assert answer.body["value"][0]["createdByDisplayName"] == "Sekisho"
    assert (empty.status, len(azure.xdr.alerts)) == (400, 1)


@pytest.mark.parametrize(
    "body",
    [{"status": "done"}, {"classification": "x"}, {"determination": "x"}, {"title": "x"}, b"{"],
)
async def test_changes_that_make_no_sense_are_refused(
    azure: SandboxAzure, graph: Asker, body: Any
) -> None:
    alert = edr(azure)
    before = (await graph.send("GET", path_of(azure, alert))).body

    refused = await graph.send("PATCH", path_of(azure, alert), body=body)

    assert refused.status == 400
    assert (await graph.send("GET", path_of(azure, alert))).body == before


async def test_later_enum_values_come_to_those_who_ask(azure: SandboxAzure, graph: Asker) -> None:
    alert = azure.raise_alert("web-01", story="miner", product="Microsoft Defender for Cloud")
    path = path_of(azure, alert)

    plain = (await graph.send("GET", path)).body
    asked = (await graph.send("GET", path, headers=UNKNOWN_TOO)).body

    assert plain["serviceSource"] == plain["detectionSource"] == "unknownFutureValue"
    assert asked["serviceSource"] == "microsoftDefenderForCloud"
    assert asked["detectionSource"] == "microsoftDefenderForServers"


async def test_alerts_of_a_machine_are_one_incident(azure: SandboxAzure, graph: Asker) -> None:
    edr(azure)
    azure.raise_alert("web-01", story="miner")
    edr(azure, "web-02")
    (first, second) = azure.xdr.incidents.values()

    read = await graph.send("GET", f"{INCIDENTS}/{first.id}", {"$expand": "alerts"})
    changed = await graph.send(
        "PATCH", f"{INCIDENTS}/{first.id}",
        body={"status": "resolved", "assignedTo": "sato@example.com",
              "classification": "TruePositive", "determination": "MultiStagedAttack",
              "customTags": ["Demo"]},
    )  # fmt: skip
    wrong = await graph.send("PATCH", f"{INCIDENTS}/{second.id}", body={"status": "new"})

    assert len(read.body["alerts"]) == 2
    assert (changed.status, changed.body["assignedTo"]) == (200, "sato@example.com")
    assert wrong.status == 400


async def test_its_rights_are_the_tenants(azure: SandboxAzure, graph: Asker) -> None:
    alert = edr(azure)
    azure.rights.deny("SecurityAlert.ReadWrite.All")
    read = await graph.send("GET", path_of(azure, alert))
    write = await graph.send("PATCH", path_of(azure, alert), body={"status": "resolved"})
    azure.rights.security_graph = False
    nothing = await graph.send("GET", ALERTS)

    assert read.status == 200
    assert [(r.status, r.code) for r in (write, nothing)] == [(403, "Forbidden")] * 2
