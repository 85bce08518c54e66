"""A new High alert on a VM with an open port puts `Close now` before those who let it open (C10).

Idempotent by the outbox's keys: an alert that is taken in twice, or by two replicas, is told once.
"""

from __future__ import annotations

from approvals.events import RequestId, State
from approvals.request import Request
from defender.alert import Alert
from delivery.outbox import ChannelId, Line
from feeds.reading import AlertReads, Stored
from handlers.cards import object_id
from handlers.services import Services
from handlers.views.alert_at_port import Reader, alert_at_port

#: Newest requests for one VM among which the open sessions are.
REQUESTS_MAX = 50
#: Newest alerts of a machine that are looked at.
ALERTS_MAX = 50


async def alert_at_open_port(s: Services, alert: Alert) -> int:
    """The line into each session's thread, and DMs to its approvers and its requester.

    Returns how many sessions were open.
    """
    if not is_alarming(alert):
        return 0
    resource_id = _machine(s, alert)
    if not resource_id:
        return 0
    found = await s.ledger.by_vm(resource_id, REQUESTS_MAX)
    sessions = [request for request in found if is_open(request)]
    for request in sessions:
        await _tell(s, alert, request)
    return len(sessions)


class PortAlerts:
    """The same by looking: finds what came while the port was being opened, or while nobody was
    there to be told of a new alert. A duty of the main lease."""

    def __init__(self, services: Services, alerts: AlertReads) -> None:
        self._s = services
        self._alerts = alerts
        self._told: set[tuple[str, RequestId]] = set()

    async def look(self) -> None:
        """Every open session; what its approvers could see when they agreed is no news."""
        sessions = [request for request in await self._s.ledger.active() if is_open(request)]
        open_now = {request.id for request in sessions}
        self._told = {pair for pair in self._told if pair[1] in open_now}
        for request in sessions:
            agreed = (approval.at for approval in request.approvals)
            agreed_at = max(agreed, default=request.submitted_at)
            for stored in await self._of_machine(request):
                pair = (stored.alert.key, request.id)
                if stored.first_at >= agreed_at and pair not in self._told:
                    await _tell(self._s, stored.alert, request)
                    self._told.add(pair)

    async def _of_machine(self, request: Request) -> list[Stored]:
        target = request.target
        by_id = await self._alerts.of_machine(target.resource_id, limit=ALERTS_MAX)
        by_name = await self._alerts.of_machine(target.name, limit=ALERTS_MAX)
        found = [*by_id, *(stored for stored in by_name if not stored.alert.resource_id)]
        return [stored for stored in found if is_alarming(stored.alert)]


def is_alarming(alert: Alert) -> bool:
    """Samples and what is closed already alarm nobody."""
    return alert.rank == 0 and not alert.is_sample and alert.state in ("active", "inprogress")


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
