"""Slack's Web API client with one shared connection pool and no retries of its own.

The SDK repeats a post whose answer was lost (facts/performance_and_reliability.md section 3), so
its retry handlers are off: the deliverer looks first. Without a shared session every call would
open a connection of its own.
"""

from __future__ import annotations

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT_SECONDS = 10


def web_client(token: str, api_url: str, *, proxy: str | None = None) -> AsyncWebClient:
    """Call inside a running loop. The caller closes `client.session`."""
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
    client = AsyncWebClient(
        token=token,
        base_url=api_url,
        timeout=TIMEOUT_SECONDS,
        proxy=proxy,
        session=session,
        retry_handlers=[],
    )
    # The SDK takes HTTPS_PROXY where it is given none and knows no NO_PROXY (C094).
    client.proxy = proxy
    return client
