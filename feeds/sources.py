"""Where alerts come from, behind one interface. All that are set are read at once.

Whatever a source sends is taken in the same way; an alert that comes by two of them is one alert.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from defender.alert import Alert
from defender.alert_routes import is_queryable, named_query, since_query
from defender.alerts import AlertBatch
from defender.errors import AzureError
from feeds.older import Differing, none_differing
from feeds.settings import AlertSettings, SourceName

log = logging.getLogger(__name__)

#: How often the alerts API is read at least while Resource Graph can't be.
FALLBACK_EVERY = timedelta(minutes=1)
#: Identities of one query.
NAMES_MAX = 200


class Gateway(Protocol):
    """The part of `defender.alerts.AlertGateway` that is read here."""

    def graph_pages(
        self, subscriptions: Sequence[str], query: str
    ) -> AsyncIterator[AlertBatch]: ...

    def subscription_pages(self, subscription_id: str) -> AsyncIterator[AlertBatch]: ...


class Source(Protocol):
    """One way in."""

    @property
    def name(self) -> SourceName: ...

    def every(self, *, is_needed: bool) -> timedelta:
        """How often it is read. `is_needed`: the usual source has failed for a while."""

    def read(self, since: datetime, again: Sequence[str]) -> AsyncIterator[AlertBatch]:
        """Page by page every alert generated at or after `since`, and those with the keys `again`
        as they are now. More does no harm, and the order does not matter."""


@dataclass(frozen=True, slots=True)
class GraphSource:
    """Azure Resource Graph: every subscription in one query, filtered by time.

    Older ones are read again by name: those asked for, and those whose state differs from ours.
    """

    gateway: Gateway
    subscriptions: tuple[str, ...]
    settings: Callable[[], AlertSettings]
    differing: Differing = none_differing
    name: SourceName = "resource_graph"

    def every(self, *, is_needed: bool) -> timedelta:
        return self.settings().every

    async def read(self, since: datetime, again: Sequence[str]) -> AsyncIterator[AlertBatch]:
        async for batch in self.gateway.graph_pages(self.subscriptions, since_query(since)):
            yield batch
        wanted = [*again, *await self.differing(since)]
        keys = [key for key in dict.fromkeys(wanted) if is_queryable(key)]
        for at in range(0, len(keys), NAMES_MAX):
            query = named_query(keys[at : at + NAMES_MAX])
            async for batch in self.gateway.graph_pages(self.subscriptions, query):
                yield batch


@dataclass(frozen=True, slots=True)
class ApiSource:
    """The alerts API: a list per subscription, which has no filter and reads 90 days.

    One subscription that can't be read stops no other, but the whole counts as cut short.
    """

    gateway: Gateway
    subscriptions: tuple[str, ...]
    settings: Callable[[], AlertSettings]
    name: SourceName = "api"

    def every(self, *, is_needed: bool) -> timedelta:
        every = self.settings().api_every
        return min(every, FALLBACK_EVERY) if is_needed else every

    async def read(self, since: datetime, again: Sequence[str]) -> AsyncIterator[AlertBatch]:
        failed: list[AzureError] = []
        for subscription in self.subscriptions:
            try:
                async for batch in self.gateway.subscription_pages(subscription):
                    alerts = tuple(alert for alert in batch.alerts if is_since(alert, since))
                    yield replace(batch, alerts=alerts)
            except AzureError as error:
                log.warning("alerts of %s: %s: %s", subscription, error.code, error)
                failed.append(error)
        if failed and len(failed) == len(self.subscriptions):
            raise failed[0]
        if failed:
            yield AlertBatch(is_cut=True)


def is_since(alert: Alert, since: datetime) -> bool:
    """An alert that names no time of its own is never too old."""
    return alert.generated_at is None or alert.generated_at >= since


def make_sources(
    gateway: Gateway,
    subscriptions: Sequence[str],
    settings: Callable[[], AlertSettings],
    *,
    differing: Differing = none_differing,
) -> tuple[Source, ...]:
    """Those that are polled, the usual one first; a push comes by itself (`bot.push`)."""
    wanted = settings().sources
    found: list[Source] = []
    if "resource_graph" in wanted:
        found.append(GraphSource(gateway, tuple(subscriptions), settings, differing))
    if "api" in wanted:
        found.append(ApiSource(gateway, tuple(subscriptions), settings))
    return tuple(found)
