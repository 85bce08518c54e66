"""The ledger's Redis for a command that is no bot: beside a running one, or without any."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from bot import embedded
from bot.clock import Clock
from bot.proxy_environment import hand_over
from bot.redis_client import connect, embedded_folder
from bot.redis_tokens import SCOPE, TokenCredentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from redis.asyncio import Redis

    from bot.settings import Settings
    from defender.clients import AzureClients


class NoLedger(Exception):
    """There is nothing to look at. One sentence."""


@asynccontextmanager
async def opened(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Redis]:
    """A client. An embedded server that runs is used; one that does not is started for this.

    A folder that is not there is never made: a mistyped path would look like an empty, good log.
    """
    folder = embedded_folder(settings.redis.url)
    if folder is None:
        async with _client(settings) as client:
            yield client
        return
    if not folder.is_dir():
        raise NoLedger(str(folder))
    server = await embedded.start(folder, environ)
    client = server.client()
    try:
        yield client
    finally:
        is_alone = server.process is not None and await _is_alone(client)
        await client.aclose()
        if is_alone:
            await server.stop()


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[Redis]:
    redis = settings.redis
    async with AsyncExitStack() as stack:
        tokens = None
        if redis.entra:
            # Azure's clients cost memory and time, which a check of the log does without.
            from defender.clients import AzureClients

            hand_over(settings.proxy, os.environ)
            azure = await stack.enter_async_context(AzureClients(settings.azure))
            tokens = entra_tokens(settings, azure)
        if tokens is not None:
            await tokens.renew()
        client = connect(redis.url, ca_file=redis.ca_file, credentials=tokens)
        stack.push_async_callback(client.aclose)
        yield client


def entra_tokens(settings: Settings, azure: AzureClients) -> TokenCredentials | None:
    """How to log in to Redis where the settings want Microsoft Entra tokens."""
    if not settings.redis.entra:
        return None
    return TokenCredentials(
        lambda: azure.token(SCOPE), wall=Clock().timestamp, user=settings.redis.user
    )


async def _is_alone(client: Redis) -> bool:
    """A bot that was started meanwhile has adopted the server: then it is the bot's."""
    return len(await client.client_list()) == 1
