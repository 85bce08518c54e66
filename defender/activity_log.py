"""Reads Azure's activity log: who changed something in a resource group, and when.

An event can be read 3 to 20 minutes after it happened, so "not there" proves nothing for an hour.
Filtered by group alone: a filter by resource finds nothing where Azure spells its id otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Protocol

from defender.activity import Activity, activities_of
from defender.clients import AzureClients
from defender.resources import bare_subscription_id
from defender.versions import ACTIVITY_LOG_VERSION

log = logging.getLogger(__name__)

#: The whole of one reading; the page that waits for it is posted already.
DEADLINE = timedelta(seconds=30)
#: Azure's pages hold 200 events or so, the newest first: what is looked for is on the first ones.
PAGES_MAX = 20


class ActivityLog(Protocol):
    """What finding a caller needs; `ActivityLogGateway` is the real one."""

    async def of_group(
        self, subscription_id: str, group: str, since: datetime, until: datetime
    ) -> tuple[Activity, ...]:
        """What was done in a resource group, the newest first."""


class ActivityLogGateway:
    """The activity log over Resource Manager, which wants `Microsoft.Insights/eventtypes/…`."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def of_group(
        self, subscription_id: str, group: str, since: datetime, until: datetime
    ) -> tuple[Activity, ...]:
        """What was done in a resource group, the newest first."""
        bare = bare_subscription_id(subscription_id)
        path = f"/subscriptions/{bare}/providers/Microsoft.Insights/eventtypes/management/values"
        name = group.replace("'", "''")
        within = (
            f"eventTimestamp ge '{_text(since)}' and eventTimestamp le '{_text(until)}'"
            f" and resourceGroupName eq '{name}'"
        )
        query = {**ACTIVITY_LOG_VERSION, "$filter": within}
        bodies: list[bytes] = []
        async for body in self._clients.pages(path, query, deadline=DEADLINE):
            bodies.append(body)
            if len(bodies) == PAGES_MAX:
                log.warning("activity log of %s: only its newest pages were read", group)
                break
        return await asyncio.to_thread(activities_of, bodies)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
