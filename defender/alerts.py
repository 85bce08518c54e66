"""Defender's alerts in Azure: Resource Graph, the alerts API, and changes of their state."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from defender.alert import Alert
from defender.alert_batch import AlertBatch, KeyBatch, in_order
from defender.alert_decode import BROKEN_PAGE, AlertPage, alert_page, decode_arm, undecoded
from defender.alert_decode_core import DEFAULT_EDR, EdrRule
from defender.alert_routes import (
    NoRoute,
    alert_path,
    is_queryable,
    location_of,
    named_query,
    older_open_query,
    path_in_link,
    queryable,
    since_query,
)
from defender.clients import LIST_DEADLINE, AzureClients, Call
from defender.decode import UNREADABLE_PAGE, Reader, page_of
from defender.errors import AzureNotFound, AzureUnavailable
from defender.resource_graph import ResourceGraph
from defender.resources import bare_subscription_id
from defender.versions import ALERTS_VERSION, LOCATIONS_VERSION

__all__ = ["MACHINE_SAMPLES", "AlertBatch", "AlertGateway", "KeyBatch", "Verb", "in_order"]

Verb = Literal["resolve", "dismiss", "activate", "inProgress"]

logger = logging.getLogger(__name__)

#: Identities of one answer of Resource Graph, and how many of them are read at most: ten of the
#: 37 queries that Resource Graph answers between two polls.
_KEYS_MAX = 1_000
_OPEN_KEYS_MAX = 10_000
#: Alerts by name of one query.
_NAMES_MAX = 200
#: Seconds of decoding before others get a turn.
_STEP_SECONDS = 0.002

#: The bundles of sample alerts that are about machines.
MACHINE_SAMPLES = ("VirtualMachines",)


class AlertGateway:
    """Reads and changes alerts; every method raises AzureError as `defender.errors` sorts it."""

    def __init__(self, clients: AzureClients, *, edr: EdrRule = DEFAULT_EDR) -> None:
        self._clients = clients
        self._graph = ResourceGraph(clients)
        self._edr = edr

    async def graph_since(self, subscriptions: Sequence[str], since: datetime) -> AlertBatch:
        """Every alert of these subscriptions that was generated since then, oldest first."""
        pages = [page async for page in self.graph_pages(subscriptions, since_query(since))]
        return in_order(pages)

    async def graph_again(
        self, subscriptions: Sequence[str], alerts: Sequence[Alert]
    ) -> AlertBatch:
        """The same alerts as they are now, whenever they were generated (closed elsewhere?)."""
        keys = queryable(alerts)
        pages: list[AlertBatch] = []
        for at in range(0, len(keys), _NAMES_MAX):
            query = named_query(keys[at : at + _NAMES_MAX])
            pages += [page async for page in self.graph_pages(subscriptions, query)]
        return in_order(pages)

    async def graph_pages(
        self, subscriptions: Sequence[str], query: str
    ) -> AsyncIterator[AlertBatch]:
        """The answer to a query of `alert_routes`, page by page; not a page is kept in memory."""
        async for page, is_cut in self._graph.answers(subscriptions, query):
            yield await self._decoded(page, is_cut=is_cut)

    async def graph_open_keys(
        self, subscriptions: Sequence[str], before: datetime
    ) -> AsyncIterator[KeyBatch]:
        """Which alerts are open that were generated before then: their identities alone."""
        query, rows = older_open_query(before), 0
        async for page, is_cut in self._graph.answers(subscriptions, query, top=_KEYS_MAX):
            found = [item.key.lower() for item in Reader().each(page.items, _Key) if item.key]
            rows += len(page.items)
            is_over = rows >= _OPEN_KEYS_MAX
            yield KeyBatch(tuple(found), is_cut or page.is_broken or is_over)
            if is_over:
                return

    async def of_subscription(self, subscription_id: str) -> AlertBatch:
        """All alerts of 90 days, oldest first: the alerts API knows no filter."""
        return in_order([page async for page in self.subscription_pages(subscription_id)])

    async def subscription_pages(self, subscription_id: str) -> AsyncIterator[AlertBatch]:
        """The same, page by page, in Azure's order: region by region."""
        path = f"/subscriptions/{bare_subscription_id(subscription_id)}"
        bodies = self._clients.pages(
            f"{path}/providers/Microsoft.Security/alerts", ALERTS_VERSION, deadline=LIST_DEADLINE
        )
        try:
            async for body in bodies:
                await asyncio.sleep(0)
                page = alert_page(body)
                yield await self._decoded(page, is_cut=page.is_cut)
        except AzureUnavailable as error:
            if error.code != UNREADABLE_PAGE:
                raise
            # A damaged page without a link was told as cut; what follows it can't be asked for.

    async def read(self, alert: Alert) -> Alert:
        """The alert as it is now; NoRoute where its place is not known."""
        body = await self._clients.get(await self._path(alert), ALERTS_VERSION)
        try:
            return decode_arm(body, self._edr)
        except ValueError as error:
            raise AzureUnavailable("Unreadable", f"The alert could not be read: {error}") from error

    async def set_state(self, alert: Alert, verb: Verb) -> None:
        """Change its state once; returning means that Azure took it (204).

        AzureForbidden: a right is missing, for `inProgress` even where the others are there.
        OutcomeUnknown: read it before doing it again. NoRoute: nothing was sent.
        """
        path = await self._path(alert)
        await self._clients.post(f"{path}/{verb}", ALERTS_VERSION, b"", kind=Call.WRITE)

    async def simulate(
        self,
        subscription_id: str,
        location: str = "",
        *,
        bundles: Sequence[str] = MACHINE_SAMPLES,
    ) -> None:
        """Let Defender make sample alerts; without a location in the subscription's own."""
        subscription = bare_subscription_id(subscription_id)
        place = location_of(location or await self.home_location(subscription))
        body = {"properties": {"kind": "Bundles", "bundles": list(bundles)}}
        await self._clients.post(
            f"/subscriptions/{subscription}/providers/Microsoft.Security/locations/{place}"
            "/alerts/default/simulate",
            ALERTS_VERSION,
            msgspec.json.encode(body),
            kind=Call.WRITE,
        )

    async def home_location(self, subscription_id: str) -> str:
        """The region in which Defender keeps a subscription's data."""
        path = f"/subscriptions/{bare_subscription_id(subscription_id)}"
        body = await self._clients.get(
            f"{path}/providers/Microsoft.Security/locations", LOCATIONS_VERSION
        )
        for item in Reader().each(page_of(body).items, _Location):
            if item.name:
                return location_of(item.name)
        raise AzureNotFound("NoLocation", "Defender keeps no data of this subscription yet.")

    async def _path(self, alert: Alert) -> str:
        """From its own id; else asked of Resource Graph by identity, else from its link."""
        if alert.arm_id:
            return alert_path(alert.arm_id)
        if alert.subscription_id and is_queryable(alert.key):
            found = await self.graph_again([alert.subscription_id], [alert])
            for same in found.alerts:
                if same.key == alert.key and same.arm_id:
                    return alert_path(same.arm_id)
        if path := path_in_link(alert.link):
            return path
        raise NoRoute("Azure has no alert by this identity, so its state can't be changed there.")

    async def _decoded(self, page: AlertPage, *, is_cut: bool) -> AlertBatch:
        """The items one by one, with a turn for others every few milliseconds (C085)."""
        alerts: list[Alert] = []
        bad: list[str] = [BROKEN_PAGE.sentence] if page.is_broken else []
        ends_at = 0.0
        for place, item in enumerate(page.items, start=1):
            if time.monotonic() >= ends_at:
                await asyncio.sleep(0)
                ends_at = time.monotonic() + _STEP_SECONDS
            try:
                alerts.append(decode_arm(item, self._edr))
            except ValueError as error:
                bad.append(undecoded(place, error).sentence)
        if bad or is_cut or page.is_array:
            about = {"bad": len(bad), "is_cut": is_cut, "is_array": page.is_array}
            logger.warning("alerts.odd_page", extra=about)
        return AlertBatch(tuple(alerts), tuple(bad), is_cut)


class _Location(msgspec.Struct):
    name: str | None = None


class _Key(msgspec.Struct):
    key: str | None = None
