"""Azure Resource Graph: one query over every subscription, answered page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from defender.alert_decode import AlertPage, alert_page
from defender.clients import AzureClients, Call
from defender.errors import AzureUnavailable
from defender.resources import bare_subscription_id
from defender.versions import RESOURCE_GRAPH_VERSION

_PATH = "/providers/Microsoft.ResourceGraph/resources"
#: Rows of one answer, 2 MB or so of alerts: reading more at once would hold up the loop.
ROWS_MAX = 500
#: Pages of one query; 100,000 alerts.
_PAGES_MAX = 200
#: Subscriptions of one query.
_SUBSCRIPTIONS_MAX = 100


class ResourceGraph:
    """Asks with our identity; what it may not read is left out of the answer without a word."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def answers(
        self, subscriptions: Sequence[str], query: str, *, top: int = ROWS_MAX
    ) -> AsyncIterator[tuple[AlertPage, bool]]:
        """Each page, and whether it was cut short. The query must project `id` and be ordered."""
        named = list(dict.fromkeys(bare_subscription_id(text) for text in subscriptions))
        for at in range(0, len(named), _SUBSCRIPTIONS_MAX):
            token, seen, rows = "", {""}, 0
            for _ in range(_PAGES_MAX):
                page = await self._page(named[at : at + _SUBSCRIPTIONS_MAX], query, token, top)
                rows += len(page.items)
                token = page.following
                is_short = not token and page.total is not None and rows < page.total
                yield page, page.is_cut or is_short or (bool(token) and token in seen)
                if not token or token in seen:
                    break
                seen.add(token)
            else:
                yield AlertPage(), True

    async def _page(
        self, subscriptions: Sequence[str], query: str, token: str, top: int
    ) -> AlertPage:
        options: dict[str, object] = {"$top": top, "resultFormat": "objectArray"}
        if token:
            options["$skipToken"] = token
        asked = {"subscriptions": list(subscriptions), "query": query, "options": options}
        try:
            body = await self._clients.post(
                _PATH, RESOURCE_GRAPH_VERSION, msgspec.json.encode(asked), kind=Call.READ
            )
        except AzureUnavailable as error:
            if not error.body:
                raise
            body = error.body
        await asyncio.sleep(0)  # the body was checked in this step, its rows are read in the next
        return alert_page(body)
