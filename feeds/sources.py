"""Where alerts come from, behind one interface. All that are set are read at once.

Whatever a source sends is taken in the same way; an alert that comes by two of them is one alert.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from defender.alert import Alert
from defender.errors import AzureError
from feeds.settings import AlertSettings, SourceName

log = logging.getLogger(__name__)

#: How often the alerts API is read at least while Resource Graph can't be.
FALLBACK_EVERY = timedelta(minutes=1)


class Batch(Protocol):
    """What one read brought; `defender.alerts.AlertBatch` is the real one."""

    @property
    def alerts(self) -> Sequence[Alert]: ...
    @property
    def bad(self) -> Sequence[str]:
        """One sentence for each item that could not be read."""

    @property
    def is_cut(self) -> bool:
        """Whether there was more than Azure gave."""


class Gateway(Protocol):
    """The part of `defender.alerts.AlertGateway` that is read here."""

    async def graph_since(self, subscriptions: Sequence[str], since: datetime) -> Batch: ...

    async def of_subscription(self, subscription_id: str) -> Batch: ...


class Source(Protocol):
    """One way in. `read` gives every alert generated at or after `since`; more does no harm."""

    @property
    def name(self) -> SourceName: ...

    def every(self, *, is_needed: bool) -> timedelta:
        """How often it is read. `is_needed`: the usual source has failed for a while."""

    async def read(self, since: datetime) -> Batch: ...


@dataclass(frozen=True, slots=True)
class Read:
    """A batch of our own making."""

    alerts: tuple[Alert, ...] = ()
    bad: tuple[str, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class GraphSource:
    """Azure Resource Graph: every subscription in one query, filtered by time."""

    gateway: Gateway
    subscriptions: tuple[str, ...]
    settings: Callable[[], AlertSettings]
    name: SourceName = "resource_graph"

    def every(self, *, is_needed: bool) -> timedelta:
        return self.settings().every

    async def read(self, since: datetime) -> Batch:
        return await self.gateway.graph_since(self.subscriptions, since)


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

    async def read(self, since: datetime) -> Batch:
        alerts: list[Alert] = []
        bad: list[str] = []
        failed: list[AzureError] = []
        is_cut = False
        for subscription in self.subscriptions:
            try:
                batch = await self.gateway.of_subscription(subscription)
            except AzureError as error:
                log.warning("alerts of %s: %s: %s", subscription, error.code, error)
                failed.append(error)
                continue
            alerts += (alert for alert in batch.alerts if is_since(alert, since))
            bad += batch.bad
            is_cut = is_cut or batch.is_cut
        if failed and len(failed) == len(self.subscriptions):
            raise failed[0]
        return Read(tuple(alerts), tuple(bad), is_cut or bool(failed))


def is_since(alert: Alert, since: datetime) -> bool:
    """An alert that names no time of its own is never too old."""
    return alert.generated_at is None or alert.generated_at >= since


def make_sources(
    gateway: Gateway, subscriptions: Sequence[str], settings: Callable[[], AlertSettings]
) -> tuple[Source, ...]:
    """Those that are polled, the usual one first; a push comes by itself (`feeds.push`)."""
    wanted = settings().sources
    found: list[Source] = []
    if "resource_graph" in wanted:
        found.append(GraphSource(gateway, tuple(subscriptions), settings))
    if "api" in wanted:
        found.append(ApiSource(gateway, tuple(subscriptions), settings))
    return tuple(found)
