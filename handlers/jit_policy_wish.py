"""What a line says of the ports of a JIT policy, parsed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network

from approvals.changes.jit_policy import JitPort
from approvals.source import NamedNetwork

#: What Azure's portal proposes where nothing is said.
LONGEST = timedelta(hours=3)
ANY = frozenset({"*", "any", "anywhere", "0.0.0.0/0"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What the line says of ports; empty parts are those of now, or the usual ones."""

    ports: tuple[int, ...]
    longest: timedelta | None
    sources: tuple[str, ...]


def sources_of(typed: str, networks: Sequence[NamedNetwork]) -> tuple[str, ...] | None:
    """Addresses, networks, names of networks, `any`; None where one of them is none of these."""
    named = {network.name.casefold(): str(network.prefix) for network in networks}
    found: list[str] = []
    for part in filter(None, (word.strip() for word in typed.split(","))):
        if part.casefold() in ANY:
            found.append("*")
            continue
        try:
            network = ip_network(named.get(part.casefold(), part))
        except ValueError:
            return None
        is_host = network.prefixlen == network.max_prefixlen
        found.append(str(network.network_address) if is_host else str(network))
    return ("*",) if "*" in found else tuple(dict.fromkeys(found))


def port_of(number: int, wish: Wish, now: JitPort | None) -> JitPort:
    """The port as wished; what is not said stays as it is `now`."""
    longest = int((wish.longest or LONGEST).total_seconds())
    if now is None:
        return JitPort(number, longest, wish.sources or ("*",))
    if wish.longest is None:
        longest = now.longest_seconds
    return JitPort(number, longest, wish.sources or now.sources, now.protocol)
