"""The policy on a change to Azure: one rule for all its targets, four eyes as for access. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from approvals.asking import check_reason, check_ticket
from approvals.change_limits import over_limits
from approvals.changes import AzureChange
from approvals.events import PersonId
from approvals.membership import Membership
from approvals.policy import approvers_of, asker_refusal, too_few
from approvals.policy_types import Policy
from approvals.verdict import Code, Field, Needs, Refusal, Refused, Verdict


@dataclass(frozen=True, slots=True)
class ChangeAsk:
    """A change as somebody asks for it."""

    change: AzureChange
    reason: str
    ticket: str
    asker: PersonId


def decide_change(policy: Policy, ask: ChangeAsk, membership: Membership, now: datetime) -> Verdict:
    """Every reason against at once, or who must agree. Never automatic."""
    targets = ask.change.targets
    rule = policy.rule_for_all(targets, ask.change.KIND)
    if rule is None:
        return Refused((_no_rule(policy, ask.change),))
    found = [
        asker_refusal(rule, ask.asker, targets[0].name, membership, now),
        check_reason(ask.reason),
        check_ticket(rule, ask.ticket),
        *over_limits(rule, ask.change),
    ]
    approvers = approvers_of(policy, rule, ask.asker, membership)
    found.append(too_few(policy, rule, approvers, membership, now))
    refusals = tuple(refusal for refusal in found if refusal is not None)
    if refusals:
        return Refused(refusals)
    return Needs(rule.as_filed(policy.version), approvers, now + rule.lapse_after)


def _no_rule(policy: Policy, change: AzureChange) -> Refusal:
    """Which target nobody may ask for; else they are under different rules."""
    bare = [t for t in change.targets if policy.rule_for(t, change.KIND) is None]
    if bare:
        name = bare[0].name or bare[0].subscription_name or bare[0].subscription_id
        return Refusal(Code.KIND_NO_RULE, Field.VM, {"vm": name})
    names = tuple(target.name for target in change.targets)
    return Refusal(Code.TARGETS_APART, Field.VM, {"vms": names})
