"""The clock only moves forward; the estate has what the demo promises."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.azure.policies import policy_id
from sandbox.azure.wire import duration_text, fold, instant_text, parse_duration, parse_instant
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import big_estate, demo_estate
from sandbox.world.model import Estate


@pytest.fixture(scope="module")
def estate() -> Estate:
    return demo_estate()


def test_the_clock_is_the_machines_plus_an_offset() -> None:
    clock = SandboxClock()

    clock.advance(timedelta(hours=2))

    ahead = clock.now() - datetime.now(UTC)
    assert timedelta(hours=2) - timedelta(seconds=5) < ahead <= timedelta(hours=2)
    assert clock.offset == timedelta(hours=2)


def test_the_offset_is_written_for_the_bot(tmp_path: Path) -> None:
    file = tmp_path / "state" / "clock-offset"
    clock = SandboxClock(file)
    before = file.read_text()

    clock.advance(timedelta(minutes=10))
    clock.advance(timedelta(seconds=0.5))

    assert (float(before), float(file.read_text())) == (0.0, 600.5)
    assert [path.name for path in file.parent.iterdir()] == ["clock-offset"]


def test_the_clock_never_goes_back() -> None:
    clock = SandboxClock()

    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))

    assert clock.offset == timedelta()


def test_listeners_are_told_the_whole_offset() -> None:
    clock, told = SandboxClock(), list[timedelta]()
    clock.on_advance(told.append)

    clock.advance(timedelta(seconds=5))
    clock.advance(timedelta(seconds=5))

    assert told == [timedelta(seconds=5), timedelta(seconds=10)]


def test_the_estate_is_about_sixty_machines_in_three_subscriptions(estate: Estate) -> None:
    assert [s.name for s in estate.subscriptions] == [
        "Shop production",
        "Shop staging",
        "Data platform",
    ]
    assert 55 <= len(estate.machines) <= 65
    assert {vm.os_type for vm in estate.machines} == {"Linux", "Windows"}
    assert {vm.location for vm in estate.machines} == {"japaneast", "japanwest", "westeurope"}


def test_only_batch_01_is_a_name_twice(estate: Estate) -> None:
    names = Counter(vm.name for vm in estate.machines)

    assert [name for name, count in names.items() if count > 1] == ["batch-01"]


def test_every_id_address_and_policy_is_its_own(estate: Estate) -> None:
    for ids in (
        [fold(vm.id) for vm in estate.machines],
        [fold(vm.nic_id) for vm in estate.machines],
        [vm.private_ip for vm in estate.machines],
        [vm.public_ip for vm in estate.machines if vm.public_ip],
        [fold(policy_id(policy)) for policy in estate.policies],
    ):
        assert len(ids) == len(set(ids))


def test_every_policy_names_machines_of_its_own_place_with_a_group(estate: Estate) -> None:
    machines = {fold(vm.id): vm for vm in estate.machines}
    for policy in estate.policies:
        for entry in policy.entries:
            vm = machines[fold(entry.vm_id)]
            assert (vm.resource_group, vm.location) == (policy.resource_group, policy.location)
            assert vm.nsg_id is not None


def test_the_odd_ones_are_there(estate: Estate) -> None:
    entries = {
        fold(entry.vm_id).rpartition("/")[2]: (policy, entry)
        for policy in estate.policies
        for entry in policy.entries
    }
    machines = {vm.name: vm for vm in estate.machines}

    assert entries["jump-01"][1].ports[0].sources == ("203.0.113.0/24",)
    assert entries["bastion-01"][0].name == "jit-bastion"
    assert entries["gw-01"][1].public_ip is not None
    assert entries["db-02"][1].vm_id != machines["db-02"].id
    assert machines["web-08"].power_state == "deallocated"
    assert "用途" in machines["etl-01"].tags
    assert len(set(machines) - set(entries)) >= 8
    assert estate.arc_machines[0].cloud_provider == "AWS"


def test_a_big_estate_is_as_big_as_asked() -> None:
    estate = big_estate(1_000)

    assert len({fold(vm.id) for vm in estate.machines}) == 1_000
    assert len({vm.name for vm in estate.machines}) == 1_000
    assert sum(len(policy.entries) for policy in estate.policies) == 900


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))
def test_an_instant_reads_as_it_was_written(at: datetime) -> None:
    at = at.replace(tzinfo=UTC)

    text = instant_text(at)

    assert len(text) == len("2022-11-17T11:44:50.5921811Z")
    assert parse_instant(text) == at


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-25T02:00:00.3658798Z", datetime(2026, 11, 25, 2, 0, 0, 365879, UTC)),
        ("2026-11-25T02:00:00Z", datetime(2026, 11, 25, 2, tzinfo=UTC)),
        ("2026-11-25T11:00:00+09:00", datetime(2026, 11, 25, 2, tzinfo=UTC)),
        ("2026-11-25T02:00:00", datetime(2026, 11, 25, 2, tzinfo=UTC)),
        ("2026-02-30T02:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
    ],
)
def test_instants_are_read_as_azure_does(text: str, expected: datetime | None) -> None:
    assert parse_instant(text) == expected


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=400)))
def test_a_duration_reads_as_it_was_written(length: timedelta) -> None:
    length -= timedelta(microseconds=length.microseconds)
    assert parse_duration(duration_text(length)) == length


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("PT3H", 180), ("PT0H30M", 30), ("P1D", 1440), ("PT1H30M", 90), ("PT90S", 1.5)],
)
def test_azures_spellings_of_a_duration(text: str, minutes: float) -> None:
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "P", "PT", "3H", "PT3", "PT-3H", "P99999999999D", "1h"])
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None
