"""C094: the one proxy setting on each leg, and never between us and what is near."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from slack_bolt.async_app import AsyncApp

from bot.settings import Proxy
from bot.socket_mode import SocketEdge
from delivery.web_client import web_client
from sandbox.slack import SandboxSlack
from tests.delivery.conftest import slack

__all__ = ["slack"]


class Watched:
    """A proxy that passes nothing on; `asked` holds the first line of each request."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readline()).decode().strip())
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def watched() -> AsyncIterator[Watched]:
    proxy = Watched()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


@pytest.mark.proves("C094")
async def test_the_near_is_reached_straight_whatever_the_environment_says(
    slack: SandboxSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched() as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.url)
        found = Proxy(url=proxy.url)
        client = web_client(slack.bot_token, slack.url, proxy=found.for_url(slack.url))
        app = AsyncApp(client=client, signing_secret="unused")
        edge = SocketEdge(app, slack.app_token, client, proxy_for=found.for_url)
        running = asyncio.create_task(edge.run())
        await client.auth_test()
        await slack.wait_connected()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert client.session is not None
        await client.session.close()
        assert proxy.asked == []


@pytest.mark.proves("C094")
async def test_the_far_is_reached_by_the_proxy_on_both_legs(slack: SandboxSlack) -> None:
    """The Web API and the socket: one of them straight is the report's endless reconnecting."""
    async with watched() as proxy:
        found = Proxy(url=proxy.url, direct=(".internal.example",))
        client = web_client(
            "xoxb-1", "https://slack.com/api/", proxy=found.for_url("https://x.com")
        )
        edge = SocketEdge(
            AsyncApp(client=client, signing_secret="unused"),
            "xapp-1",
            web_client("xoxb-1", slack.url),
            proxy_for=lambda _url: proxy.url,
            backoff_seconds=0.01,
        )
        edge._app_token = slack.app_token
        running = asyncio.create_task(edge.run())
        await slack.wait(lambda: edge.health.problem or None, 10, "the proxy refused the socket")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with pytest.raises(Exception, match="502"):
            await client.auth_test()
        for session in (client.session, edge._client.session):
            assert session is not None
            await session.close()
        assert any(line.startswith("CONNECT slack.com:443") for line in proxy.asked)
        assert any("/link/?ticket=" in line for line in proxy.asked)
        assert slack.socket.opened == 0
