"""A rule is for the kinds it names; a change needs one rule that is for all of its targets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from approvals.change_limits import over_limits
from approvals.changes import JitPolicyChange
from approvals.changes.jit_policy import JitEntry, JitPort
from approvals.events import Kind
from approvals.policy import may_ask
from approvals.policy_types import ACCESS_ALONE, Policy
from approvals.scope import make_scope
from approvals.verdict import Code
from tests.approvals.policy_samples import ALICE, machine, membership, policy, rule

OF_POLICIES = frozenset({Kind.JIT_POLICY})


def rules() -> Policy:
    databases = rule("databases", scope=make_scope(names=["db-*"]))
    web = replace(rule("web", scope=make_scope(names=["web-*"]), quorum=2), kinds=OF_POLICIES)
    both = replace(rule("all"), kinds=ACCESS_ALONE | OF_POLICIES)
    return policy(databases, web, both)


def test_a_rule_without_kinds_is_for_access_alone() -> None:
    assert rule().kinds == ACCESS_ALONE
    found = policy(rule())
    assert may_ask(found, ALICE, machine(), membership())
    assert not may_ask(found, ALICE, machine(), membership(), Kind.JIT_POLICY)


def test_what_a_rule_does_not_have_falls_through_to_the_next() -> None:
    db_01 = machine("db-01")
    access, change = rules().rule_for(db_01), rules().rule_for(db_01, Kind.JIT_POLICY)
    assert access is not None
    assert change is not None
    assert (access.name, change.name) == ("databases", "all")
    assert rules().rule_for(db_01, Kind.PLAN) is None


def test_one_rule_must_be_for_every_target() -> None:
    web, other, db = machine("web-01"), machine("web-02"), machine("db-01")
    found = rules().rule_for_all([web, other], Kind.JIT_POLICY)
    assert found is not None
    assert (found.name, found.quorum) == ("web", 2)
    assert rules().rule_for_all([web, db], Kind.JIT_POLICY) is None
    assert rules().rule_for_all([], Kind.JIT_POLICY) is None
    assert rules().rule_for_all([web], Kind.PLAN) is None


def test_no_machine_hides_what_another_asks_for() -> None:
    """The same port of two machines, the long one first or last."""
    short, long = JitPort(22, 3600), JitPort(22, 86400)
    limited = replace(rule("web"), longest=timedelta(hours=4))
    for ports in ((short, long), (long, short)):
        entries = tuple(
            JitEntry(f"/vm-{n}", "/policies/default", "japaneast", (port,))
            for n, port in enumerate(ports)
        )
        change = JitPolicyChange(targets=(), deed="edit", entries=entries)
        assert [found.code for found in over_limits(limited, change)] == [Code.WINDOW_TOO_LONG_RULE]
