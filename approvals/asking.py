"""What a person asks for, checked against the rule and the VM's own policies in Azure. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.events import SHORTEST_WINDOW, Length, PersonId, RequestId, Until, Window
from approvals.policy_types import RuleSpec
from approvals.source import Source, canonical, parse_source, within
from approvals.verdict import Code, Field, Refusal
from approvals.window import length_text
from defender.jit import VmPolicy
from defender.records import Machine

#: What the form's field takes; the audit entry and Azure's justification carry it whole.
REASON_MAX = 500
TICKET_MAX = 64


@dataclass(frozen=True, slots=True)
class Extension:
    """The session that is to last longer. The window asked for is added to its end."""

    session: RequestId
    opened_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Ask:
    """What was typed or chosen, parsed. `ports` in any order, each once."""

    machine: Machine
    ports: tuple[int, ...]
    source: Source
    window: Window
    reason: str
    ticket: str
    asker: PersonId
    extends: Extension | None = None


def check_ask(
    rule: RuleSpec, ask: Ask, vm_policies: Sequence[VmPolicy], now: datetime
) -> list[Refusal]:
    """Everything that is wrong with it, field by field."""
    entry = best_policy(vm_policies, ask.ports, ask.source.prefix)
    found = [
        *_check_ports(rule, ask, entry),
        _check_source(rule, ask, entry),
        _check_window(rule, ask, entry, now),
        check_reason(ask.reason),
        check_ticket(rule, ask.ticket),
    ]
    return [refusal for refusal in found if refusal]


def best_policy(
    vm_policies: Sequence[VmPolicy], ports: Sequence[int], source: str
) -> VmPolicy | None:
    """Of the VM's policies the one that takes most of this; one call to Azure uses one policy."""

    def fit(entry: VmPolicy) -> tuple[int, int, timedelta]:
        rules = [rule for number in ports if (rule := entry.port(number))]
        admitted = sum(within(source, rule.allowed_sources) for rule in rules)
        return len(rules), admitted, min((rule.longest for rule in rules), default=timedelta())

    return max(vm_policies, key=fit, default=None)


def longest_of(entry: VmPolicy, ports: Sequence[int]) -> timedelta | None:
    """The VM's cap for these ports together; None where it has none of them."""
    return min((rule.longest for n in ports if (rule := entry.port(n))), default=None)


def _check_ports(rule: RuleSpec, ask: Ask, entry: VmPolicy | None) -> list[Refusal | None]:
    if entry is None:
        return [Refusal(Code.VM_NO_POLICY, Field.VM, {"vm": ask.machine.name})]
    offered = tuple(sorted(port.number for port in entry.ports))
    usable = tuple(port for port in offered if rule.ports is None or port in rule.ports)
    nearest = ",".join(map(str, _nearest_ports(rule, ask, entry))) or None
    if not ask.ports:
        return [Refusal(Code.PORT_MISSING, Field.PORTS, {"allowed": usable}, nearest)]
    outside = tuple(sorted(set(ask.ports) - set(offered)))
    forbidden = tuple(sorted(set(ask.ports) - set(outside) - set(usable)))
    found: list[Refusal | None] = []
    if outside:
        args = {"vm": ask.machine.name, "ports": outside, "allowed": usable or offered}
        found.append(Refusal(Code.PORT_NOT_IN_POLICY, Field.PORTS, args, nearest))
    if forbidden:
        args = {"rule": rule.name, "ports": forbidden, "allowed": usable}
        found.append(Refusal(Code.PORT_NOT_IN_RULE, Field.PORTS, args, nearest))
    return found


def _nearest_ports(rule: RuleSpec, ask: Ask, entry: VmPolicy) -> tuple[int, ...]:
    """What is left of the asked ports, else the only one there is; never more than was asked."""
    offered = sorted(port.number for port in entry.ports)
    usable = tuple(port for port in offered if rule.ports is None or port in rule.ports)
    kept = tuple(port for port in usable if port in ask.ports)
    return kept or (usable if len(usable) == 1 else ())


def _check_source(rule: RuleSpec, ask: Ask, entry: VmPolicy | None) -> Refusal | None:
    source = ask.source.prefix
    again = parse_source(source, rule.networks)
    if isinstance(again, Refusal):
        return again
    ports = _nearest_ports(rule, ask, entry) if entry else ()
    rules = [port for n in ports if entry and (port := entry.port(n))]
    narrow = [port for port in rules if not within(source, port.allowed_sources)]
    if not narrow:
        return None
    allowed = tuple(dict.fromkeys(prefix for port in narrow for prefix in port.allowed_sources))
    args = {
        "vm": ask.machine.name,
        "source": source,
        "ports": tuple(port.number for port in narrow),
        "allowed": allowed,
    }
    limits = [port.allowed_sources for port in rules]
    candidates = [canonical(named.prefix) for named in rule.networks] + list(allowed)
    nearest = next((text for text in candidates if _acceptable(text, rule, limits)), None)
    return Refusal(Code.SOURCE_NOT_IN_POLICY, Field.SOURCE, args, nearest)


