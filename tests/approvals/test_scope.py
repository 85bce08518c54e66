"""Which VMs a rule is for."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.scope import Scope, fold, make_scope
from tests.approvals.policy_samples import SUBSCRIPTION, machine

WEB = machine("web-01", group="rg-shop-prod", tags={"env": "prod", "owner": "shop"})


@pytest.mark.parametrize(
    ("scope", "is_match"),
    [
        (make_scope(names=["*"]), True),
        (make_scope(names=["WEB-*"]), True),
        (make_scope(names=["db-*", "web-0?"]), True),
        (make_scope(names=["web"]), False),
        (make_scope(names=["ｗｅｂ-01"]), True),
        (make_scope(resource_groups=["RG-shop-*"]), True),
        (make_scope(resource_groups=["rg-batch"]), False),
        (make_scope(subscriptions=[SUBSCRIPTION.upper()]), True),
        (make_scope(subscriptions=["00000000-0000-0000-0000-000000000002"]), False),
        (make_scope(tags={"Env": ["PROD", "stage"]}), True),
        (make_scope(tags={"env": ["prod"], "owner": ["shop"]}), True),
        (make_scope(tags={"env": ["prod"], "tier": ["*"]}), False),
        (make_scope(names=["web-*"], tags={"env": ["test"]}), False),
        (make_scope(names=["web-01.*"]), False),
    ],
)
@pytest.mark.proves("L1")
def test_every_dimension_must_match(scope: Scope, is_match: bool) -> None:
    assert scope.matches(WEB) is is_match


@pytest.mark.proves("L1", "C124")
def test_a_composed_pattern_matches_a_decomposed_tag() -> None:
    there = machine(tags={"役割": "カ\u3099ード"})
    assert make_scope(tags={"役割": ["ガード"]}).matches(there)


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [
        (make_scope(names=["*"]), make_scope(names=["db-*"]), True),
        (make_scope(names=["*"]), make_scope(subscriptions=[SUBSCRIPTION]), True),
        (make_scope(names=["db-*"]), make_scope(names=["db-1?"]), True),
        (make_scope(names=["db-?"]), make_scope(names=["db-*"]), False),
        (make_scope(names=["db-*"]), make_scope(names=["*"]), False),
        (make_scope(names=["db-*"]), make_scope(tags={"env": ["prod"]}), False),
        (make_scope(tags={"env": ["*"]}), make_scope(names=["db-*"]), False),
        (make_scope(tags={"env": ["p*"]}), make_scope(names=["x"], tags={"env": ["prod"]}), True),
        (
            make_scope(subscriptions=[SUBSCRIPTION]),
            make_scope(subscriptions=[SUBSCRIPTION], names=["a"]),
            True,
        ),
        (make_scope(subscriptions=[SUBSCRIPTION]), make_scope(names=["a"]), False),
    ],
)
@pytest.mark.proves("L4")
def test_whether_one_scope_holds_all_of_another(wide: Scope, narrow: Scope, covers: bool) -> None:
    assert wide.covers(narrow) is covers


globs = st.lists(st.text(alphabet="ab-*?", min_size=1, max_size=6), min_size=1, max_size=2)


@given(globs, globs, st.text(alphabet="ab-x", max_size=8))
@pytest.mark.proves("L4")
def test_what_is_covered_never_matches_outside(
    wide: list[str], narrow: list[str], name: str
) -> None:
    outer, inner = make_scope(names=wide), make_scope(names=narrow)
    vm = machine(name)
    assert inner.matches(vm) == any(fnmatch.fnmatchcase(name, glob) for glob in narrow)
    if outer.covers(inner) and inner.matches(vm):
        assert outer.matches(vm)


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(fold(fold(text)))
