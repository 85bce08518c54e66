"""Whether a machine runs: read from Azure at most once a minute, and never waited for long."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from defender.errors import AzureError

log = logging.getLogger(__name__)

#: A card is not held up longer than this for what it can do without.
WAIT_SECONDS = 3.0
AGE_SECONDS = 60.0
MACHINES_MAX = 1_000


class PowerReader(Protocol):
    """The gateway's reading of one machine."""

    async def power_state(self, resource_id: str) -> str | None: ...


class Power:
    """What is known of machines' power; None is "unknown" and said so."""

    def __init__(self, reader: PowerReader) -> None:
        self._reader = reader
        self._known: dict[str, tuple[float, str | None]] = {}

    def known(self, resource_id: str) -> str | None:
        found = self._known.get(resource_id.casefold())
        is_fresh = found is not None and time.monotonic() - found[0] < AGE_SECONDS
        return found[1] if found and is_fresh else None

    async def state(self, resource_id: str) -> str | None:
        """Known, else read."""
        known = self.known(resource_id)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                state = await self._reader.power_state(resource_id)
        except (AzureError, TimeoutError) as error:
            log.warning("power of %s: %s", resource_id, type(error).__name__)
            return None
        if len(self._known) >= MACHINES_MAX:
            self._known.clear()
        self._known[resource_id.casefold()] = (time.monotonic(), state)
        return state
