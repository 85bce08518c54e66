"""Short-lived passwords for Redis: Microsoft Entra tokens, renewed long before they expire.

A token is good until an instant of the wall clock, which may be wrong here; so its life is taken
from its own claims where it has them, and counted down by the monotonic clock.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as RedisConnectionError

from defender.errors import AzureError

log = logging.getLogger(__name__)

#: What Azure's Redis services are called by at Microsoft Entra ID, in every cloud.
SCOPE = "https://redis.azure.com/.default"

#: A click can't wait longer for a token; at the start there is more time.
FETCH_WITHIN = timedelta(seconds=1.5)
RENEW_WITHIN = timedelta(seconds=20)

#: Renewed at half its life, said when less than a quarter is left.
RENEW_AT, AMBER_AT = 0.5, 0.25

#: Between two tries to renew, and at most so often.
TRY_EVERY, TRY_EVERY_MIN = timedelta(seconds=30), timedelta(seconds=0.05)

#: Gives a token that was just issued, and the instant of its end (seconds since 1970).
TokenSource = Callable[[], Awaitable[tuple[str, float]]]


class _Claims(msgspec.Struct, frozen=True):
    oid: str = ""
    iat: float = 0.0
    exp: float = 0.0


@dataclass(frozen=True, slots=True)
class Token:
    """`ends_at` is monotonic; `life` is from issue to end."""

    user: str
    value: str
    life: timedelta
    ends_at: float


class NoUser(Exception):
    """The token does not say whose it is, and the settings don't either."""


class TokenCredentials(CredentialProvider):
    """What redis-py asks for user and password. `serial` changes with every token."""

    def __init__(
        self,
        source: TokenSource,
        *,
        wall: Callable[[], float],
        user: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.serial = 0
        self._source = source
        self._user = user
        self._wall = wall
        self._monotonic = monotonic
        self._token: Token | None = None
        self._fetching = asyncio.Lock()
        self._failure = ""

    async def get_credentials_async(self) -> tuple[str, str]:
        """User and token. A redis-py ConnectionError when there is none: nothing was sent."""
        token = self._token
        if token is None or self.left <= timedelta(0):
            if not await self.renew(within=FETCH_WITHIN):
                raise RedisConnectionError(f"no token for Redis: {self._failure}")
            token = self._token
            assert token is not None, "it was just renewed"
        return token.user, token.value

    @property
    def left(self) -> timedelta:
        """How long the present token is still good."""
        if self._token is None:
            return timedelta(0)
        return timedelta(seconds=self._token.ends_at - self._monotonic())

    @property
    def is_due(self) -> bool:
        """Half of its life is over."""
        return self._token is None or self.left < self._token.life * RENEW_AT

    def next_look(self) -> timedelta:
        """How long to wait before renewing, or before trying again."""
        if self._token is None:
            return TRY_EVERY_MIN
        if self.is_due:
            return max(TRY_EVERY_MIN, min(TRY_EVERY, self._token.life / 20))
        return max(TRY_EVERY_MIN, self.left - self._token.life * RENEW_AT)

    def problem(self) -> str:
        """For health: less than a quarter is left, so the last tries have failed."""
        if self._token is None or self.left >= self._token.life * AMBER_AT:
            return ""
        seconds = max(0, int(self.left.total_seconds()))
        return f"the token ends in {seconds} s: {self._failure or 'no newer one is given'}"

    async def renew(self, *, within: timedelta = RENEW_WITHIN) -> bool:
        """Fetch a token unless another task just did; whether there is a newer one now."""
        before = self.serial
        try:
            async with asyncio.timeout(within.total_seconds()), self._fetching:
                if self.serial == before:
                    self._keep(*await self._source())
        except (AzureError, NoUser, OSError, TimeoutError) as error:
            self._failure = str(error) or type(error).__name__
            log.warning("no newer token for Redis: %s", self._failure)
            return False
        return self.serial != before

    def _keep(self, value: str, ends_at: float) -> None:
        """A token that ends no later than the present one is no renewal."""
        claims = _claims(value)
        user = self._user or claims.oid
        if not user:
            raise NoUser("the token has no claim oid; name the user in redis.user")
        left = ends_at - self._wall()
        life = claims.exp - claims.iat if 0 < claims.iat < claims.exp else left
        # a clock that is behind would make it look good for longer than it ever was
        token = Token(
            user, value, timedelta(seconds=life), self._monotonic() + max(0.0, min(left, life))
        )
        if self._token is None or value != self._token.value:
            self._token = token
            self.serial += 1
        self._failure = ""


def _claims(token: str) -> _Claims:
    """The claims of a JWT, unchecked: Redis checks them. Nothing for another kind of token."""
    parts = token.split(".")
    if len(parts) != 3:
        return _Claims()
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(body, type=_Claims)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return _Claims()
