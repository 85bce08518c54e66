"""Azure's answers in every shape met in the field, without a lost entry or an exception."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender.decode import duration_of, instant_of, page_of
from defender.decode_compute import machine_of, machines_of, subscriptions_of
from defender.decode_jit import BREATH, SnapshotReading, snapshot_of
from defender.errors import AzureUnavailable
from defender.records import PolicySnapshot
from tests.defender.estate import SUBSCRIPTION, VM_ID

DATA = Path(__file__).parent / "data"


def listed(items: Any) -> bytes:
    return json.dumps({"value": items}).encode()


@pytest.fixture(scope="module")
def snapshot() -> PolicySnapshot:
    return snapshot_of([listed(json.loads((DATA / "policies.json").read_bytes()))])


@pytest.mark.proves("C011", "C039")
def test_a_machine_is_found_in_all_its_policies_whatever_the_case(snapshot: PolicySnapshot) -> None:
    entries = snapshot.of(VM_ID)
    assert [entry.policy_name for entry in entries] == ["default", "iot-jit"]
    assert [entry.policy_name for entry in snapshot.with_port(VM_ID.upper(), 5986)] == ["iot-jit"]
    assert {entry.location for entry in entries} == {"westeurope"}
    assert snapshot.partial is False


@pytest.mark.proves("C039", "C008")
def test_ports_as_text_lists_of_prefixes_and_empty_protocols_are_read(
    snapshot: PolicySnapshot,
) -> None:
    ssh, other = snapshot.of(VM_ID)[0].ports
    assert (ssh.number, ssh.longest) == (22, timedelta(minutes=30))
    assert ssh.allowed_sources == ("10.0.0.0/8", "203.0.113.0/24")
    assert (other.protocol, other.allowed_sources) == ("", ("*",))
    assert other.longest == timedelta(days=1)


def test_a_policy_entry_without_ports_is_still_listed(snapshot: PolicySnapshot) -> None:
    assert [policy.ports for policy in snapshot.policies][1] == ()


@pytest.mark.proves("C035")
def test_a_request_keeps_its_mapped_port_and_the_firewalls_address(
    snapshot: PolicySnapshot,
) -> None:
    (first, second) = snapshot.carrying("req-0001")
    assert first.mapped_port == 13890
    assert first.is_open
    assert first.is_live
    assert first.starts_at == datetime(2026, 11, 25, 0, 0, 0, 365879, tzinfo=UTC)
    assert first.ends_at == datetime(2026, 11, 25, 2, 0, 0, 500000, tzinfo=UTC)
    assert second.status == "Mystery"
    assert not second.is_live
    assert second.sources == ("203.0.113.7", "203.0.113.8")
    assert snapshot.of(VM_ID)[0].public_ip == "203.0.113.10"


def test_a_request_id_is_found_as_a_whole_word_only(snapshot: PolicySnapshot) -> None:
    assert snapshot.carrying("sekisho:req-0001")
    assert not snapshot.carrying("req-000")
    assert not snapshot.carrying("req-00011")


def test_a_foreign_request_without_names_and_times_is_listed(snapshot: PolicySnapshot) -> None:
    foreign = snapshot.records_of(VM_ID, 22)[1]
    assert (foreign.requestor, foreign.justification, foreign.starts_at) == ("", "", None)
    assert foreign.sources == ("*",)
    assert foreign.status_reason == "Expired"


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "text",
        {"id": 5},
        {"id": "not/an/id"},
        {"id": "/subscriptions//subscriptions/x/resourceGroups/g/providers/a/b/c/d"},
    ],
)
def test_an_odd_item_is_counted_and_the_others_are_kept(odd: Any) -> None:
    items = json.loads((DATA / "policies.json").read_bytes())
    snapshot = snapshot_of([listed([odd, *items])])
    assert snapshot.partial is True
    assert len(snapshot.policies) == 3


def test_an_odd_port_costs_its_policy_nothing_else() -> None:
    (policy, _) = json.loads((DATA / "policies.json").read_bytes())
    policy["properties"]["virtualMachines"][0]["ports"].append({"number": "ssh"})
    policy["properties"]["virtualMachines"][0]["ports"].append({"number": 443})
    snapshot = snapshot_of([listed([policy])])
    assert [port.number for port in snapshot.policies[0].ports] == [22, 8443]
    assert snapshot.partial is True


FIELDS = [
    "id",
    "name",
    "value",
    "nextLink",
    "properties",
    "virtualMachines",
    "requests",
    "ports",
    "number",
    "maxRequestAccessDuration",
    "endTimeUtc",
    "tags",
    "location",
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(st.lists(json_values, max_size=4))
def test_no_list_of_json_is_an_exception(items: list[Any]) -> None:
    body = listed(items)
    snapshot_of([body])
    machines_of(body, subscription_name="x")
    subscriptions_of([body])


@given(json_values)
def test_a_page_is_read_or_refused_by_name(value: Any) -> None:
    with contextlib.suppress(AzureUnavailable):
        assert page_of(json.dumps(value).encode()).is_array is isinstance(value, list)


@pytest.mark.proves("C015")
def test_a_bare_array_is_a_page_and_says_so() -> None:
    page = page_of(b' [{"id": 1}, {"id": 2}]')
    assert (len(page.items), page.next_link, page.is_array) == (2, None, True)


@pytest.mark.proves("C070")
@pytest.mark.parametrize("link", ["", "  ", None])
def test_an_empty_next_link_is_none(link: str | None) -> None:
    assert page_of(json.dumps({"value": [], "nextLink": link}).encode()).next_link is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT3H", timedelta(hours=3)),
        ("PT0H30M", timedelta(minutes=30)),
        ("P1D", timedelta(days=1)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("pt5m", timedelta(minutes=5)),
        ("P", None),
        ("PT", None),
        ("3 hours", None),
        ("", None),
        (None, None),
    ],
)
def test_durations(text: str | None, expected: timedelta | None) -> None:
    assert duration_of(text) == expected


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2022-11-17T11:44:50.5921811Z", 592181),
        ("2022-11-17T11:44:50.54504Z", 545040),
        ("2022-11-17T11:44:50Z", 0),
        ("2022-11-17T20:44:50.1+09:00", 100000),
        ("2022-11-17T11:44:50", 0),
    ],
)
def test_instants_have_none_to_seven_digits(text: str, microsecond: int) -> None:
    expected = datetime(2022, 11, 17, 11, 44, 50, microsecond, tzinfo=UTC)
    assert instant_of(text) == expected


@given(st.text())
def test_no_text_is_an_exception_as_a_time(text: str) -> None:
    instant_of(text)
    duration_of(text)


@pytest.mark.proves("C011")
def test_machines_come_in_computes_spelling_and_other_kinds_are_left_out() -> None:
    body = listed(json.loads((DATA / "machines.json").read_bytes()))
    machines, unread = machines_of(body, subscription_name="Shop production")
    assert [machine.name for machine in machines] == ["web-01", "app-11", "bare"]
    assert unread == 0
    web, app, bare = machines
    assert web.resource_group == "RG-WEB"
    assert (web.os, web.computer_name, web.subscription_id) == ("Linux", "web01", SUBSCRIPTION)
    assert web.tags == {"env": "prod", "用途": "ガード", "empty": ""}
    assert len(web.network_interface_ids) == 1
    assert (app.os, app.location, dict(app.tags)) == ("Windows", "japaneast", {})
    assert (bare.os, bare.location, bare.network_interface_ids) == ("", "", ())


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"id": "x"}', b"<html>"])
def test_an_answer_that_is_no_machine_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(AzureUnavailable):
        machine_of(body, subscription_name="x")


def test_subscriptions_that_no_longer_answer_are_left_out() -> None:
    items = [
        {"subscriptionId": SUBSCRIPTION.upper(), "displayName": "Shop", "state": "Enabled"},
        {"subscriptionId": "00000000-0000-0000-0000-000000000002", "state": "Warned"},
        {"subscriptionId": "00000000-0000-0000-0000-000000000003", "state": "Disabled"},
    ]
    found = subscriptions_of([listed(items)])
    assert [(item.id[-1], item.name) for item in found] == [
        ("1", "Shop"),
        ("2", items[1]["subscriptionId"]),
    ]


@pytest.mark.proves("C110")
def test_hundreds_of_requests_are_read_in_steps() -> None:
    (policy, _) = json.loads((DATA / "policies.json").read_bytes())
    (request, *_) = policy["properties"]["requests"]
    policy["properties"]["requests"] = [request] * (4 * BREATH)
    reading = SnapshotReading()
    steps = sum(1 for _ in reading.steps([listed([policy])]))
    assert steps == 4
    assert reading.snapshot() == snapshot_of([listed([policy])])
