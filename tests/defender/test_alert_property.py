"""Any JSON in the shape of an alert is read, without an exception and into bounded size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender.alert import Alert
from defender.alert_decode import (
    alert_page,
    decode_arm,
    decode_page,
    decode_pushed,
    decode_slowly,
)
from defender.alert_decode_core import DEFAULT_EDR
from defender.alert_decode_entities import ENTITIES_MAX
from defender.alert_decode_quick import quick_alert

#: An alert that fills every bound, as JSON.
SIZE_MAX = 600_000

FIELD_NAMES = (
    "version alertType systemAlertId productComponentName alertDisplayName description severity "
    "intent startTimeUtc endTimeUtc resourceIdentifiers remediationSteps vendorName status "
    "extendedLinks alertUri timeGeneratedUtc productName processingEndTimeUtc entities isIncident "
    "correlationKey extendedProperties compromisedEntity techniques subTechniques "
    "supportingEvidence TimeGenerated AzureResourceId WorkspaceId"
)
ENTITY_FIELD_NAMES = (
    "$id $ref _id type hostName azureID address name directory imageFile parentProcess account "
    "host commandLine processId fileHashes ipAdresses location osFamily ntDomain sid resourceId "
    "relatedAzureResourceIds projectId algorithm value"
)

FIELDS, ENTITY_FIELDS = FIELD_NAMES.split(), ENTITY_FIELD_NAMES.split()

MACHINE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v"
ODD = (
    "", "\x00", "\ud800", "%{a}", "{a}", '{"kind": 1}', "[1, [2", "<br>", "1", "2",
    "2024-05-10T14:39:23.58114781234Z", "0001-01-01T00:00:00Z", MACHINE, "https://[::1",
    "https://a b", "process", "host", "file", "ip", "account",
)  # fmt: skip
long_text = st.tuples(st.sampled_from("x9{"), st.sampled_from([60, 5_000, 70_000])).map(
    lambda how: how[0] * how[1]
)
odd_text = st.one_of(st.text(max_size=30), st.sampled_from(ODD), long_text)
numbers = st.one_of(
    st.integers(), st.integers(10**30, 10**31), st.floats(allow_nan=False, allow_infinity=False)
)
leaves = st.one_of(st.none(), st.booleans(), numbers, odd_text)
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(odd_text, inner, max_size=4)
    ),
    max_leaves=8,
)
entity = st.recursive(
    st.dictionaries(st.sampled_from(ENTITY_FIELDS), anything, max_size=6),
    lambda inner: st.dictionaries(st.sampled_from(ENTITY_FIELDS), inner, max_size=4),
    max_leaves=6,
)


def spelled(name: str, style: int) -> str:
    return (name, name[0].upper() + name[1:], name.upper())[style]


@st.composite
def alerts(draw: st.DrawFn) -> dict[str, Any]:
    """Any values under an alert's own names, in any case, with or without `properties`."""
    said: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=20)):
        value = draw(st.lists(entity, max_size=5)) if name == "entities" else draw(anything)
        said[spelled(name, draw(st.integers(0, 2)))] = value
    outer: dict[str, Any] = draw(st.dictionaries(st.sampled_from(["id", "name", "type"]), odd_text))
    wrapped: list[dict[str, Any]] = [said, {"properties": said}, {"PROPERTIES": said}]
    return outer | wrapped[draw(st.integers(0, 2))]


def check(alert: Alert) -> None:
    body = msgspec.json.encode(alert)
    assert len(body) < SIZE_MAX
    assert msgspec.json.decode(body, type=Alert) == alert
    assert alert.key
    assert len(alert.key) <= 500
    assert len(alert.entities) <= ENTITIES_MAX
    assert len(alert.fingerprint) == 16
    assert alert.rank in range(5)
    for place, item in enumerate(alert.entities):
        seen, parent = {place}, item.parent
        while parent is not None:
            assert parent not in seen
            seen.add(parent)
            parent = alert.entities[parent].parent


@pytest.mark.proves("C047")
@settings(max_examples=150, deadline=None)
@given(alerts())
def test_any_alert_is_read(item: dict[str, Any]) -> None:
    check(decode_arm(json.dumps(item).encode()))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(alerts(), anything), max_size=5))
def test_any_page_and_any_push_is_read(items: list[Any]) -> None:
    read, bad = decode_page(json.dumps({"value": items}).encode())
    assert len(read) + len(bad) == len(items)
    for alert in read:
        check(alert)
    pushed, skipped, unread = decode_pushed(json.dumps(items).encode())
    assert len(pushed) + skipped.total() + unread <= sum(1 for _ in json.dumps(items)) + 1
    for alert in pushed:
        check(alert)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_page_or_damaged(body: bytes) -> None:
    decode_page(body)
    decode_pushed(body)


