"""What may be asked for, and every reason against it at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.asking import REASON_MAX, Extension, best_policy
from approvals.events import Length, PersonId, RequestId, Until
from approvals.policy import askable, decide, may_ask, start_by
from approvals.policy_types import Policy, Who
from approvals.scope import make_scope
from approvals.verdict import Code, Needs, Refusal, Refused, Verdict
from tests.approvals.policy_samples import (
    ALICE,
    ALICE_TWO,
    ENGINEERS,
    GONE,
    ITO,
    NOW,
    SATO,
    SECURITY,
    STRANGER,
    SUZUKI,
    ask,
    machine,
    membership,
    policy,
    rule,
    vm_policy,
)

HOUR = timedelta(hours=1)


def refusals(verdict: Verdict) -> dict[Code, Refusal]:
    assert isinstance(verdict, Refused)
    return {refusal.code: refusal for refusal in verdict.refusals}


def only(verdict: Verdict) -> Refusal:
    (refusal,) = refusals(verdict).values()
    return refusal


@pytest.mark.proves("A11", "L1")
def test_a_good_request_says_who_must_agree() -> None:
    verdict = decide(policy(rule(quorum=2)), ask(), [vm_policy()], membership(), NOW)
    assert isinstance(verdict, Needs)
    assert verdict.approvers == {SATO, SUZUKI, ITO}
    assert verdict.rule.quorum == 2
    assert (verdict.rule.name, verdict.rule.version, verdict.rule.line) == ("production", "v1", 10)
    assert verdict.lapses_at == NOW + timedelta(minutes=30)


@pytest.mark.proves("A6")
def test_every_reason_comes_at_once() -> None:
    wrong = ask(ports=(23,), source="8.8.8.0/24", window=Length(60), reason=" … ")
    verdict = decide(policy(), wrong, [vm_policy()], membership(), NOW)
    assert set(refusals(verdict)) == {
        Code.PORT_NOT_IN_POLICY,
        Code.SOURCE_TOO_WIDE,
        Code.WINDOW_TOO_SHORT,
        Code.REASON_MISSING,
    }


@pytest.mark.proves("A4", "A6")
def test_a_port_outside_the_vms_policy_names_those_inside() -> None:
    refusal = only(decide(policy(), ask(ports=(22, 3389)), [vm_policy()], membership(), NOW))
    assert refusal.code is Code.PORT_NOT_IN_POLICY
    assert refusal.args == {"vm": "web-01", "ports": (3389,), "allowed": (22, 8443)}
    assert refusal.nearest == "22"


@pytest.mark.proves("A4")
def test_a_port_outside_the_rule_names_the_rule() -> None:
    only_ssh = policy(rule(ports=frozenset({22})))
    refusal = only(decide(only_ssh, ask(ports=(8443,)), [vm_policy()], membership(), NOW))
    assert (refusal.code, refusal.args["rule"]) == (Code.PORT_NOT_IN_RULE, "production")
    assert refusal.nearest == "22"


@pytest.mark.proves("A4", "A6")
def test_a_correction_never_offers_more_ports_than_were_asked_for() -> None:
    def nearest(*ports: int) -> str | None:
        verdict = decide(policy(), ask(ports=ports), [vm_policy()], membership(), NOW)
        return refusals(verdict)[Code.PORT_NOT_IN_POLICY].nearest

    assert nearest(3389) is None
    assert nearest(3389, 8443) == "8443"
    one = vm_policy({22: HOUR})
    verdict = decide(policy(), ask(ports=(3389,)), [one], membership(), NOW)
    corrected = {code: refusal.nearest for code, refusal in refusals(verdict).items()}
    assert corrected == {Code.PORT_NOT_IN_POLICY: "22", Code.WINDOW_TOO_LONG_VM: "1h"}


@pytest.mark.proves("A6", "C034")
def test_a_source_outside_azures_policy_names_what_it_accepts() -> None:
    narrow = vm_policy(sources=("203.0.113.0/28",))
    refusal = only(decide(policy(), ask(source="203.0.113.200"), [narrow], membership(), NOW))
    assert refusal.code is Code.SOURCE_NOT_IN_POLICY
    assert refusal.args["allowed"] == ("203.0.113.0/28",)
    assert refusal.nearest == "203.0.113.0/28"
    outside = vm_policy(sources=("8.8.8.0/24",))
    refusal = only(decide(policy(), ask(), [outside], membership(), NOW))
    assert (refusal.code, refusal.nearest) == (Code.SOURCE_NOT_IN_POLICY, None)


def test_a_source_is_read_strictly_again_whoever_made_it() -> None:
    refusal = only(decide(policy(), ask(source="0.0.0.0/0"), [vm_policy()], membership(), NOW))
    assert refusal.code is Code.SOURCE_ANY


@pytest.mark.parametrize(
    ("ports", "seconds", "code", "nearest"),
    [
        ((22,), 4 * 3600, Code.WINDOW_TOO_LONG_VM, "3h"),
        ((22, 8443), 2 * 3600, Code.WINDOW_TOO_LONG_VM, "1h"),
        ((22,), 299, Code.WINDOW_TOO_SHORT, "5m"),
    ],
)
@pytest.mark.proves("A6", "A7")
def test_the_smaller_cap_wins(
    ports: tuple[int, ...], seconds: int, code: Code, nearest: str
) -> None:
    asked = ask(ports=ports, window=Length(seconds))
    refusal = only(decide(policy(), asked, [vm_policy()], membership(), NOW))
    assert (refusal.code, refusal.nearest) == (code, nearest)


@pytest.mark.proves("A7")
def test_the_rules_cap_is_named_where_it_is_the_smaller_one() -> None:
    short = policy(rule(longest=timedelta(minutes=90)))
    refusal = only(decide(short, ask(), [vm_policy()], membership(), NOW))
    assert refusal.code is Code.WINDOW_TOO_LONG_RULE
    assert (refusal.args["rule"], refusal.nearest) == ("production", "1h30m")


@pytest.mark.proves("C104")
def test_an_instant_is_refused_when_it_is_over_or_too_near() -> None:
    def code(at: timedelta) -> Code:
        asked = ask(window=Until(NOW + at))
        return only(decide(policy(), asked, [vm_policy()], membership(), NOW)).code

    assert code(-HOUR) is Code.WINDOW_PAST
    assert code(timedelta(minutes=4)) is Code.WINDOW_TOO_SHORT
    assert code(5 * HOUR) is Code.WINDOW_TOO_LONG_VM


@pytest.mark.proves("C104")
def test_a_request_until_an_instant_lapses_while_there_is_something_left_to_open() -> None:
    soon = ask(window=Until(NOW + timedelta(minutes=20)))
    verdict = decide(policy(), soon, [vm_policy()], membership(), NOW)
    assert isinstance(verdict, Needs)
    assert verdict.lapses_at == NOW + timedelta(minutes=15)
    assert start_by(rule(), soon.window, NOW) == NOW + timedelta(minutes=15)
    assert start_by(rule(), Length(3600), NOW) == NOW + HOUR


@pytest.mark.proves("A9", "L1")
def test_a_ticket_is_demanded_by_pattern() -> None:
    strict = policy(rule(ticket_pattern=r"CHG-\d{4}"))

    def verdict(ticket: str) -> Verdict:
        return decide(strict, ask(ticket=ticket), [vm_policy()], membership(), NOW)

    assert isinstance(verdict("CHG-4821"), Needs)
    assert only(verdict("")).code is Code.TICKET_MISSING
    assert only(verdict("CHG-48210")).code is Code.TICKET_INVALID
    assert only(verdict("chg-4821")).nearest == "CHG-4821"


@pytest.mark.proves("A9")
def test_a_ticket_becomes_a_link_that_nothing_can_break_out_of() -> None:
    assert rule().ticket_link("CHG-1") == "https://tickets.example.com/CHG-1"
    assert rule().ticket_link("a/../b|x>") == "https://tickets.example.com/a%2F..%2Fb%7Cx%3E"
    assert rule().ticket_link("") is None


@pytest.mark.proves("A9")
def test_a_reason_is_compulsory_and_bounded() -> None:
    def code(reason: str) -> Code:
        return only(decide(policy(), ask(reason=reason), [vm_policy()], membership(), NOW)).code

    assert code("") is Code.REASON_MISSING
    assert code("!!!") is Code.REASON_MISSING
    assert code("x" * (REASON_MAX + 1)) is Code.REASON_TOO_LONG
    assert isinstance(
        decide(policy(), ask(reason="証明書の更新"), [vm_policy()], membership(), NOW), Needs
    )


@pytest.mark.proves("L1")
def test_the_first_rule_that_matches_is_the_only_one() -> None:
    strict = rule("databases", scope=make_scope(names=["db-*"]), askers=Who(people=(SATO,)))
    both = policy(strict, rule())
    refusal = only(decide(both, ask(target=machine("DB-01")), [vm_policy()], membership(), NOW))
    assert (refusal.code, refusal.args["rule"]) == (Code.VM_NOT_ALLOWED, "databases")


def test_a_vm_without_rule_or_policy_is_refused() -> None:
    elsewhere = policy(rule(scope=make_scope(tags={"env": ["test"]})))
    assert only(decide(elsewhere, ask(), [vm_policy()], membership(), NOW)).code is Code.VM_NO_RULE
    assert only(decide(policy(), ask(), [], membership(), NOW)).code is Code.VM_NO_POLICY


@pytest.mark.parametrize(
    ("security", "found"),
    [(set(), 0), ({GONE}, 0), ({ALICE}, 0), ({ALICE, ALICE_TWO}, 0)],
)
@pytest.mark.proves("A11", "C064")
def test_a_request_that_nobody_could_approve_is_refused_at_once(
    security: set[PersonId], found: int
) -> None:
    refusal = only(decide(policy(), ask(), [vm_policy()], membership(security=security), NOW))
    assert refusal.code is Code.NO_APPROVER
    assert (refusal.args["rule"], refusal.args["found"]) == ("production", found)
    assert refusal.args["administrators"] == (ITO,)


@pytest.mark.proves("A11", "B7")
def test_two_ids_of_one_person_do_not_make_a_quorum_of_two() -> None:
    two = policy(rule(quorum=2))
    members = membership(security={ALICE, ALICE_TWO, SATO})
    refusal = only(decide(two, ask(asker=SATO), [vm_policy()], members, NOW))
    assert (refusal.code, refusal.args["found"]) == (Code.NO_APPROVER, 1)


@pytest.mark.proves("C064")
def test_people_who_left_are_skipped() -> None:
    listed = policy(rule(approvers=Who(people=(GONE, SUZUKI))))
    verdict = decide(listed, ask(), [vm_policy()], membership(), NOW)
    assert isinstance(verdict, Needs)
    assert verdict.approvers == {SUZUKI}


@pytest.mark.proves("C078")
def test_groups_that_cannot_be_read_refuse_the_request() -> None:
    for members in (
        membership(missing_scope="usergroups:read"),
        membership(read_at=NOW - timedelta(seconds=61)),
    ):
        assert only(decide(policy(), ask(), [vm_policy()], members, NOW)).code is (
            Code.RIGHTS_UNKNOWN
        )


def test_of_two_policies_of_a_vm_the_one_that_has_the_port_is_used() -> None:
    iot = vm_policy({8883: HOUR}, name="iot-jit")
    default = vm_policy()
    assert best_policy([iot, default], (22,), "203.0.113.7") is default
    assert best_policy([default, iot], (8883,), "203.0.113.7") is iot
    asked = ask(ports=(8883,), window=Length(3600))
    assert isinstance(decide(policy(), asked, [default, iot], membership(), NOW), Needs)


@pytest.mark.proves("C3")
def test_extensions_are_bounded_by_the_sum_and_by_azure() -> None:
    def verdict(session: Extension, seconds: int) -> Verdict:
        asked = ask(window=Length(seconds), extends=session)
        return decide(policy(), asked, [vm_policy()], membership(), NOW)

    nearly_over = Extension(RequestId("1"), NOW - 4 * HOUR, NOW + timedelta(minutes=10))
    granted = verdict(nearly_over, 3600)
    assert isinstance(granted, Needs)
    assert granted.lapses_at == nearly_over.ends_at
    total = only(verdict(nearly_over, 2 * 3600))
    assert (total.code, total.nearest) == (Code.WINDOW_TOTAL, "1h50m")
    long_to_go = Extension(RequestId("1"), NOW - HOUR, NOW + 2 * HOUR)
    vm = only(verdict(long_to_go, 2 * 3600))
    assert (vm.code, vm.nearest) == (Code.WINDOW_TOO_LONG_VM, "1h")


@pytest.mark.proves("L1")
def test_type_ahead_shows_what_may_be_asked_for() -> None:
    both = policy(rule("db", scope=make_scope(names=["db-*"]), askers=Who(people=(SATO,))), rule())
    test = askable(both, ALICE, membership())
    assert [test(machine(name)) for name in ("web-01", "db-01")] == [True, False]
    assert may_ask(both, SATO, machine("db-01"), membership())
    assert not may_ask(both, STRANGER, machine(), membership())
    everyone = policy(rule(askers=Who(everyone=True)))
    assert may_ask(everyone, STRANGER, machine(), membership())
    assert not may_ask(everyone, GONE, machine(), membership())


people = st.sampled_from([ALICE, ALICE_TWO, SATO, SUZUKI, ITO, GONE, STRANGER])


@given(
    asker=people,
    security=st.sets(people),
    engineers=st.sets(people),
    aliases=st.lists(st.frozensets(people, min_size=2, max_size=3), max_size=2),
    quorum=st.integers(1, 3),
)
@pytest.mark.proves("B9")
def test_the_asker_is_never_among_those_who_are_asked(
    asker: PersonId,
    security: set[PersonId],
    engineers: set[PersonId],
    aliases: list[frozenset[PersonId]],
    quorum: int,
) -> None:
    rules = (rule(askers=Who((ENGINEERS,), everyone=True), quorum=quorum),)
    rules_of = Policy(rules, tuple(aliases), frozenset(), "v1")
    members = membership(security=security, engineers=engineers)
    verdict = decide(rules_of, ask(asker=asker), [vm_policy()], members, NOW)
    if isinstance(verdict, Needs):
        assert not verdict.approvers & rules_of.same_person(asker)
        assert rules_of.persons(verdict.approvers) >= quorum
        assert not verdict.approvers & members.inactive
        assert verdict.approvers <= security
        assert verdict.rule.groups == (SECURITY,)
