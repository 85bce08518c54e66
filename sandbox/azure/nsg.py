"""The rules that JIT writes into security groups: names, priorities, words. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sandbox.azure.jit import Opening
from sandbox.world.model import JitPort, SecurityRule, VirtualMachine

#: Allow rules go upward from here, deny rules downward from there.
FIRST_ALLOW, LAST_DENY = 100, 4096


def free_priority(taken: Iterable[int], start: int = FIRST_ALLOW) -> int:
    """The first priority upward that no rule of the group has."""
    used = set(taken)
    priority = start
    while priority in used:
        priority += 1
    return priority


def deny_name(vm: VirtualMachine, port: int) -> str:
    """As seen in exports: an underscore and perhaps a minus before the digits."""
    return "SecurityCenter-JITRule_{}_{}".format(*_parts(f"deny {vm.id} {port}"))


def allow_name(vm_key: str, port: int, number: int) -> str:
    """The allow rule of one opening."""
    digits, code = _parts(f"allow {vm_key} {port} {number}")
    return f"SecurityCenter-JITRule-{digits.lstrip('-')}-{code}"


def deny_rule(
    vm: VirtualMachine, port: JitPort, policy_name: str, *, priority: int
) -> SecurityRule:
    """What keeps the port shut while nobody has asked."""
    return SecurityRule(
        name=deny_name(vm, port.number),
        priority=priority,
        access="Deny",
        port=str(port.number),
        sources=("*",),
        destination=vm.private_ip,
        protocol=_protocol(port.protocol),
        description=f"ASC JIT Network Access rule for policy '{policy_name}' of VM '{vm.name}'.",
    )


def allow_rule(vm: VirtualMachine, opening: Opening, policy_name: str) -> SecurityRule:
    """What opens the port while a request lasts."""
    return SecurityRule(
        name=opening.rule_name,
        priority=opening.priority,
        access="Allow",
        port=str(opening.asked.number),
        sources=opening.asked.sources,
        destination=vm.private_ip,
        description=(
            "ASC JIT Network Access rule created by an initiation request for policy "
            f"'{policy_name}' of VM '{vm.name}'."
        ),
    )


def _parts(seed: str) -> tuple[str, str]:
    digest = hashlib.sha256(seed.lower().encode()).hexdigest()
    number = int(digest[:8], 16) - 2**31
    return str(number), digest[8:40].upper()


def _protocol(text: str) -> str:
    return {"TCP": "Tcp", "UDP": "Udp"}.get(text, "*")