@st.composite
def documented(draw: st.DrawFn) -> dict[str, Any]:
    """An alert as it is documented, with one thing or another that is not."""
    ids, short = st.sampled_from(["1", "2", "3", "4"]), st.sampled_from(ODD) | st.text(max_size=9)
    said: dict[str, Any] = {
        "systemAlertId": draw(st.sampled_from(["A_1", "x y", ""])) or "b",
        "alertDisplayName": draw(short) or "t",
        "severity": draw(st.sampled_from(["High", " low ", "Mystery"])),
        "status": "Active",
        "timeGeneratedUtc": draw(st.sampled_from([ODD[10], "2026-11-20T07:51:23Z", "no"])),
        "resourceIdentifiers": [{"type": "AzureResource", "azureResourceId": MACHINE}],
        "entities": draw(st.lists(_documented_entity(ids, short), max_size=5)),
        "extendedProperties": draw(st.dictionaries(short, short, max_size=4)),
    }
    for name in ("description", "intent", "alertUri", "compromisedEntity", "productName"):
        said[name] = draw(short)
    said["remediationSteps"] = draw(st.lists(short, max_size=3))
    said["techniques"] = draw(st.lists(short, max_size=3))
    return {"id": "/subscriptions/s/resourceGroups/g/x", "name": "n", "properties": said}


def _documented_entity(ids: Any, short: Any) -> st.SearchStrategy[dict[str, Any]]:
    link = st.fixed_dictionaries({"$ref": ids})
    image = link | st.fixed_dictionaries({"$id": ids, "name": short, "directory": short})
    given = st.fixed_dictionaries(
        {"algorithm": st.sampled_from(["SHA256", "sha-1", "X"]), "value": short}
    )
    place = st.fixed_dictionaries({"countryName": short, "asn": st.integers(0, 9)})
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("process"), "$id": ids, "commandLine": short, "imageFile": image},
            optional={"parentProcess": link, "account": link, "processId": short, "host": link},
        ),
        st.fixed_dictionaries(
            {"type": st.just("file"), "$id": ids, "name": short},
            optional={
                "directory": st.sampled_from(["/a", "c:\\\\", "d:"]),
                "fileHashes": st.lists(given, max_size=3),
            },
        ),
        st.fixed_dictionaries(
            {"type": st.just("account"), "$id": ids, "name": short},
            optional={"ntDomain": short, "sid": short, "host": link},
        ),
        st.fixed_dictionaries(
            {"type": st.just("host"), "$id": ids, "hostName": short},
            optional={"osFamily": short, "ntDomain": short, "dnsDomain": short, "azureID": short},
        ),
        st.fixed_dictionaries(
            {"type": st.just("ip"), "address": short}, optional={"location": place}
        ),
    )


@settings(max_examples=250, deadline=None)
@given(st.one_of(documented(), alerts()))
def test_both_readers_say_the_same(item: dict[str, Any]) -> None:
    raw = json.dumps(item).encode()
    quick = quick_alert(raw, DEFAULT_EDR)
    assert quick is None or quick == decode_slowly(raw)


def test_the_quick_reader_reads_what_is_documented(shared: Path) -> None:
    quick = slow = 0
    for name in ("alerts_2020", "alerts_list", "alerts_list_page2"):
        body = json.loads((shared / "recordings" / f"{name}.json").read_bytes())
        for item in body[0]["response"]["body"]["value"]:
            raw = json.dumps(item).encode()
            found = quick_alert(raw, DEFAULT_EDR)
            if found is None:
                slow += 1
            else:
                quick += 1
                assert found == decode_slowly(raw)
    assert quick
    assert slow


@pytest.mark.parametrize("depth", [500, 20_000])
def test_deep_nesting_ends(depth: int) -> None:
    body = b'{"value":[' + b'{"properties":{"entities":' * depth + b"1" + b"}}" * depth + b"]}"
    alert_page(body)
    decode_page(body)
    decode_pushed(body)


@settings(max_examples=50, deadline=None)
@given(alerts(), st.data())
def test_a_page_cut_anywhere_gives_its_whole_items(
    item: dict[str, Any], data: st.DataObject
) -> None:
    whole = {"id": "/subscriptions/s/x", "properties": {"systemAlertId": "whole"}}
    body = json.dumps({"value": [whole, item]}).encode()
    first_end = body.index(b"whole") + 10
    read, _ = decode_page(body[: data.draw(st.integers(first_end, len(body)))])
    assert read[0].key == "whole"
