"""Slack's guests ask only where a rule says so, and never decide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approvals.events import PersonId
from approvals.membership import Membership
from approvals.policy import (
    admin_rights,
    approver_rights,
    askable,
    decide,
    decider_rights,
    revoke_rights,
)
from approvals.policy_types import Who
from approvals.verdict import Code, Granted, Needs, Refused
from tests.approvals.policy_samples import (
    ALICE,
    ENGINEERS,
    ITO,
    NOW,
    SATO,
    SECURITY,
    SUZUKI,
    YAMADA,
    ask,
    machine,
    membership,
    policy,
    request,
    rule,
    vm_policy,
)

GUEST = YAMADA
BY_GROUP = Who(groups=(ENGINEERS,))
BY_NAME = Who(people=(GUEST,))
EVERYONE = Who(everyone=True)


def members(*guests: PersonId) -> Membership:
    return replace(membership(), guests=frozenset(guests))


def codes(answer: object) -> list[Code]:
    assert isinstance(answer, Refused)
    return [refusal.code for refusal in answer.refusals]


@pytest.mark.proves("O1")
@pytest.mark.parametrize("askers", [BY_GROUP, BY_NAME, EVERYONE])
def test_a_guest_asks_only_where_the_rule_says_so(askers: Who) -> None:
    for may, who in ((False, askers), (True, replace(askers, guests=True))):
        rules, found = policy(rule(askers=who)), members(GUEST)
        verdict = decide(rules, ask(asker=GUEST), [vm_policy()], found, NOW)
        assert askable(rules, GUEST, found)(machine()) is may
        if may:
            assert isinstance(verdict, Needs)
        else:
            assert codes(verdict) == [Code.GUEST]


@pytest.mark.proves("O1")
def test_a_guest_who_is_no_asker_is_none_by_being_a_guest() -> None:
    stranger = PersonId("U0STRANGE")
    rules = policy(rule(askers=replace(BY_GROUP, guests=True)))
    verdict = decide(rules, ask(asker=stranger), [vm_policy()], members(stranger), NOW)
    assert codes(verdict) == [Code.VM_NOT_ALLOWED]


@pytest.mark.proves("O1", "B12")
def test_a_guest_never_decides_even_where_guests_may_ask() -> None:
    rules = policy(rule(askers=replace(EVERYONE, guests=True)))
    found = members(SATO)
    for rights in (
        approver_rights(rules, request(), SATO, found, NOW),
        decider_rights(rules, request(), SATO, found, NOW),
        revoke_rights(rules, request(), SATO, found, NOW),
    ):
        assert codes(rights) == [Code.GUEST]
    assert isinstance(approver_rights(rules, request(), SUZUKI, found, NOW), Granted)


@pytest.mark.proves("O1")
def test_a_quorum_counts_no_guests() -> None:
    rules = policy(rule(quorum=2))
    verdict = decide(rules, ask(), [vm_policy()], members(SATO, SUZUKI), NOW)
    assert codes(verdict) == [Code.NO_APPROVER]
    enough = decide(rules, ask(), [vm_policy()], members(SATO), NOW)
    assert isinstance(enough, Needs)
    assert SATO not in enough.approvers


def test_who_became_a_guest_while_a_request_waited_decides_no_more() -> None:
    asked = request()
    assert isinstance(approver_rights(policy(), asked, SATO, members(), NOW), Granted)
    assert codes(approver_rights(policy(), asked, SATO, members(SATO), NOW)) == [Code.GUEST]


def test_a_guest_closes_his_own_session() -> None:
    rights = revoke_rights(policy(), request(requester=GUEST), GUEST, members(GUEST), NOW)
    assert isinstance(rights, Granted)


def test_a_guest_is_no_administrator() -> None:
    assert codes(admin_rights(policy(), ITO, members(ITO), NOW)) == [Code.GUEST]
    assert isinstance(admin_rights(policy(), ITO, members(ALICE), NOW), Granted)


def test_approvers_may_not_be_guests_by_any_setting() -> None:
    assert rule(approvers=Who(groups=(SECURITY,))).approvers.guests is False
