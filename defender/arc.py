"""Machines outside Azure that Azure Arc joined: in AWS, in Google Cloud, in one's own rooms.

Defender covers them, just-in-time access does not.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from defender.clients import AzureClients
from defender.decode import Reader
from defender.records import Machine, Subscription
from defender.resource_graph import ResourceGraph
from defender.resources import InvalidResourceId, ResourceId, ResourceName

logger = logging.getLogger(__name__)

ARC_MACHINES = "Microsoft.HybridCompute/machines"
_QUERY = (
    f"resources | where type =~ '{ARC_MACHINES.lower()}' "
    "| extend os = tostring(properties.osType) "
    "| project id, name, location, tags, os | order by id asc"
)
#: As Azure writes the systems of its own VMs.
_SYSTEMS = {"linux": "Linux", "windows": "Windows"}


class ArcInventory:
    """What Arc joined, of all subscriptions at once."""

    def __init__(self, clients: AzureClients) -> None:
        self._graph = ResourceGraph(clients)

    async def arc_machines(self, subscriptions: Sequence[Subscription]) -> tuple[Machine, ...]:
        """Every machine; one that can't be read is left out and counted in the log."""
        names = {subscription.id: subscription.name for subscription in subscriptions}
        reader, found = Reader(), list[Machine]()
        async for page, is_cut in self._graph.answers(list(names), _QUERY):
            for row in reader.each(page.items, _Row):
                try:
                    found.append(_machine(row, names))
                except InvalidResourceId:
                    reader.miss()
            if is_cut or page.is_broken:
                logger.warning("arc.machines_cut", extra={"count": len(found)})
        if reader.unread:
            logger.warning("arc.machines_unreadable", extra={"count": reader.unread})
        return tuple(found)


class _Row(msgspec.Struct):
    id: str
    name: str | None = None
    location: str | None = None
    tags: dict[str, str | None] | None = None
    os: str | None = None


def _machine(row: _Row, names: dict[str, str]) -> Machine:
    name = ResourceName.parse(row.id)
    if not name.is_type(ARC_MACHINES):
        raise InvalidResourceId(f"{row.id!r} is no machine of Azure Arc")
    subscription_id = name.subscription_id.lower()
    return Machine(
        resource_id=ResourceId(row.id),
        name=row.name or name.name,
        resource_group=name.group,
        subscription_id=subscription_id,
        subscription_name=names.get(subscription_id, subscription_id),
        location=(row.location or "").lower(),
        os=_SYSTEMS.get((row.os or "").lower(), ""),
        tags={key: value or "" for key, value in (row.tags or {}).items()},
    )
