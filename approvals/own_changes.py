"""Which request is about to change a resource, so that what is then seen in Azure is told as ours.

Only a hint where to look: whether that request wanted what is seen is read from the request itself.
"""

from __future__ import annotations

from approvals.events import RequestId
from approvals.request import Request
from approvals.store import Store
from approvals.watching import WatchStore
from defender.resources import fold

#: As `WatchStore` keeps it: folded resource id → the newest request for it.
_WHAT = ("own", "changes")


class OwnChanges:
    """Noted before the first write to Azure."""

    def __init__(self, store: Store) -> None:
        self._store = WatchStore(store)

    async def announce(self, request: Request) -> None:
        for target in request.targets:
            await self._store.remember(*_WHAT, fold(target.resource_id), request.id.encode())

    async def of(self, resource_id: str) -> RequestId | None:
        """The newest request that was sent to Azure for this resource."""
        found = (await self._store.seen(*_WHAT)).get(fold(resource_id))
        return RequestId(found.decode()) if found else None
