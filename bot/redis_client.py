"""Clients for Redis: how they are made from a URL, and what a Redis must promise.

Retries of the client are off: a command that is sent twice is done twice. What was lost is looked
up by its op-id (`approvals.writing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.redis_pool import FreshPool
from bot.redis_tokens import TokenCredentials

#: A click is answered within 2.5 s: one command and the look-up after it must fit in.
COMMAND_TIMEOUT = timedelta(seconds=1)

#: Connections of one process: clicks wait for their turn in the ledger, not here.
CONNECTIONS_MAX = 64

#: A connection that was idle for this long is asked with PING before it is used.
HEALTH_CHECK = timedelta(seconds=30)

EMBEDDED: Final = "embedded:"


class RedisUrlError(ValueError):
    """The URL can't be used. The sentence never shows a password."""


class NotDurable(Exception):
    """Redis says that it may lose what it has acknowledged. `problems` are sentences."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


@dataclass(frozen=True, slots=True)
class Durability:
    """What a Redis says of itself. `unknown` names settings that can't be read."""

    appendfsync: str | None
    appendonly: str | None
    maxmemory_policy: str | None

    @property
    def unknown(self) -> tuple[str, ...]:
        named = {
            "appendonly": self.appendonly,
            "appendfsync": self.appendfsync,
            "maxmemory-policy": self.maxmemory_policy,
        }
        return tuple(name for name, value in named.items() if value is None)

    @property
    def problems(self) -> tuple[str, ...]:
        """Settings that are known to be wrong, as sentences."""
        found = []
        if self.appendonly not in (None, "yes"):
            found.append(f"appendonly is {self.appendonly!r}, it must be 'yes'.")
        if self.appendfsync not in (None, "always"):
            found.append(f"appendfsync is {self.appendfsync!r}, it must be 'always'.")
        if self.maxmemory_policy not in (None, "noeviction"):
            found.append(f"maxmemory-policy is {self.maxmemory_policy!r}, it must be 'noeviction'.")
        return tuple(found)


def embedded_folder(url: str) -> Path | None:
    """The data folder of an `embedded:` URL, or None for another Redis."""
    if not url.startswith(EMBEDDED):
        return None
    folder = url[len(EMBEDDED) :]
    if not folder:
        raise RedisUrlError("embedded: needs a folder, for example embedded:/var/lib/sekisho")
    return Path(folder)


def connect(
    url: str,
    *,
    ca_file: Path | None = None,
    timeout: timedelta = COMMAND_TIMEOUT,
    credentials: TokenCredentials | None = None,
) -> Redis:
    """A client for redis://, rediss:// or unix://. Nothing is sent yet.

    `credentials` are for managed services with short-lived tokens.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise RedisUrlError("the Redis URL begins with embedded:, redis://, rediss:// or unix://")
    _refuse_database(parts.scheme, parts.path, parse_qs(parts.query))
    options: dict[str, Any] = {
        "protocol": 2,
        "socket_timeout": timeout.total_seconds(),
        "socket_connect_timeout": timeout.total_seconds(),
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "health_check_interval": int(HEALTH_CHECK.total_seconds()),
        "max_connections": CONNECTIONS_MAX,
    }
    if credentials is not None:
        options["credential_provider"] = credentials
    if parts.scheme == "unix":
        options |= {
            "connection_class": UnixDomainSocketConnection,
            "path": unquote(parts.path),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
        }
    else:
        options |= parse_url(url)
    if options.get("connection_class") is SSLConnection and ca_file is not None:
        options["ssl_ca_certs"] = str(ca_file)
    # `from_pool` closes the pool together with the client.
    return Redis.from_pool(FreshPool(**options))


def _refuse_database(scheme: str, path: str, query: Mapping[str, list[str]]) -> None:
    """Managed services and clusters have database 0 alone, so nobody gets used to another."""
    named = query.get("db", [""])[0] or ("" if scheme == "unix" else path.strip("/"))
    if named not in ("", "0"):
        raise RedisUrlError(f"only database 0 is used, the Redis URL names {named!r}")


async def durability(redis: Redis) -> Durability:
    """Read what the server says. Unreadable is an answer (managed services), not an error."""
    return Durability(
        appendonly=await _setting(redis, "appendonly"),
        appendfsync=await _setting(redis, "appendfsync"),
        maxmemory_policy=await _setting(redis, "maxmemory-policy"),
    )


async def _setting(redis: Redis, name: str) -> str | None:
    try:
        answer = await redis.execute_command(  # type: ignore[no-untyped-call]
            "CONFIG", "GET", name
        )
    except RedisError as error:
        if isinstance(error, RedisConnectionError | RedisTimeoutError):
            raise
        return None
    values = answer
    if isinstance(values, dict):
        found = values.get(name, values.get(name.encode()))
    elif isinstance(values, list) and len(values) == 2:
        found = values[1]
    else:
        return None
    return found.decode() if isinstance(found, bytes) else found


async def require_durable(redis: Redis, accepted: str = "") -> Durability:
    """NotDurable for a Redis that evicts or does not fsync always, or does not say and nobody
    has accepted that (`redis.durability_accepted`)."""
    found = await durability(redis)
    problems = found.problems
    if found.unknown and not accepted:
        names = ", ".join(found.unknown)
        problems += (
            f"{names} can't be checked; make sure of it and give the reason in "
            "redis.durability_accepted.",
        )
    if problems:
        raise NotDurable(problems)
    return found
