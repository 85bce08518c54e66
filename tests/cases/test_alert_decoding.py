"""Odd alerts, as they were met in the field, read into plain facts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from defender.alert import Alert
from defender.alert_decode import decode_arm, decode_page, decode_pushed

SUB = "00000000-0000-0000-0000-000000000001"


def sample(shared: Path, name: str) -> bytes:
    return (shared / "samples" / f"{name}.json").read_bytes()


def all_of(body: bytes) -> tuple[list[Alert], int]:
    """Every alert of a file, and how many of its items could not be read."""
    if b'"value"' in body[:30]:
        alerts, bad = decode_page(body)
        return alerts, len(bad)
    return [decode_arm(body)], 0


def one(shared: Path, name: str) -> Alert:
    return all_of(sample(shared, name))[0][0]


def kinds(alert: Alert) -> Counter[str]:
    return Counter(entity.kind for entity in alert.entities)


Proof = Callable[[list[Alert]], bool]

ODDITIES: dict[str, tuple[int, int, Proof]] = {
    "alert-network-many-ips": (
        1,
        0,
        lambda found: (
            len(found[0].entities) == 40
            and found[0].entities_left == 62
            and found[0].remediation == ("Enforce rule",)
            and found[0].entities[0].name == "web-01"
        ),
    ),
    "alerts-page-mixed-case": (
        3,
        0,
        lambda found: (
            len({alert.resource_id.lower() for alert in found}) == 1
            and all(alert.is_sample and alert.generated_at for alert in found)
            and found[0].extended["investigation steps"].startswith("View related activity: https")
        ),
    ),
    "alert-eventhub-pascal-refs": (
        1,
        0,
        lambda found: (
            found[0].state == "active"
            and found[0].arm_id == ""
            and found[0].machine == "Sample-VM"
            and found[0].resource_id.endswith("/virtualMachines/Sample-VM")
            and kinds(found[0])["process"] == 2
            and kinds(found[0])["ip"] == 2
        ),
    ),
    "alert-entity-cycles": (
        1,
        0,
        lambda found: (
            [entity.parent for entity in found[0].entities] == [1, None, None, None]
            and kinds(found[0]) == {"process": 2, "host": 1, "": 1}
        ),
    ),
    "alerts-null-fields": (
        3,
        1,
        lambda found: all(alert.key.startswith("/subscriptions/") for alert in found),
    ),
    "alert-gcp-machine": (
        1,
        0,
        lambda found: (
            found[0].cloud == "gcp"
            and found[0].entities[0].facts == {"project": "012345678901", "zone": "us-central1-c"}
            and "/Microsoft.HybridCompute/" in found[0].resource_id
        ),
    ),
    "alert-onprem-workspace-only": (
        1,
        0,
        lambda found: (
            found[0].resource_id == ""
            and found[0].machine == "WEB-01.corp.example.com"
            and found[0].subscription_id == SUB
            and found[0].cloud == found[0].resource_group == ""
        ),
    ),
    "alert-non-ascii-hostile": (
        1,
        0,
        lambda found: (
            "\x00" in found[0].description
            and "%{Command Line}" not in found[0].description
            and found[0].extended["number"] == "12345678901234567890"
            and found[0].extended["nested"] == '{"a":[1,2,{"b":null}]}'
            and found[0].entities[1].name == "O'Brien; | take 1 //"
        ),
    ),
    "alert-description-placeholders": (
        1,
        0,
        lambda found: (
            found[0].description.endswith(r"from path: c:\temp\svchost.exe by %{User Name}")
            and found[0].extended["PID"] == "944"
            and found[0].extended["ActionTaken"] == r"Detected c:\temp\svchost.exe"
        ),
    ),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_every_sample_is_read_with_its_oddity(shared: Path, name: str) -> None:
    count, bad, proof = ODDITIES[name]
    alerts, unread = all_of(sample(shared, name))
    assert (len(alerts), unread) == (count, bad)
    assert proof(alerts)


def test_the_table_names_every_sample_that_holds_alerts(shared: Path) -> None:
    assert {path.stem for path in (shared / "samples").glob("alert*.json")} == set(ODDITIES)


def recorded(shared: Path) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for path in sorted((shared / "recordings").glob("alerts*.json")):
        if path.stem == "alerts_suppression_rules":
            continue
        for exchange in json.loads(path.read_bytes()):
            body = exchange["response"]["body"] or {"value": []}
            found += [(path.stem, item) for item in body.get("value", [body])]
    return found


@pytest.mark.proves("C046")
def test_every_recorded_alert_says_what_it_says_in_the_recording(shared: Path) -> None:
    found = recorded(shared)
    assert Counter(name for name, _ in found) == {
        "alerts_2020": 4, "alerts_list": 11, "alerts_list_page2": 3, "alerts_update": 4,
    }  # fmt: skip
    for _, item in found:
        said, alert = item["properties"], decode_arm(json.dumps(item).encode())
        assert alert.arm_id == item["id"]
        assert alert.key == said["systemAlertId"].lower()
        assert (alert.title, alert.severity, alert.status, alert.alert_type, alert.intent) == (
            said["alertDisplayName"], said["severity"], said["status"], said["alertType"],
            said["intent"],
        )  # fmt: skip
        assert alert.generated_at is not None
        assert alert.started_at is not None
        assert set(alert.extended) == {k for k, v in said["extendedProperties"].items() if v}
        assert len(alert.entities) + alert.entities_left >= min(1, len(said.get("entities") or []))
        assert not alert.is_edr
        assert "openBlade" not in str(alert.remediation)


@pytest.mark.proves("C015")
def test_a_bare_array_is_a_page(shared: Path) -> None:
    page = json.loads(sample(shared, "alerts-page-mixed-case"))
    assert decode_page(json.dumps(page["value"]).encode()) == decode_page(json.dumps(page).encode())


@pytest.mark.proves("C017")
@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("23.5811478Z", 581147), ("23.581147800Z", 581147), ("23.9999999Z", 999999), ("23Z", 0)],
)
def test_long_fractions_are_cut_never_rounded_up(text: str, microseconds: int) -> None:
    said = {"systemAlertId": "a", "timeGeneratedUtc": f"2024-05-10T14:39:{text}"}
    alert = decode_arm(json.dumps({"properties": said}).encode())
    assert alert.generated_at == datetime(2024, 5, 10, 14, 39, 23, microseconds, UTC)


def test_a_huge_alert_stays_whole_where_it_matters_and_bounded() -> None:
    said = {
        "systemAlertId": "a",
        "alertDisplayName": "t",
        "extendedProperties": {f"p{n}": "x" * 30_000 if n == 3 else "y" for n in range(40)},
        "entities": [{"type": "process", "commandLine": "z" * 100_000} for _ in range(12)],
        "description": "d" * 100_000,
        "remediationSteps": ["s" * 100_000] * 100,
    }
    alert = decode_arm(json.dumps({"properties": said}).encode())
    assert alert.extended["p3"] == "x" * 30_000
    assert len(alert.extended) == 40
    assert 0 < len(alert.entities) < 12
    assert len(alert.entities) + alert.entities_left == 12
    assert len(msgspec.json.encode(alert)) < 150_000


@pytest.mark.proves("C046")
def test_without_a_system_id_the_resource_id_is_the_identity_never_the_name() -> None:
    item = {"id": f"/subscriptions/{SUB}/resourceGroups/RG/providers/X/alerts/A", "name": "B"}
    first, second = (decode_arm(json.dumps(x).encode()) for x in (item, item | {"name": "C"}))
    assert first.key == second.key == item["id"].lower()


@pytest.mark.proves("C047")
def test_the_stream_of_a_hub_is_sorted_into_alerts_and_the_rest(shared: Path) -> None:
    exported = json.loads(sample(shared, "alert-eventhub-pascal-refs"))
    polled = json.loads(sample(shared, "alert-onprem-workspace-only"))
    other = json.loads(sample(shared, "assessment-edr-us-date"))
    score = {"type": "Microsoft.Security/secureScores", "properties": {"score": 1}}
    nested = {"$type": "subAssessmentEvent", "Id": "x", "Name": "y"}
    body = json.dumps([other, score, nested, {"value": [polled]}, json.dumps(exported), 7]).encode()
    alerts, skipped, bad = decode_pushed(body)
    assert [alert.machine for alert in alerts] == ["WEB-01.corp.example.com", "Sample-VM"]
    assert skipped == {
        "microsoft.security/assessments": 1,
        "microsoft.security/securescores": 1,
        "subassessmentevent": 1,
    }
    assert bad == 1


@pytest.mark.proves("C047")
def test_pushed_and_polled_are_one_alert(shared: Path) -> None:
    item = json.loads(sample(shared, "alerts-page-mixed-case"))["value"][0]
    pascal = {name[0].upper() + name[1:]: value for name, value in item["properties"].items()}
    pascal |= {"Status": "New", "TimeGenerated": pascal.pop("TimeGeneratedUtc")}
    polled = decode_arm(json.dumps(item).encode())
    pushed = decode_pushed(json.dumps(pascal).encode())[0][0]
    assert (pushed.key, pushed.fingerprint) == (polled.key, polled.fingerprint)
    assert (pushed.generated_at, pushed.state) == (polled.generated_at, polled.state)


@pytest.mark.proves("C047")
def test_links_are_followed_to_what_they_mean(shared: Path) -> None:
    alert = one(shared, "alert-eventhub-pascal-refs")
    php = next(item for item in alert.entities if item.facts.get("command_line") == "php")
    assert php.facts["account"] == "Sample-account"
    assert php.parent is not None
    assert alert.entities[php.parent].facts["pid"] == "0x1e49a"


@pytest.mark.proves("C049")
def test_findings_of_every_spelling_are_read() -> None:
    said = {
        "SYSTEMALERTID": "A-1", "Severity": "Unknown", "severity": "", "IsIncident": "True",
        "StartTimeUtc": "11/13/2024 11:40:48 PM", "EndTimeUtc": "2025-08-21T00:00:00",
        "RemediationSteps": "1. Isolate it.<br>2. Tell <b>IT</b>.",
        "Techniques": '["T1059", "T1053"]', "ExtendedProperties": '{"n": 5, "empty": ""}',
    }  # fmt: skip
    alert = decode_arm(json.dumps({"Properties": said}).encode())
    assert (alert.key, alert.severity, alert.rank) == ("a-1", "Unknown", 4)
    assert alert.started_at == datetime(2024, 11, 13, 23, 40, 48, tzinfo=UTC)
    assert alert.ended_at == datetime(2025, 8, 21, tzinfo=UTC)
    assert alert.remediation == ("1. Isolate it.", "2. Tell <b>IT</b>.")
    assert (alert.techniques, alert.extended) == (("T1059", "T1053"), {"n": "5"})
    assert alert.is_incident


@pytest.mark.parametrize(
    "said",
    [
        {"productName": "Microsoft Defender for Endpoint"},
        {"productComponentName": "Microsoft Defender ATP"},
        {"productName": "Microsoft Defender Advanced Threat Protection"},
        {"ProviderName": "MDATP"},
        {"alertType": "WindowsDefenderAv"},
        {"alertUri": "https://security.microsoft.com/alerts/da1?tid=2"},
        {"AlertLink": "https://securitycenter.windows.com/alert/1"},
        {"extendedProperties": {"MicrosoftDefenderAtp.Category": "Malware"}},
    ],
)
def test_an_alert_of_defender_for_endpoint_is_known(said: dict[str, Any]) -> None:
    assert decode_arm(json.dumps({"properties": {"systemAlertId": "a"} | said}).encode()).is_edr


@pytest.mark.parametrize(
    ("resource", "cloud"),
    [
        ("Microsoft.Compute/virtualMachines/web-01", "azure"),
        ("Microsoft.HybridCompute/machines/web-01", "arc"),
        ("Microsoft.Security/securityConnectors/c/securityentitydata/aws-ec2-web-01", "aws"),
    ],
)
def test_the_cloud_of_a_machine_is_known(resource: str, cloud: str) -> None:
    resource_id = f"/subscriptions/{SUB}/resourceGroups/rg/providers/{resource}"
    said = {"systemAlertId": "a", "compromisedEntity": "web-01", "resourceIdentifiers": [
        {"type": "AzureResource", "azureResourceId": resource_id}]}  # fmt: skip
    alert = decode_arm(json.dumps({"properties": said}).encode())
    assert (alert.cloud, alert.machine, alert.resource_id) == (cloud, "web-01", resource_id)


def test_a_damaged_page_gives_what_stands_whole_in_it(shared: Path) -> None:
    page = json.loads(sample(shared, "alerts-page-mixed-case"))
    page["nextLink"] = "https://management.azure.com/next"
    body = json.dumps(page).encode()
    second = body.index(b'"InProgress"')
    alerts, bad = decode_page(body[:second] + b"\x00{" + body[second + 1 :])
    assert [alert.severity for alert in alerts] == ["High", "Informational"]
    assert [item.sentence for item in bad] == [
        "A page of alerts was damaged; what stood whole in it was read."
    ]


def test_a_change_is_seen_in_the_fingerprint_and_in_nothing_else(shared: Path) -> None:
    alert = one(shared, "alerts-page-mixed-case")
    again = msgspec.structs.replace
    assert again(alert, status="Resolved").fingerprint != alert.fingerprint
    assert again(alert, severity="Low").fingerprint != alert.fingerprint
    assert again(alert, entities=alert.entities[1:]).fingerprint != alert.fingerprint
    assert again(alert, status="New", link="", severity="HIGH").fingerprint == alert.fingerprint
