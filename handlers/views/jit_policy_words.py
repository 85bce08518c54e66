"""A change of JIT policies in words: ports before and after, and the rules that Azure adds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from approvals.changes import JitPolicyChange
from approvals.changes.jit_policy import JitEntry, JitPort
from approvals.ports import port_label
from handlers.locale import Locale
from handlers.views import safe

#: Groups of machines of one setting that a box spells out: as many as one request may name.
GROUPS_SHOWN = 20
#: Rules of Azure that a box spells out.
RULES_SHOWN = 8
ANYWHERE = frozenset({"*", "any", "0.0.0.0/0"})


def what(change: JitPolicyChange, targets: str, locale: Locale) -> str:
    return locale.text(f"jit_policy.{change.deed}", targets=targets)


def lines(change: JitPolicyChange, locale: Locale) -> list[str]:
    """Machines first, then what Azure adds to the network rules."""
    alike: dict[tuple[object, ...], list[JitEntry]] = {}
    for entry in change.entries:
        alike.setdefault((entry.ports, entry.before, _policy(entry)), []).append(entry)
    shown = list(alike.values())[:GROUPS_SHOWN]
    found = [line for entries in shown for line in _entries(entries, locale)]
    more = len(change.entries) - sum(map(len, shown))
    if more > 0:
        found.append(locale.text("jit_policy.more", n=more))
    return [*found, *_rules(change, locale)]


def _entries(entries: Sequence[JitEntry], locale: Locale) -> list[str]:
    """Machines that are set alike, in one: every name is there for the approver."""
    names = [safe.one_line(entry.resource_id.rpartition("/")[2]) for entry in entries]
    vms, entry = locale.text("list.comma").join(names), entries[0]
    found = [locale.text("jit_policy.machine", vm=vms, policy=_policy(entry))]
    found += [_port("jit_policy.port", port, locale) for port in _sorted(entry.ports)]
    if not entry.ports:
        found.append(locale.text("jit_policy.no_ports"))
    wanted = set(entry.ports)
    was = [port for port in _sorted(entry.before) if port not in wanted]
    numbers = {port.number for port in entry.ports}
    for port in was:
        key = "jit_policy.was" if port.number in numbers else "jit_policy.taken_out"
        found.append(_port(key, port, locale))
    return found


def _policy(entry: JitEntry) -> str:
    return safe.one_line(entry.policy_id.rpartition("/")[2])


def _port(key: str, port: JitPort, locale: Locale) -> str:
    protocol = f"/{port.protocol.lower()}" if port.protocol not in ("*", "") else ""
    return locale.text(
        key,
        port=f"{_named(port.number, locale)}{protocol}",
        longest=locale.duration(timedelta(seconds=port.longest_seconds)),
        sources=_sources(port.sources, locale),
    )


def _named(number: int, locale: Locale) -> str:
    name = port_label(number).removeprefix(str(number)).strip(" ()")
    return locale.text("port.named", port=number, name=name) if name else str(number)


def _sources(sources: Sequence[str], locale: Locale) -> str:
    if any(source.lower() in ANYWHERE for source in sources):
        return locale.text("jit_policy.anywhere")
    return locale.text("list.comma").join(safe.one_line(source) for source in sources)


def _rules(change: JitPolicyChange, locale: Locale) -> list[str]:
    found = []
    if change.rules:
        found.append(locale.plural("jit_policy.adds", len(change.rules)))
    found += [
        locale.text(
            "jit_policy.rule",
            port=rule.port,
            vm=safe.one_line(rule.machine),
            nsg=safe.one_line(rule.nsg.rpartition("/")[2]),
            priority=rule.priority,
        )
        for rule in change.rules[:RULES_SHOWN]
    ]
    more = len(change.rules) - RULES_SHOWN
    if more > 0:
        found.append(locale.text("jit_policy.more_rules", n=more))
    if change.rules_unknown:
        names = locale.text("list.comma").join(map(safe.one_line, change.rules_unknown))
        found.append(locale.text("jit_policy.rules_unknown", vms=names))
    return found


def _sorted(ports: Sequence[JitPort]) -> list[JitPort]:
    return sorted(ports, key=lambda port: (port.number, port.protocol))
