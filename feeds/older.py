"""Alerts older than a poll reaches whose state has changed elsewhere, however old they are.

Resource Graph says which of them are open there: identities alone, a thousand to an answer. What
we hold otherwise is named, so that a poll reads those few again and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

from defender.alerts import KeyBatch
from feeds.reading import milliseconds
from feeds.scripts import text
from feeds.store import AlertStore

log = logging.getLogger(__name__)

#: Named at once, those that were opened again first: two queries. The rest follow with later polls,
#: since what is read again is held as it is.
DIFFERING_MAX = 400
#: Identities of one call to Redis.
_LOOKED_UP = 1_000


class OpenKeys(Protocol):
    """The part of `defender.alerts.AlertGateway` that is read here."""

    def graph_open_keys(
        self, subscriptions: Sequence[str], before: datetime
    ) -> AsyncIterator[KeyBatch]: ...


class Differing(Protocol):
    """Which alerts older than an instant are in another state than we hold."""

    async def __call__(self, before: datetime) -> list[str]: ...


async def none_differing(before: datetime) -> list[str]:
    """Where nobody keeps alerts."""
    del before
    return []


@dataclass(frozen=True, slots=True)
class Older:
    """Compares what is open there with what we hold as open."""

    gateway: OpenKeys
    subscriptions: tuple[str, ...]
    store: AlertStore

    async def __call__(self, before: datetime) -> list[str]:
        """Opened again, then closed; the newest first."""
        there: set[str] = set()
        is_cut = False
        async for batch in self.gateway.graph_open_keys(self.subscriptions, before):
            there.update(batch.keys)
            is_cut = is_cut or batch.is_cut
        here = await self._held_open(before)
        found = await self._known(sorted(there.difference(here)))
        if is_cut:  # one that is not named may be open all the same
            log.warning("more than %d old alerts are open; whole reads see the rest", len(there))
        else:
            found += [key for key in here if key not in there]
        return found[:DIFFERING_MAX]

    async def _held_open(self, before: datetime) -> dict[str, None]:
        scripts = self.store.scripts
        limit = f"({milliseconds(before)}"
        found = await scripts.redis.zrevrangebyscore(scripts.key("alerts:open"), limit, "-inf")
        return dict.fromkeys(text(key) for key in cast(Any, found))

    async def _known(self, keys: Sequence[str]) -> list[str]:
        """Those that we hold at all: older ones than our beginning are not told."""
        scripts = self.store.scripts
        found: list[tuple[float, str]] = []
        for start in range(0, len(keys), _LOOKED_UP):
            part = keys[start : start + _LOOKED_UP]
            scores = cast(Any, await scripts.redis.zmscore(scripts.key("alerts"), list(part)))
            pairs = zip(scores, part, strict=True)
            found += [(float(score), key) for score, key in pairs if score is not None]
        return [key for _, key in sorted(found, reverse=True)]
