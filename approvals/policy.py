"""The policy decides: who may ask for what, what is refused and why, who may answer. Pure.

It is asked twice: when a request is made (`decide`) and at each click (`approver_rights` and the
others), since rules and groups change while a request waits. What Azure's own policy of the VM
would refuse is refused here, before anybody is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from approvals.asking import Ask, Extension, check_ask
from approvals.change_limits import over_limits
from approvals.events import SHORTEST_WINDOW, Kind, PersonId, Terms, Until, Window
from approvals.membership import Membership
from approvals.policy_types import Policy, RuleSpec, Who
from approvals.request import Request
from approvals.scope import Place
from approvals.source import parse_source
from approvals.verdict import (
    Code,
    Field,
    Granted,
    Needs,
    Refusal,
    Refused,
    Rights,
    Verdict,
)
from approvals.window import length_at
from defender.jit import VmPolicy

__all__ = [
    "Ask",
    "Extension",
    "Policy",
    "RuleSpec",
    "Who",
    "admin_rights",
    "approver_rights",
    "askable",
    "decide",
    "decider_rights",
    "may_ask",
    "revoke_rights",
    "rule_of",
    "start_by",
]

#: What `Granted.group` says where no group or list of a rule gave the right.
ADMINISTRATORS = "administrators"
REQUESTER = "requester"


def decide(
    policy: Policy,
    ask: Ask,
    vm_policies: Sequence[VmPolicy],
    membership: Membership,
    now: datetime,
) -> Verdict:
    """Every reason against at once, or who must agree. Never automatic."""
    rule = policy.rule_for(ask.machine)
    if rule is None:
        return _refused(Code.VM_NO_RULE, Field.VM, vm=ask.machine.name)
    may = asker_refusal(rule, ask.asker, ask.machine.name, membership, now)
    refusals = [may] if may else []
    refusals += check_ask(rule, ask, vm_policies, now)
    approvers = approvers_of(policy, rule, ask.asker, membership)
    if few := too_few(policy, rule, approvers, membership, now):
        refusals.append(few)
    if refusals:
        return Refused(tuple(refusals))
    return Needs(rule.as_filed(policy.version), approvers, lapses_at(rule, ask, now))


def lapses_at(rule: RuleSpec, ask: Ask, now: datetime) -> datetime:
    """When the request is over without an answer: before its window makes no sense any more."""
    lapses = now + rule.lapse_after
    if isinstance(ask.window, Until):
        lapses = min(lapses, ask.window.at - SHORTEST_WINDOW)
    return min(lapses, ask.extends.ends_at) if ask.extends else lapses


def start_by(rule: RuleSpec, window: Window, now: datetime) -> datetime:
    """Until when an approved request may open; an until-window of 5 minutes is the last moment."""
    deadline = now + rule.start_within
    return min(deadline, window.at - SHORTEST_WINDOW) if isinstance(window, Until) else deadline


def rule_of(policy: Policy, request: Request) -> RuleSpec | None:
    """The rule of what is asked for today: the same for every target, or none."""
    return policy.rule_for_all(request.targets, request.kind)


# --- at each click ----------------------------------------------------------------------------


def approver_rights(
    policy: Policy,
    request: Request,
    actor: PersonId,
    membership: Membership,
    now: datetime,
    *,
    terms: Terms | None = None,
) -> Rights:
    """Whether `actor` may say yes now; with `terms`, whether today's rule still allows those."""
    given = next((a for a in request.approvals if _is_same(policy, a.approver, actor)), None)
    if given:
        return _refused(Code.ALREADY_APPROVED, Field.REQUEST, at=given.at)
    rights = decider_rights(policy, request, actor, membership, now)
    if isinstance(rights, Refused):
        return rights
    rule = rule_of(policy, request)
    if rule is None or not _still_allowed(rule, request, terms or request.terms, now):
        return _rule_changed(request, rule)
    if rule.askers.via(request.requester, membership) is None:
        return _refused(
            Code.REQUESTER_GONE, Field.REQUEST, requester=request.requester, rule=rule.name
        )
    return rights


def decider_rights(
    policy: Policy, request: Request, actor: PersonId, membership: Membership, now: datetime
) -> Rights:
    """Whether `actor` may decide (deny, too): never the requester, by any of his ids."""
    if _is_own(policy, request, actor):
        return _refused(Code.OWN_REQUEST, Field.REQUEST, requester=request.requester)
    return _as_approver(policy, request, actor, membership, now)


def revoke_rights(
    policy: Policy, request: Request, actor: PersonId, membership: Membership, now: datetime
) -> Rights:
    """Whether `actor` may close what is open: approvers, administrators, and the requester."""
    if actor not in membership.inactive:
        if _is_own(policy, request, actor):
            return Granted(REQUESTER, request.rule.name, policy.version, now)
        if actor in policy.administrators:
            return Granted(ADMINISTRATORS, request.rule.name, policy.version, now)
    return _as_approver(policy, request, actor, membership, now)


def admin_rights(policy: Policy, actor: PersonId, membership: Membership, now: datetime) -> Rights:
    """Whether `actor` is one of the settings' administrators (`/audit`, `audit resume`)."""
    if actor in membership.inactive:
        return _refused(Code.PERSON_INACTIVE, Field.REQUEST, person=actor)
    if actor in membership.guests:
        return _refused(Code.GUEST, Field.REQUEST, rule="")
    if actor not in policy.administrators:
        administrators = tuple(sorted(policy.administrators))
        return _refused(Code.NOT_ADMIN, Field.REQUEST, administrators=administrators)
    if _is_unknown(membership, now):
        return _unknown(membership)
    return Granted(ADMINISTRATORS, ADMINISTRATORS, policy.version, membership.read_at)


