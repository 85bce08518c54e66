"""Defender XDR's side of an alert, over https: found, read, changed, and odd evidence kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender.alert import Alert
from defender.alert_routes import NoRoute
from defender.clients import AzureClients
from defender.errors import AzureForbidden, OutcomeUnknown
from defender.xdr import XdrGateway
from defender.xdr_decode import XdrAlert, xdr_alert_of
from defender.xdr_match import best
from tests.defender.wire import Answer, Wire, drop

ALERTS = "/v1.0/security/alerts_v2"
XDR_ID = "da637551227677560813_-961444813"
VM = (
    "/subscriptions/8700d3a3-3bb7-4fbe-a090-488a1ad04161/resourceGroups/WdatpApi-EUS-STG"
    "/providers/Microsoft.Compute/virtualMachines/NirLaviTests"
)


@pytest.fixture
async def gateway(wire: Wire) -> AsyncIterator[XdrGateway]:
    settings = wire.settings(resource_manager="https://127.0.0.1:1", graph=wire.url)
    async with AzureClients(settings) as clients:
        yield XdrGateway(clients)


def example(shared: Path) -> dict[str, Any]:
    body = json.loads((shared / "azure-examples/MicrosoftGraph/alerts_v2_list.json").read_bytes())
    found: dict[str, Any] = body["value"][0]
    return found


def ours(**facts: Any) -> Alert:
    usual: dict[str, Any] = {
        "key": "2517_a",
        "title": "Suspicious execution of hidden file",
        "resource_id": VM.upper(),
        "generated_at": datetime(2021, 4, 27, 12, 30, tzinfo=UTC),
    }
    return Alert(**usual | facts)


def test_the_documented_alert_is_read(shared: Path) -> None:
    found = xdr_alert_of(json.dumps(example(shared)).encode())
    assert (found.xdr_id, found.provider_alert_id, found.incident_id) == (XDR_ID, XDR_ID, "28282")
    assert (found.status, found.owner, found.classification) == ("new", "", "unknown")
    assert found.resource_ids == (VM,)
    host, process, registry = found.entities
    assert (host.kind, host.name, host.facts["risk"]) == ("host", "tempDns", "medium")
    assert process.name == "C:\\Program Files\\temp\\MsSense.exe"
    assert process.facts["account"] == "NT AUTHORITY\\SYSTEM"
    assert process.facts["command_line"] == '"MsSense.exe"'
    assert registry.kind == "registry-key"
    assert registry.facts["hive"] == "HKEY_LOCAL_MACHINE"


def test_the_sample_with_odd_evidence_is_read(shared: Path) -> None:
    found = xdr_alert_of((shared / "samples" / "mde-graph-alert-evidence.json").read_bytes())
    assert found.owner == "analyst@example.com"
    assert found.resource_ids == ()
    assert found.machines == ("w11pro-test",)
    assert [entity.kind for entity in found.entities] == ["host", "ip", "process", "somethingnew"]
    assert found.entities[3].facts["verdict"] == "unknownFutureValue"
    assert found.advice.splitlines()[1] == "2. Gather information"


def test_a_process_tree_is_linked_by_process_ids(shared: Path) -> None:
    item = example(shared)
    process = item["evidence"][1]
    item["evidence"] = [process, process | {"processId": 668, "parentProcessId": 4780}]
    first, second = xdr_alert_of(json.dumps(item).encode()).entities
    assert (first.parent, second.parent) == (1, None)  # a circle is cut where it would close


async def test_an_edr_alert_is_found_by_the_id_in_its_link(
    wire: Wire, gateway: XdrGateway, shared: Path
) -> None:
    wire.answer("GET", f"{ALERTS}/{XDR_ID}", Answer(example(shared)))
    link = f"https://security.microsoft.com/alerts/{XDR_ID}?tid=1"
    found = await gateway.find(ours(is_edr=True, link=link))
    assert found is not None
    assert found.xdr_id == XDR_ID
    assert wire.received[0].headers["Prefer"] == "include-unknown-enum-members"


@pytest.mark.parametrize(
    ("alert", "is_found"),
    [
        (ours(), True),
        (ours(key=XDR_ID.upper().lower(), title="another"), True),
        (ours(title="another"), False),
        (ours(resource_id="/subscriptions/x"), False),
        (ours(resource_id="", machine="TEMPDNS"), True),
    ],
)
async def test_another_alert_is_found_by_id_or_by_machine_and_title(
    wire: Wire, gateway: XdrGateway, shared: Path, alert: Alert, is_found: bool
) -> None:
    wire.answer("GET", ALERTS, Answer({"value": [example(shared), None, {"id": ""}]}))
    assert (await gateway.find(alert) is not None) is is_found
    assert wire.received[-1].query["$filter"] == (
        "createdDateTime ge 2021-04-27T11:00:00Z and createdDateTime le 2021-04-27T14:00:00Z"
    )


def test_two_that_could_be_it_are_none() -> None:
    found = [XdrAlert(xdr_id=name, title="t", machines=("web-01",)) for name in ("a", "b")]
    assert best(Alert(key="k", title="T", machine="WEB-01"), found) is None
    assert best(Alert(key="k", title="T", machine="WEB-01"), found[:1]) is found[0]


async def test_owner_and_verdict_are_written_and_come_back(
    wire: Wire, gateway: XdrGateway, shared: Path
) -> None:
    file = shared / "azure-examples/Alerts/Graph_alerts_v2_update_example.json"
    said = json.loads(file.read_bytes())
    wire.answer("PATCH", f"{ALERTS}/{XDR_ID}", Answer(said["response"]))
    found = await gateway.change(
        XDR_ID,
        status="inProgress",
        owner="secAdmin@contoso.onmicrosoft.com",
        classification="truePositive",
        determination="malware",
    )
    assert wire.received[0].body == said["request"]
    assert (found.owner, found.determination) == ("secAdmin@contoso.onmicrosoft.com", "malware")


async def test_only_what_is_named_is_changed(wire: Wire, gateway: XdrGateway, shared: Path) -> None:
    wire.answer("PATCH", f"{ALERTS}/{XDR_ID}", Answer(example(shared)))
    wire.answer("PATCH", "/v1.0/security/incidents/28282", Answer({"id": "28282"}))
    await gateway.change(XDR_ID, owner="")
    await gateway.change_incident("28282", status="resolved")
    assert [call.body for call in wire.received] == [{"assignedTo": ""}, {"status": "resolved"}]
    with pytest.raises(ValueError, match="Nothing to change"):
        await gateway.change(XDR_ID)


async def test_a_comment_is_added(wire: Wire, gateway: XdrGateway, shared: Path) -> None:
    said = json.loads((shared / "azure-examples/MicrosoftGraph/writes.json").read_bytes())
    wire.answer(
        "POST", f"{ALERTS}/{XDR_ID}/comments", Answer(said["comment_alert"]["response_200"])
    )
    comments = await gateway.comment(XDR_ID, "Demo for docs")
    assert wire.received[0].body == said["comment_alert"]["body"]
    assert [(comment.text, comment.by) for comment in comments] == [
        ("test", "secAdmin@contoso.com"),
        ("Demo for docs", "secAdmin@contoso.com"),
    ]


@pytest.mark.parametrize("answer", [drop, Answer("[1", 200), Answer({"id": None})])
async def test_a_change_without_a_proof_is_not_repeated(
    wire: Wire, gateway: XdrGateway, answer: Any
) -> None:
    wire.answer("PATCH", f"{ALERTS}/{XDR_ID}", answer)
    with pytest.raises(OutcomeUnknown):
        await gateway.change(XDR_ID, status="resolved")
    assert len(wire.received) == 1


async def test_a_missing_right_is_said(wire: Wire, gateway: XdrGateway) -> None:
    wire.answer("GET", f"{ALERTS}/2517_a", Answer({"error": {"code": "Forbidden"}}, 403))
    with pytest.raises(AzureForbidden):
        await gateway.find(ours())


@pytest.mark.proves("FAULT-29")
@pytest.mark.parametrize("text", ["", "..", "a/b", "a?b", "a'b", "a b", "ａ", "a#", "a\n"])
async def test_no_foreign_id_gets_into_a_path(wire: Wire, gateway: XdrGateway, text: str) -> None:
    for call in (gateway.read(text), gateway.comment(text, "x"), gateway.change(text, owner="o")):
        with pytest.raises(NoRoute):
            await call
    wire.answer("GET", ALERTS, Answer({"value": []}))
    assert await gateway.find(ours(key=text)) is None
    assert [call.path for call in wire.received] == [ALERTS]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("x" * 50_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
evidence = st.dictionaries(
    st.sampled_from(
        ["@odata.type", "processId", "parentProcessId", "imageFile", "userAccount", "vmMetadata"]
    ),
    values,
)


@given(
    st.dictionaries(
        st.sampled_from(["status", "title", "comments", "mitreTechniques", "assignedTo"]), values
    ),
    st.lists(evidence | values, max_size=4),
)
def test_any_answer_is_read(said: dict[str, Any], shown: list[Any]) -> None:
    found = xdr_alert_of(json.dumps({"id": "a", "evidence": shown} | said).encode())
    assert len(found.entities) <= len(shown)


@pytest.mark.proves("D5")
async def test_what_changed_is_read_page_by_page(wire: Wire, gateway: XdrGateway) -> None:
    one = {"id": "da1", "title": "T"}
    wire.answer("GET", ALERTS, Answer({"value": [one] * 200}), Answer({"value": [one, {}]}))
    found = await gateway.changed_since(datetime(2026, 11, 25, 9, tzinfo=UTC))
    assert len(found) == 201  # one without an id is nobody's alert
    assert [call.query["$skip"] for call in wire.received] == ["0", "200"]
    assert wire.received[0].query["$filter"] == "lastUpdateDateTime ge 2026-11-25T09:00:00Z"


@pytest.mark.proves("D5")
async def test_an_incident_that_went_into_another_is_that_one(
    wire: Wire, gateway: XdrGateway, shared: Path
) -> None:
    incidents = "/v1.0/security/incidents"
    wire.answer("GET", f"{incidents}/7", Answer({"id": "7", "redirectIncidentId": "8"}))
    whole = {"id": "8", "assignedTo": "eva@x", "alerts": [example(shared)]}
    wire.answer("GET", f"{incidents}/8", Answer(whole))
    found = await gateway.incident("7")
    assert (found.incident_id, found.owner) == ("8", "eva@x")
    assert [alert.xdr_id for alert in found.alerts] == [XDR_ID]
    assert found.alerts[0].resource_ids == (VM,)
