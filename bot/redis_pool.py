"""Connections that are alive, and known to Redis by a token that is, before a command goes out.

Managed services close a connection when the token that opened it expires, and idle ones after
minutes, sometimes without a word. What is found dead before anything was sent is replaced here, so
nobody notices; what dies with a command under way is looked up by its op-id, never sent twice
(`approvals.writing`).
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import RedisError

from bot.redis_tokens import TokenCredentials

log = logging.getLogger(__name__)

#: An idle connection must answer PING, or AUTH, within this; else a new one is opened. A click
#: has 2.2 s for all of Redis, and a new connection takes milliseconds.
PROBE_WITHIN = timedelta(seconds=0.5)

_DEAD = (RedisError, OSError, TimeoutError)


class FreshPool(ConnectionPool):
    """redis-py's pool, which looks at a connection before it hands it out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: which token each connection is known by.
        self._serials: WeakKeyDictionary[AbstractConnection, int] = WeakKeyDictionary()

    @property
    def _tokens(self) -> TokenCredentials | None:
        found = self.connection_kwargs.get("credential_provider")
        return found if isinstance(found, TokenCredentials) else None

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connected, alive and authenticated with the present token."""
        if connection.is_connected:
            await self._freshen(connection)
        serial = self._tokens.serial if self._tokens is not None else 0
        is_new = not connection.is_connected
        await super().ensure_connection(connection)
        if is_new:
            # The token may have been renewed meanwhile; then AUTH is sent once more than needed.
            self._serials[connection] = serial

    async def renew_idle(self) -> int:
        """AUTH anew on every idle connection; those in use follow when they are next handed out.

        Returns how many connections there were to renew.
        """
        async with self._lock:
            idle = [one for one in self._available_connections if self._is_outdated(one)]
            for connection in idle:
                self._available_connections.remove(connection)
                self._in_use_connections.add(connection)
        for connection in idle:
            try:
                await self._freshen(connection)
            finally:
                await self.release(connection)
        return len(idle)

    def _is_outdated(self, connection: AbstractConnection) -> bool:
        tokens = self._tokens
        if tokens is None or not connection.is_connected:
            return False
        return self._serials.get(connection, 0) != tokens.serial

    async def _freshen(self, connection: AbstractConnection) -> None:
        """Ask it; one that does not answer in time is closed, and opened anew by who needs it."""
        try:
            async with asyncio.timeout(PROBE_WITHIN.total_seconds()):
                if self._is_outdated(connection):
                    await self._authenticate(connection)
                else:
                    await connection.check_health()  # type: ignore[no-untyped-call]
        except _DEAD as error:
            log.info("a connection to Redis is replaced: %s", type(error).__name__)
            await connection.disconnect(nowait=True)

    async def _authenticate(self, connection: AbstractConnection) -> None:
        assert self._tokens is not None, "only tokens become outdated"
        serial = self._tokens.serial
        user, token = await self._tokens.get_credentials_async()
        await connection.send_command("AUTH", user, token, check_health=False)
        await connection.read_response()
        self._serials[connection] = serial


async def keep_fresh(redis: Redis, tokens: TokenCredentials) -> None:
    """Once round: wait until the token is due, renew it, and tell every idle connection."""
    await asyncio.sleep(tokens.next_look().total_seconds())
    pool = redis.connection_pool
    if tokens.is_due and await tokens.renew() and isinstance(pool, FreshPool):
        renewed = await pool.renew_idle()
        log.info("a newer token for Redis; %s idle connections know it", renewed)
