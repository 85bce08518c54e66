"""What a rule lets a change ask for: judged when it is filed and at each click. Pure."""

from __future__ import annotations

from datetime import timedelta

from approvals.changes import AzureChange
from approvals.policy_types import RuleSpec
from approvals.verdict import Code, Field, Refusal
from approvals.window import length_text


def over_limits(rule: RuleSpec, change: AzureChange) -> list[Refusal]:
    """What the rule allows people to ask for is also what it lets into a VM's policy.

    An undo is not judged: it brings back what was in force, and approvers see it port by port.
    """
    if change.deed not in ("enable", "edit"):
        return []
    ports = [port for entry in change.entries for port in entry.ports]
    found: list[Refusal] = []
    numbers = {port.number for port in ports}
    if rule.ports is not None and (outside := sorted(numbers - rule.ports)):
        args = {"rule": rule.name, "ports": tuple(outside), "allowed": tuple(sorted(rule.ports))}
        found.append(Refusal(Code.PORT_NOT_IN_RULE, Field.PORTS, args))
    longest = timedelta(seconds=max((p.longest_seconds for p in ports), default=0))
    if longest > rule.longest:
        too_long = {"rule": rule.name, "longest": rule.longest}
        nearest = length_text(rule.longest)
        found.append(Refusal(Code.WINDOW_TOO_LONG_RULE, Field.WINDOW, too_long, nearest))
    return found
