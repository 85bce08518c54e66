"""Finding machines by what is typed: right, bounded, and fast at 100,000."""

from __future__ import annotations

import random
import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender.likeness import COMPARED_MAX, Names, one_slip, slips
from defender.records import Machine
from defender.search import ALLOWED_MAX, MachineIndex, fold_text
from tests.defender.estate import machine

SMALL = MachineIndex(
    [
        machine("web-01", env="prod", owner="shop"),
        machine("web-02", env="prod"),
        machine("web-10", env="test"),
        machine("old-web-01"),
        machine("batch-01", group="rg-batch"),
        machine("batch-01", group="rg-shop-test"),
        machine("db-01", owner="web team"),
        machine("ガード-01", 用途="監視"),
    ]
)


def names(found: list[Machine]) -> list[str]:
    return [item.name for item in found]


@pytest.mark.proves("A3")
def test_exact_comes_before_prefix_before_within_before_elsewhere() -> None:
    assert names(SMALL.search("web-01")) == ["web-01", "old-web-01"]
    assert names(SMALL.search("web")) == ["web-01", "web-02", "web-10", "old-web-01", "db-01"]


@pytest.mark.proves("A3")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("WEB prod", ["web-01", "web-02"]),
        ("env=test", ["web-10"]),
        ("owner=shop 01", ["web-01"]),
        ("rg-batch", ["batch-01"]),
        ("ｗｅｂ－０２", ["web-02"]),
        ("監視", ["ガード-01"]),
        ("nothing", []),
        ("web nothing", []),
        ("\n", None),
        ("", None),
    ],
)
def test_words_are_looked_for_in_name_group_and_tags(query: str, found: list[str] | None) -> None:
    assert names(SMALL.search(query)) == (names(list(SMALL.machines)) if found is None else found)


@pytest.mark.proves("C124")
def test_composed_and_decomposed_forms_match() -> None:
    decomposed = unicodedata.normalize("NFD", "ガード-01")
    assert decomposed != "ガード-01"
    assert names(SMALL.search(decomposed)) == ["ガード-01"]
    assert SMALL.by_name(decomposed)[0].name == "ガード-01"
    index = MachineIndex([machine(decomposed)])
    assert index.search("ガード")[0].name == decomposed


def test_one_name_in_two_groups_is_two_machines() -> None:
    assert [item.resource_group for item in SMALL.by_name("BATCH-01")] == [
        "rg-batch",
        "rg-shop-test",
    ]
    assert SMALL.by_name("batch") == ()


@pytest.mark.proves("C011")
def test_a_machine_is_found_by_its_id_in_any_case() -> None:
    wanted = machine("web-01").resource_id
    found = SMALL.by_id(wanted.upper())
    assert found is not None
    assert found.resource_id == wanted
    assert SMALL.by_id("nothing") is None


@pytest.mark.proves("K5")
@pytest.mark.parametrize(
    ("typed", "first"),
    [("wbe-01", "web-01"), ("web-1", "web-01"), ("bacth-01", "batch-01"), ("db01", "db-01")],
)
def test_a_mistyped_name_is_answered_with_the_nearest(typed: str, first: str) -> None:
    assert names(SMALL.near(typed))[0] == first


def test_nothing_near_is_nothing() -> None:
    assert SMALL.near("completely-different") == []
    assert SMALL.near("") == []
    assert len(SMALL.near("web-03", n=2)) == 2


texts = st.text(alphabet="abw-01 ガ=\t\nİß", max_size=8)


@given(st.lists(st.tuples(texts, texts), max_size=12), texts)
def test_search_finds_exactly_the_lines_that_hold_every_word(
    items: list[tuple[str, str]], query: str
) -> None:
    machines = [machine(name or "x", group=f"g{n}", k=tag) for n, (name, tag) in enumerate(items)]
    index = MachineIndex(machines)

    def holds(item: Machine) -> bool:
        fields = (item.name, item.resource_group, item.subscription_name, item.location)
        parts = [fold_text(text) for text in fields]
        parts += [fold_text(f"{key}={value}") for key, value in item.tags.items()]
        return all(any(word in part for part in parts) for word in fold_text(query).split())

    found = index.search(query)
    assert len({item.key for item in found}) == len(found)
    assert {item.key for item in found} == {item.key for item in machines if holds(item)}


@given(st.text(max_size=40))
def test_no_typed_text_is_an_exception(query: str) -> None:
    SMALL.search(query)
    SMALL.near(query)
    SMALL.by_name(query)


@given(st.text(max_size=6), st.text(max_size=6))
def test_slips_are_a_distance(left: str, right: str) -> None:
    count = slips(left, right, most=6)
    assert count == slips(right, left, most=6)
    assert (count == 0) == (left == right)
    if count <= 1 and left != right:
        assert right in set(one_slip(left, left + right))


@pytest.fixture(scope="module")
def large() -> MachineIndex:
    chance = random.Random(7)
    kinds = ["web", "db", "app", "batch", "cache", "auth", "mail", "build"]
    envs = ["prod", "staging", "dev", "test"]
    return MachineIndex(
        machine(
            f"{chance.choice(kinds)}-{chance.choice(envs)}-{n:06}",
            group=f"rg-{n % 500}",
            env=chance.choice(envs),
            owner=chance.choice(kinds),
        )
        for n in range(100_000)
    )


def counting() -> tuple[list[int], Callable[[Machine], bool]]:
    calls = [0]

    def allowed(item: Machine) -> bool:
        calls[0] += 1
        return False

    return calls, allowed


@pytest.mark.parametrize("query", ["", "w", "web", "0", "-", "owner=web env=prod", "zzz"])
def test_work_is_bounded_whatever_is_typed(large: MachineIndex, query: str) -> None:
    calls, allowed = counting()
    assert large.search(query, allowed=allowed) == []
    assert calls[0] <= ALLOWED_MAX


def test_exact_and_prefix_are_found_however_many_others_match(large: MachineIndex) -> None:
    last = large.machines[-1]
    assert large.search(last.name)[0] is last
    assert large.search("web-test-")[0].name.startswith("web-test-")
    assert len(large.search("web")) == 100


@pytest.mark.proves("A3")
def test_typing_ahead_at_100_000_machines_takes_at_most_50_ms(large: MachineIndex) -> None:
    chance = random.Random(11)
    queries = ["w", "we", "99", "-12", "prod 7", "owner=mail env=dev", "rg-33", "nothing"]
    queries += [
        large.machines[chance.randrange(len(large))].name[: chance.randrange(1, 16)]
        for _ in range(192)
    ]
    spent = []
    for query in queries:
        began = time.process_time()
        large.search(query, allowed=lambda item: item.tags["env"] == "prod")
        spent.append(time.process_time() - began)
    assert sorted(spent)[int(len(spent) * 0.99) - 1] <= 0.050


@pytest.mark.proves("K5")
def test_near_names_are_found_at_100_000_machines(large: MachineIndex) -> None:
    chance = random.Random(13)
    for _ in range(20):
        wanted = chance.choice(large.machines).name
        at = chance.randrange(len(wanted) - 1)
        typed = wanted[:at] + wanted[at + 1] + wanted[at] + wanted[at + 2 :]
        assert wanted in names(large.near(typed, n=10))


def test_names_compared_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [0]

    def counted(left: str, right: str, *, most: int) -> int:
        calls[0] += 1
        return most + 1

    monkeypatch.setattr("defender.likeness.slips", counted)
    Names([f"web-{n:05}" for n in range(20_000)]).close_to("web-9999x")
    assert calls[0] <= COMPARED_MAX