def _acceptable(text: str, rule: RuleSpec, limits: Sequence[tuple[str, ...]]) -> bool:
    found = parse_source(text, rule.networks)
    return isinstance(found, Source) and all(within(found.prefix, limit) for limit in limits)


def _check_window(
    rule: RuleSpec, ask: Ask, entry: VmPolicy | None, now: datetime
) -> Refusal | None:
    # Of the ports that could be opened, so that the corrected line holds at once.
    cap = longest_of(entry, _nearest_ports(rule, ask, entry)) if entry else None
    if isinstance(ask.window, Until) and ask.window.at <= now:
        return Refusal(Code.WINDOW_PAST, Field.WINDOW, {"at": ask.window.at})
    if ask.extends:
        return _check_extension(rule, ask, ask.extends, cap, now)
    asked = _asked(ask.window, now)
    if asked < SHORTEST_WINDOW:
        return _too_short()
    return _too_long(rule, ask, asked=asked, by_rule=rule.longest, by_vm=cap)


def _check_extension(
    rule: RuleSpec, ask: Ask, session: Extension, cap: timedelta | None, now: datetime
) -> Refusal | None:
    """An extension ends later than its session; Azure counts from now, the rule from opening."""
    added = _asked(ask.window, session.ends_at)
    if added < SHORTEST_WINDOW:
        return _too_short()
    left = session.opened_at + rule.longest_total - session.ends_at
    if added > left:
        args = {
            "rule": rule.name,
            "longest": rule.longest_total,
            "left": max(left, timedelta()),
        }
        return Refusal(Code.WINDOW_TOTAL, Field.WINDOW, args, _nearest(left))
    by_vm = None if cap is None else cap - (session.ends_at - now)
    return _too_long(rule, ask, asked=added, by_rule=rule.longest, by_vm=by_vm)


def _too_long(
    rule: RuleSpec, ask: Ask, *, asked: timedelta, by_rule: timedelta, by_vm: timedelta | None
) -> Refusal | None:
    if by_vm is not None and asked > by_vm and by_vm <= by_rule:
        args: dict[str, object] = {"vm": ask.machine.name, "longest": max(by_vm, timedelta())}
        return Refusal(Code.WINDOW_TOO_LONG_VM, Field.WINDOW, args, _nearest(by_vm))
    if asked > by_rule:
        args = {"rule": rule.name, "longest": by_rule}
        return Refusal(Code.WINDOW_TOO_LONG_RULE, Field.WINDOW, args, _nearest(by_rule))
    return None


def _asked(window: Window, start: datetime) -> timedelta:
    match window:
        case Length():
            return window.duration
        case Until():
            return window.at - start


def _nearest(longest: timedelta) -> str | None:
    """The cap as it would be typed, in whole minutes; None where nothing is left."""
    minutes = longest // timedelta(minutes=1)
    return length_text(timedelta(minutes=minutes)) if longest >= SHORTEST_WINDOW else None


def _too_short() -> Refusal:
    args = {"shortest": SHORTEST_WINDOW}
    return Refusal(Code.WINDOW_TOO_SHORT, Field.WINDOW, args, length_text(SHORTEST_WINDOW))


def check_reason(said: str) -> Refusal | None:
    """Something must be said, and not too much."""
    reason = said.strip()
    if not any(sign.isalnum() for sign in reason):
        return Refusal(Code.REASON_MISSING, Field.REASON)
    if len(reason) > REASON_MAX:
        args = {"length": len(reason), "limit": REASON_MAX}
        return Refusal(Code.REASON_TOO_LONG, Field.REASON, args)
    return None


def check_ticket(rule: RuleSpec, said: str) -> Refusal | None:
    """The ticket as the rule wants it."""
    ticket = said.strip()
    if rule.ticket_pattern is None:
        fits = len(ticket) <= TICKET_MAX and ticket.isprintable()
        args = {"rule": rule.name, "pattern": "", "typed": ticket[:TICKET_MAX]}
        return None if fits else Refusal(Code.TICKET_INVALID, Field.TICKET, args)
    args = {"rule": rule.name, "pattern": rule.ticket_pattern}
    if not ticket:
        return Refusal(Code.TICKET_MISSING, Field.TICKET, args)
    if len(ticket) <= TICKET_MAX and re.fullmatch(rule.ticket_pattern, ticket):
        return None
    args["typed"] = ticket[:TICKET_MAX]
    nearest = ticket.upper() if _fits(rule.ticket_pattern, ticket.upper()) else None
    return Refusal(Code.TICKET_INVALID, Field.TICKET, args, nearest)


def _fits(pattern: str, ticket: str) -> bool:
    return len(ticket) <= TICKET_MAX and re.fullmatch(pattern, ticket) is not None