# --- type-ahead -------------------------------------------------------------------------------


def may_ask(
    policy: Policy,
    person: PersonId,
    machine: Place,
    membership: Membership,
    kind: Kind = Kind.JIT_ACCESS,
) -> bool:
    """Whether the VM's rule lets this person ask. For many VMs take `askable` once."""
    return askable(policy, person, membership, kind)(machine)


def askable(
    policy: Policy, person: PersonId, membership: Membership, kind: Kind = Kind.JIT_ACCESS
) -> Callable[[Place], bool]:
    """A test for VMs with the person's groups looked up once, not once per VM."""
    allowed = {
        rule.name for rule in policy.rules if rule.askers.via(person, membership) is not None
    }

    def test(machine: Place) -> bool:
        rule = policy.rule_for(machine, kind)
        return rule is not None and rule.name in allowed

    return test


# --- helpers ----------------------------------------------------------------------------------


def asker_refusal(
    rule: RuleSpec, asker: PersonId, name: str, membership: Membership, now: datetime
) -> Refusal | None:
    """Why this person may not ask for what is called `name`, or None."""
    if asker in membership.inactive:
        return Refusal(Code.PERSON_INACTIVE, Field.REQUEST, {"person": asker})
    if _is_unknown(membership, now):
        return _unknown(membership).refusals[0]
    if rule.askers.shuts_out(asker, membership):
        return Refusal(Code.GUEST, Field.REQUEST, {"rule": rule.name})
    if rule.askers.via(asker, membership) is not None:
        return None
    args = {
        "vm": name,
        "rule": rule.name,
        "groups": rule.askers.groups,
        "people": rule.askers.people,
    }
    return Refusal(Code.VM_NOT_ALLOWED, Field.VM, args)


def approvers_of(
    policy: Policy, rule: RuleSpec, asker: PersonId, membership: Membership
) -> frozenset[PersonId]:
    """Who could say yes to this asker."""
    return rule.approvers.everybody(membership) - policy.same_person(asker)


def too_few(
    policy: Policy,
    rule: RuleSpec,
    approvers: frozenset[PersonId],
    membership: Membership,
    now: datetime,
) -> Refusal | None:
    """The quorum is out of reach, as far as groups could be read."""
    if policy.persons(approvers) >= rule.quorum or _is_unknown(membership, now):
        return None
    args = {
        "rule": rule.name,
        "quorum": rule.quorum,
        "found": policy.persons(approvers),
        "groups": rule.approvers.groups,
        "people": rule.approvers.people,
        "administrators": tuple(sorted(policy.administrators)),
    }
    return Refusal(Code.NO_APPROVER, Field.REQUEST, args)


def _as_approver(
    policy: Policy, request: Request, actor: PersonId, membership: Membership, now: datetime
) -> Rights:
    if actor in membership.inactive:
        return _refused(Code.PERSON_INACTIVE, Field.REQUEST, person=actor)
    if _is_unknown(membership, now):
        return _unknown(membership)
    # The rule that catches the VM today, which may be another than the one it was filed under.
    rule = rule_of(policy, request)
    if rule is None:
        return _rule_changed(request, None)
    if rule.approvers.shuts_out(actor, membership):
        return _refused(Code.GUEST, Field.REQUEST, rule=rule.name)
    via = rule.approvers.via(actor, membership)
    if via is not None:
        return Granted(via, rule.name, policy.version, membership.read_at)
    if group := rule.approvers.unreadable(membership):
        return _refused(Code.RIGHTS_UNKNOWN, Field.REQUEST, scope="", group=group)
    return _refused(
        Code.NOT_APPROVER,
        Field.REQUEST,
        rule=rule.name,
        groups=rule.approvers.groups,
        people=rule.approvers.people,
    )


def _still_allowed(rule: RuleSpec, request: Request, terms: Terms, now: datetime) -> bool:
    """Whether today's rule would let these terms be asked for with the yeses filed."""
    if rule.quorum > request.rule.quorum:
        return False
    if request.change is not None:
        return not over_limits(rule, request.change)
    if rule.ports is not None and not set(terms.ports) <= rule.ports:
        return False
    # An extension counts from its session's end; only the decision at filing knows that.
    if request.extends is None and length_at(terms.window, now) > rule.longest:
        return False
    return not isinstance(parse_source(terms.source, rule.networks), Refusal)


def _is_own(policy: Policy, request: Request, actor: PersonId) -> bool:
    return request.is_same_person(actor) or _is_same(policy, request.requester, actor)


def _is_same(policy: Policy, one: PersonId, other: PersonId) -> bool:
    return other in policy.same_person(one)


def _is_unknown(membership: Membership, now: datetime) -> bool:
    return membership.missing_scope is not None or not membership.is_fresh(now)


def _unknown(membership: Membership) -> Refused:
    return _refused(
        Code.RIGHTS_UNKNOWN, Field.REQUEST, scope=membership.missing_scope or "", group=""
    )


def _rule_changed(request: Request, rule: RuleSpec | None) -> Refused:
    return _refused(
        Code.RULE_CHANGED, Field.REQUEST, rule=request.rule.name, now=rule.name if rule else ""
    )


def _refused(code: Code, field: Field, **args: object) -> Refused:
    return Refused((Refusal(code, field, args),))
