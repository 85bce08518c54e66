"""A new High alert on a VM with an open port puts `Close now` before those who let it open (C10).

Idempotent by the outbox's keys: an alert that is taken in twice, or by two replicas, is told once.
"""

from __future__ import annotations

from approvals.events import State
from approvals.request import Request
from defender.alert import Alert
from delivery.outbox import ChannelId, Line
from handlers.cards import object_id
from handlers.services import Services
from handlers.views.alert_at_port import Reader, alert_at_port

#: Newest requests for one VM among which the open sessions are.
REQUESTS_MAX = 50


async def alert_at_open_port(s: Services, alert: Alert) -> int:
    """The line into each session's thread, and DMs to its approvers and its requester.

    Returns how many sessions were open. Samples and what is closed already alarm nobody.
    """
    if alert.rank != 0 or alert.is_sample or alert.state not in ("active", "inprogress"):
        return 0
    resource_id = _machine(s, alert)
    if not resource_id:
        return 0
    found = await s.ledger.by_vm(resource_id, REQUESTS_MAX)
    sessions = [request for request in found if is_open(request)]
    for request in sessions:
        await _tell(s, alert, request)
    return len(sessions)


def is_open(request: Request) -> bool:
    """Open, or ordered to close and known to be open still."""
    is_still_open = request.state is State.CLOSING and request.still_open is not None
    return request.state is State.ACTIVE or is_still_open


def _machine(s: Services, alert: Alert) -> str:
    """The VM's id; by its name where the alert has no id and one VM alone bears the name."""
    if alert.resource_id:
        return alert.resource_id
    named = s.estate.index.by_name(alert.machine) if alert.machine else ()
    return str(named[0].resource_id) if len(named) == 1 else ""


async def _tell(s: Services, alert: Alert, request: Request) -> None:
    channel = ChannelId(request.rule.channel)
    locale = s.languages.of_channel(channel)
    key = f"port-alert:{alert.key}:{request.id}"
    said = alert_at_port(alert, request, Reader.CHANNEL, locale)
    await s.outbox.put(
        channel, Line(f"{key}:thread", said.text, said.blocks, thread_of=object_id(request.id))
    )
    approvers = dict.fromkeys(approval.approver for approval in request.approvals)
    readers = [(person, Reader.APPROVER) for person in approvers]
    for person, reader in [*readers, (request.requester, Reader.REQUESTER)]:
        in_dm = alert_at_port(alert, request, reader, await s.languages.learn(person))
        await s.outbox.put(ChannelId(person), Line(f"{key}:{person}", in_dm.text, in_dm.blocks))
