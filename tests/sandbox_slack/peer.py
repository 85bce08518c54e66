"""The official Bolt framework and client, as the other end of the sandbox."""

from __future__ import annotations

import functools
import logging

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SandboxSlack


class Peer:
    """A Bolt app; tests hang their listeners on `app`."""

    def __init__(self, slack: SandboxSlack) -> None:
        self.slack = slack
        self.client = AsyncWebClient(token=slack.bot_token, base_url=slack.url)
        self.app = AsyncApp(
            client=self.client,
            token=slack.bot_token,
            signing_secret=slack.signing_secret,
            process_before_response=True,
        )
        # What no test listens to is the subject of some tests, not a fault.
        logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.CRITICAL)

    @functools.cached_property
    def handler(self) -> AsyncSocketModeHandler:
        """The Socket Mode side; made on first use, since it opens a session at once."""
        slack = self.slack
        handler = AsyncSocketModeHandler(
            self.app, slack.app_token, web_client=AsyncWebClient(base_url=slack.url)
        )
        handler.client.ping_interval = 0.2
        return handler

    async def connect(self) -> None:
        """Connect by Socket Mode and wait until the sandbox says so."""
        await self.handler.connect_async()  # type: ignore[no-untyped-call]
        await self.slack.wait_connected()

    async def close(self) -> None:
        """Leave in an orderly way."""
        await self.handler.close_async()  # type: ignore[no-untyped-call]
        await self.slack.wait(lambda: not self.slack.socket.connections, what="all sockets gone")
