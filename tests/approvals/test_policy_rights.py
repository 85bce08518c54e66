"""Who may answer, looked up at the click."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.events import Length, PersonId, Terms
from approvals.policy import (
    ADMINISTRATORS,
    REQUESTER,
    admin_rights,
    approver_rights,
    decider_rights,
    revoke_rights,
)
from approvals.policy_types import Policy, Who
from approvals.scope import make_scope
from approvals.verdict import Code, Granted, Refused, Rights
from tests.approvals.policy_samples import (
    ALICE,
    ALICE_TWO,
    GONE,
    ITO,
    NOW,
    SATO,
    SECURITY,
    STRANGER,
    SUZUKI,
    YAMADA,
    membership,
    policy,
    request,
    rule,
)


def code(rights: Rights) -> Code:
    assert isinstance(rights, Refused)
    (refusal,) = rights.refusals
    return refusal.code


@pytest.mark.proves("B4", "B12")
def test_an_approver_is_one_through_a_group_that_is_recorded() -> None:
    rights = approver_rights(policy(version="v9"), request(), SUZUKI, membership(), NOW)
    assert rights == Granted(SECURITY, "production", "v9", NOW)


@pytest.mark.parametrize("actor", [ALICE, ALICE_TWO])
@pytest.mark.proves("B9", "FAULT-2")
def test_nobody_decides_his_own_request_by_any_id(actor: PersonId) -> None:
    members = membership(security={ALICE, ALICE_TWO, SATO})
    for decide in (approver_rights, decider_rights):
        assert code(decide(policy(), request(), actor, members, NOW)) is Code.OWN_REQUEST


@pytest.mark.proves("B9", "FAULT-2")
def test_an_administrator_approves_neither_his_own_nor_others_by_that() -> None:
    members = membership(security={SATO})
    assert code(approver_rights(policy(), request(), ITO, members, NOW)) is Code.NOT_APPROVER
    own = request(requester=ITO)
    assert code(approver_rights(policy(), own, ITO, membership(), NOW)) is Code.OWN_REQUEST


@pytest.mark.proves("B11", "B12", "FAULT-32")
def test_who_left_the_group_after_the_request_was_made_is_refused() -> None:
    asked = request()
    assert isinstance(approver_rights(policy(), asked, SUZUKI, membership(), NOW), Granted)
    members = membership(security={SATO})
    assert code(approver_rights(policy(), asked, SUZUKI, members, NOW)) is Code.NOT_APPROVER
    assert code(approver_rights(policy(), asked, STRANGER, members, NOW)) is Code.NOT_APPROVER


@pytest.mark.proves("B11", "B12")
def test_nobody_can_approve_for_a_requester_who_has_left() -> None:
    """Out of the group or out of Slack; a denial is still possible."""
    moved, gone = membership(engineers={YAMADA}), membership(inactive={ALICE})
    for members in (moved, gone):
        rights = approver_rights(policy(), request(), SUZUKI, members, NOW)
        assert code(rights) is Code.REQUESTER_GONE
        assert isinstance(decider_rights(policy(), request(), SUZUKI, members, NOW), Granted)


@pytest.mark.proves("B12", "C064")
def test_a_deactivated_approver_is_refused() -> None:
    members = membership(security={GONE, SATO})
    assert code(approver_rights(policy(), request(), GONE, members, NOW)) is Code.PERSON_INACTIVE


@pytest.mark.parametrize(
    "members",
    [
        membership(missing_scope="usergroups:read"),
        membership(read_at=NOW - timedelta(seconds=61)),
        membership(read_at=NOW + timedelta(seconds=61)),
        membership(security=set()),
    ],
    ids=["scope removed", "too old", "from the future", "group disabled"],
)
@pytest.mark.proves("C078", "B12")
def test_rights_that_cannot_be_checked_now_are_no_rights(members: object) -> None:
    assert isinstance(members, type(membership()))
    for decide in (approver_rights, decider_rights):
        assert code(decide(policy(), request(), SUZUKI, members, NOW)) is Code.RIGHTS_UNKNOWN


@pytest.mark.proves("C078")
def test_the_missing_scope_is_named() -> None:
    members = membership(missing_scope="usergroups:read")
    rights = approver_rights(policy(), request(), SUZUKI, members, NOW)
    assert isinstance(rights, Refused)
    assert rights.refusals[0].args == {"scope": "usergroups:read", "group": ""}


@pytest.mark.proves("FAULT-32", "B12")
def test_the_rule_of_today_decides_not_the_one_of_the_request() -> None:
    asked = request()
    databases = rule("vault", scope=make_scope(names=["web-*"]), approvers=Who(people=(SATO,)))
    now_strict = policy(databases, rule(), version="v2")
    assert code(approver_rights(now_strict, asked, SUZUKI, membership(), NOW)) is (
        Code.NOT_APPROVER
    )
    granted = approver_rights(now_strict, asked, SATO, membership(), NOW)
    assert granted == Granted("people", "vault", "v2", NOW)


@pytest.mark.parametrize(
    "changed",
    [
        rule(quorum=2),
        rule(ports=frozenset({8443})),
        rule(longest=timedelta(hours=1)),
    ],
    ids=["more yeses", "fewer ports", "shorter"],
)
@pytest.mark.proves("FAULT-32")
def test_terms_that_todays_rule_would_refuse_are_not_approved(changed: object) -> None:
    assert isinstance(changed, type(rule()))
    rights = approver_rights(policy(changed), request(), SUZUKI, membership(), NOW)
    assert code(rights) is Code.RULE_CHANGED
    # Denying is always possible: it opens nothing.
    denied = decider_rights(policy(changed), request(), SUZUKI, membership(), NOW)
    assert isinstance(denied, Granted)


@pytest.mark.proves("B5")
def test_narrower_terms_can_be_approved_when_the_rule_became_narrower() -> None:
    short = policy(rule(longest=timedelta(hours=1)))
    less = Terms((22,), "203.0.113.7", Length(3600))
    rights = approver_rights(short, request(), SUZUKI, membership(), NOW, terms=less)
    assert isinstance(rights, Granted)


@pytest.mark.proves("FAULT-32")
def test_a_request_whose_rule_is_gone_cannot_be_approved() -> None:
    elsewhere = policy(rule(scope=make_scope(names=["db-*"])))
    assert code(approver_rights(elsewhere, request(), SUZUKI, membership(), NOW)) is (
        Code.RULE_CHANGED
    )


@pytest.mark.proves("B7", "B11")
def test_one_person_says_yes_once_whichever_id_he_uses() -> None:
    two = rule(quorum=2)
    asked = request(two, requester=YAMADA, approvals=(ALICE,))
    members = membership(security={ALICE, ALICE_TWO, SATO})
    for actor in (ALICE, ALICE_TWO):
        assert code(approver_rights(policy(two), asked, actor, members, NOW)) is (
            Code.ALREADY_APPROVED
        )
    assert isinstance(approver_rights(policy(two), asked, SATO, members, NOW), Granted)


@pytest.mark.proves("C5")
def test_closing_is_for_approvers_administrators_and_the_requester() -> None:
    asked = request()

    def group(actor: PersonId) -> str:
        members = membership(security={SATO})
        rights = revoke_rights(policy(), asked, actor, members, NOW)
        assert isinstance(rights, Granted)
        return rights.group

    assert [group(SATO), group(ITO), group(ALICE_TWO)] == [SECURITY, ADMINISTRATORS, REQUESTER]
    assert code(revoke_rights(policy(), asked, YAMADA, membership(), NOW)) is Code.NOT_APPROVER


def test_an_administrator_closes_even_when_groups_cannot_be_read() -> None:
    blind = membership(missing_scope="usergroups:read")
    assert isinstance(revoke_rights(policy(), request(), ITO, blind, NOW), Granted)
    assert code(revoke_rights(policy(), request(), SATO, blind, NOW)) is Code.RIGHTS_UNKNOWN


def test_only_listed_administrators_search_the_audit_log() -> None:
    assert isinstance(admin_rights(policy(), ITO, membership(), NOW), Granted)
    assert code(admin_rights(policy(), SATO, membership(), NOW)) is Code.NOT_ADMIN
    gone = membership(inactive={ITO})
    assert code(admin_rights(policy(), ITO, gone, NOW)) is Code.PERSON_INACTIVE


people = st.sampled_from([ALICE, ALICE_TWO, SATO, SUZUKI, ITO, YAMADA, GONE, STRANGER])


@given(
    requester=people,
    actor=people,
    security=st.sets(people),
    aliases=st.lists(st.frozensets(people, min_size=2, max_size=3), max_size=3),
    age=st.integers(-120, 120),
)
@pytest.mark.proves("B9", "FAULT-2")
def test_a_right_to_decide_is_never_the_requesters(
    requester: PersonId,
    actor: PersonId,
    security: set[PersonId],
    aliases: list[frozenset[PersonId]],
    age: int,
) -> None:
    rules = Policy((rule(),), tuple(aliases), frozenset({ITO}), "v1")
    members = membership(security=security, read_at=NOW + timedelta(seconds=age))
    rights = approver_rights(rules, request(requester=requester), actor, members, NOW)
    if isinstance(rights, Granted):
        assert actor != requester
        assert requester not in rules.same_person(actor)
        assert actor in security - members.inactive
        assert abs(age) <= 60
