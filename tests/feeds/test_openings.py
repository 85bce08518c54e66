"""C7: what Azure shows, held against the ledger and against what was seen before."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from approvals.events import RequestId
from approvals.request import Request
from defender.records import AccessRecord, PortRule, VmPolicy
from defender.resources import ResourceId
from feeds.openings import (
    EntrySeen,
    claimed,
    compare,
    entries,
    foreign_openings,
    read_entry,
)
from tests.feeds.test_correlation import active

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
VM = ResourceId("/subscriptions/1/resourceGroups/RG/providers/x/virtualMachines/web-01")
POLICY = ResourceId("/subscriptions/1/resourceGroups/rg/providers/m/jit/default")


def session() -> Request:
    request = replace(active(at=NOW), id=RequestId("12"))
    return replace(request, target=structs.replace(request.target, resource_id=str(VM)))


SESSION = session()


def record(**changes: object) -> AccessRecord:
    """What Azure lists of SESSION."""
    found = AccessRecord(
        vm_id=VM,
        port=22,
        sources=(SESSION.terms.source,),
        starts_at=NOW,
        ends_at=SESSION.attempts[-1].ends_at,
        status="Initiated",
        status_reason="UserRequested",
        requestor="bot",
        justification="sekisho:12 U0ALICE approved by U0SATO: fix",
        mapped_port=None,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def foreign(*records: AccessRecord) -> list[tuple[int, ...]]:
    found = foreign_openings(
        records, instance="sekisho", known={SESSION.id: SESSION}, now=NOW + timedelta(minutes=5)
    )
    return [opening.ports for opening in found]


@pytest.mark.proves("C7")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sources": (f"{SESSION.terms.source}/32",)},
        {"vm_id": ResourceId(VM.upper())},
        {"ends_at": None},
        {"ends_at": SESSION.attempts[-1].ends_at.replace(microsecond=0)},
        {"status": "Revoked"},
        {"justification": "", "ends_at": NOW},
        {"justification": "sekisho-close:12", "sources": ("192.0.2.1",)},
    ],
    ids=["as sent", "/32", "case", "no end", "cut end", "revoked", "over", "closing"],
)
def test_ours_or_over(changes: dict[str, object]) -> None:
    assert foreign(record(**changes)) == []


@pytest.mark.proves("C7", "J4")
@pytest.mark.parametrize(
    "changes",
    [
        {"justification": "hot fix"},
        {"justification": ""},
        {"justification": "sekisho:13"},
        {"justification": "other:12"},
        {"justification": "xsekisho:12"},
        {"port": 3389},
        {"sources": ("198.51.100.4",)},
        {"sources": ("*",)},
        {"sources": (SESSION.terms.source, "198.51.100.4")},
        {"vm_id": ResourceId(f"{VM}2")},
        {"ends_at": SESSION.attempts[-1].ends_at + timedelta(hours=9)},
        {"justification": "sekisho-close:12"},
        {"status": "Initiating", "justification": "portal"},
    ],
    ids=str,
)
def test_not_ours_whatever_it_says(changes: dict[str, object]) -> None:
    assert len(foreign(record(**changes))) == 1


@pytest.mark.proves("C7")
def test_ports_of_one_request_are_one_opening_with_one_key() -> None:
    one = record(justification="portal")
    two = replace(one, port=3389)
    assert foreign(one, two) == [(22, 3389)]
    later = foreign_openings([two], instance="sekisho", known={}, now=NOW)
    first = foreign_openings([one, two], instance="sekisho", known={}, now=NOW)
    assert first[0].key == later[0].key
    other = foreign_openings([replace(one, starts_at=None)], instance="sekisho", known={}, now=NOW)
    assert other[0].key != first[0].key


def test_requests_that_are_named_are_read() -> None:
    named = claimed([record(), record(justification="sekisho-close:7"), record(justification="x")],
                    "sekisho")  # fmt: skip
    assert named == {"12", "7"}


# --- policies ---


def policy(*ports: PortRule, vm: ResourceId = VM, name: str = "default") -> VmPolicy:
    place = ResourceId(POLICY.replace("default", name))
    return VmPolicy(place, name, "rg", "japaneast", vm, ports, None)


SSH = PortRule(22, "TCP", ("203.0.113.0/24", "198.51.100.0/24"), timedelta(hours=3))
RDP = PortRule(3389, "TCP", ("*",), timedelta(hours=1))


def seen(*policies: VmPolicy, minutes: int = 0) -> dict[str, EntrySeen]:
    return entries(policies, NOW + timedelta(minutes=minutes))


@pytest.mark.proves("C7")
def test_order_case_and_time_are_no_change() -> None:
    turned = replace(SSH, allowed_sources=SSH.allowed_sources[::-1])
    before = seen(policy(SSH, RDP))
    again = seen(policy(RDP, turned, vm=ResourceId(VM.lower())), minutes=9)
    assert compare(before, again).changes == ()


@pytest.mark.proves("C7")
def test_changed_removed_added() -> None:
    other = ResourceId(f"{VM}2")
    before = seen(policy(SSH), policy(SSH, vm=other))
    wider = replace(SSH, allowed_sources=("*",))
    found = compare(before, seen(policy(wider, RDP), policy(SSH, vm=ResourceId(f"{VM}3"))))
    assert sorted(change.kind for change in found.changes) == ["changed", "removed"]
    assert list(found.added) == [f"{VM}3".lower()]
    [changed] = [change for change in found.changes if change.kind == "changed"]
    assert [port.number for port in changed.ports] == [22, 3389]


@pytest.mark.proves("C7")
def test_a_vm_in_two_policies_has_one_entry() -> None:
    both = seen(policy(SSH), policy(RDP, name="second"))
    [entry] = both.values()
    assert len(entry.policies) == 2
    assert len(compare(both, seen(policy(SSH))).changes) == 1


@pytest.mark.proves("C7")
def test_a_change_and_its_undoing_and_its_redoing_have_keys_of_their_own() -> None:
    narrow, wide = policy(SSH), policy(replace(SSH, allowed_sources=("*",)))
    states = [seen(p, minutes=n) for n, p in enumerate([narrow, wide, narrow, wide])]
    pairs = itertools.pairwise(states)
    keys = [compare(before, after).changes[0].key for before, after in pairs]
    assert len(set(keys)) == 3
    assert compare(states[0], seen(wide, minutes=7)).changes[0].key == keys[0]


def test_what_an_older_version_wrote_is_seen_anew() -> None:
    assert read_entry(b"{}") is None
    assert read_entry(b"\xff") is None
