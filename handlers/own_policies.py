"""A JIT policy that is not as it was, held against what our own requests have made of it."""

from __future__ import annotations

from approvals.changes import JitPolicyChange
from approvals.events import State
from approvals.ledger import Ledger
from approvals.own_changes import OwnChanges
from approvals.request import Request
from defender.resources import fold
from feeds.openings import PolicyChange, PortSeen

#: A request in one of these was, or is being, sent to Azure.
SENT = frozenset({State.APPLYING, State.APPLIED, State.FAILED, State.UNDONE})


class OwnPolicies:
    """An edit is ours only if it is exactly what the newest request for that machine wanted."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._own = OwnChanges(ledger.store)

    async def made(self, change: PolicyChange) -> bool:
        request_id = await self._own.of(change.before.resource_id)
        request = await self._ledger.read(request_id) if request_id is not None else None
        return request is not None and is_wanted(change, request)


def is_wanted(change: PolicyChange, request: Request) -> bool:
    """Whether the machine's ports, as they are now, are those of the request."""
    wanted = request.change
    if not isinstance(wanted, JitPolicyChange) or request.state not in SENT:
        return False
    key = fold(change.before.resource_id)
    entries = [entry for entry in wanted.entries if fold(entry.resource_id) == key]
    ports = {
        (port.number, tuple(sorted(port.sources)), port.longest_seconds, port.protocol)
        for entry in entries
        for port in entry.ports
    }
    seen = {_plain(port) for port in change.after.ports} if change.after is not None else set()
    return bool(entries) and seen == ports


def _plain(port: PortSeen) -> tuple[int, tuple[str, ...], int, str]:
    return port.number, port.sources or ("*",), port.longest_seconds, port.protocol or "*"
