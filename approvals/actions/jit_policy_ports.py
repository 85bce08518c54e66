"""Ports of a JIT policy as a change keeps them, and back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from approvals.changes.jit_policy import JitPort
from defender.jit_policy_body import entries_of
from defender.records import PortRule, VmPolicy
from defender.resources import fold


def is_same(one: Sequence[JitPort], other: Sequence[JitPort]) -> bool:
    """Whether Azure would treat them alike, however it spells them."""
    return {_plain(port) for port in one} == {_plain(port) for port in other}


def ports_of(entry: VmPolicy) -> tuple[JitPort, ...]:
    """An entry's ports as a change keeps them."""
    return tuple(
        JitPort(
            rule.number,
            int(rule.longest.total_seconds()),
            rule.allowed_sources or ("*",),
            rule.protocol or "*",
        )
        for rule in entry.ports
    )


def have_of(body: bytes | None) -> dict[str, tuple[JitPort, ...]]:
    """Every machine's ports in a policy, by folded id."""
    found: dict[str, tuple[JitPort, ...]] = {}
    for entry in entries_of(body):
        key = fold(entry.vm_id)
        found[key] = (*found.get(key, ()), *ports_of(entry))
    return found


def _plain(port: JitPort) -> tuple[int, int, tuple[str, ...], str]:
    sources = tuple(sorted(source.strip().lower() for source in port.sources))
    return port.number, port.longest_seconds, sources, port.protocol.upper()


def rule_of(port: JitPort) -> PortRule:
    """The port as the gateway writes it."""
    longest = timedelta(seconds=port.longest_seconds)
    return PortRule(port.number, port.protocol, port.sources, longest)
