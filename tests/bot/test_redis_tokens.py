"""A managed Redis with short-lived tokens: nobody notices that one ends, or that a line was cut."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from approvals.audit.verify import verify
from approvals.ledger import Consumer, Ledger, LedgerUnavailable, Recorded
from bot.embedded import Embedded
from bot.redis_client import connect
from bot.redis_pool import FreshPool, keep_fresh
from bot.redis_tokens import SCOPE, TokenCredentials
from defender.clients import AzureClients
from defender.errors import AzureRefused, AzureUnavailable
from tests.approvals.samples import SATO, approved, file, step
from tests.proxy import Proxy
from tests.redis_fixtures import KEYS
from tests.stage import set_stage

OID = "2f1c9b7e-0000-4000-8000-5e1f00000001"
LIFE = 3600.0


def jwt(number: int, *, issued: float, life: float = LIFE) -> str:
    claims = {"oid": OID, "iat": issued, "exp": issued + life, "n": number}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.sig{number}"


@dataclass(slots=True)
class Entra:
    """Gives tokens and, like the service, makes Redis accept the newest one alone."""

    admin: Redis
    now: float = 1_800_000_000.0
    given: list[str] = field(default_factory=list)
    is_down: bool = False

    async def give(self) -> tuple[str, float]:
        if self.is_down:
            raise AzureUnavailable("NotSent", "the token endpoint is down")
        self.given.append(jwt(len(self.given) + 1, issued=self.now))
        await self.admin.execute_command(  # type: ignore[no-untyped-call]
            "ACL", "SETUSER", OID, "on", "resetpass", f">{self.given[-1]}", "~*", "&*", "+@all"
        )
        return self.given[-1], self.now + LIFE

    async def end_connections(self) -> None:
        """What the service does to connections whose token has expired."""
        await self.admin.execute_command("CLIENT", "KILL", "USER", OID)  # type: ignore[no-untyped-call]

    async def authenticated(self) -> int:
        """How often AUTH was called by now."""
        stats = await self.admin.info("commandstats")
        return int(stats.get("cmdstat_auth", {"calls": 0})["calls"])


@pytest.fixture
async def entra(valkey: Embedded, redis: Redis) -> AsyncIterator[Entra]:
    yield Entra(redis)
    await redis.execute_command("ACL", "DELUSER", OID)  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class Managed:
    """The bot's side: one client with tokens."""

    entra: Entra
    tokens: TokenCredentials
    client: Redis
    ledger: Ledger

    @property
    def pool(self) -> FreshPool:
        assert isinstance(self.client.connection_pool, FreshPool)
        return self.client.connection_pool

    def sleep(self, **delta: float) -> None:
        self.entra.now += timedelta(**delta).total_seconds()


@pytest.fixture
async def managed(valkey: Embedded, entra: Entra) -> AsyncIterator[Managed]:
    tokens = TokenCredentials(entra.give, wall=lambda: entra.now, monotonic=lambda: entra.now)
    client = connect(valkey.url, credentials=tokens)
    yield Managed(entra, tokens, client, Ledger(client, KEYS))
    await client.aclose()


@pytest.mark.proves("C131")
async def test_user_is_the_object_id_of_the_token(managed: Managed) -> None:
    assert await managed.client.execute_command("ACL", "WHOAMI") == OID.encode()  # type: ignore[no-untyped-call]


@pytest.mark.proves("C131")
async def test_named_user_wins(entra: Entra) -> None:
    tokens = TokenCredentials(entra.give, user="sekisho", wall=lambda: entra.now)
    assert (await tokens.get_credentials_async())[0] == "sekisho"


@pytest.mark.proves("C131")
async def test_every_pooled_connection_knows_the_new_token_before_the_old_one_ends(
    managed: Managed,
) -> None:
    request = await file(managed.ledger)
    await asyncio.gather(*(managed.ledger.read(request.id) for _ in range(6)))
    managed.sleep(minutes=31)
    assert managed.tokens.is_due
    before = await managed.entra.authenticated()
    assert await managed.tokens.renew()
    renewed = await managed.pool.renew_idle()
    assert renewed > 1
    assert await managed.entra.authenticated() == before + renewed
    assert await managed.pool.renew_idle() == 0
    assert len(managed.entra.given) == 2


@pytest.mark.proves("C131")
async def test_first_click_after_a_quiet_night_is_recorded(managed: Managed) -> None:
    """65 minutes without traffic: the token is over, the service has cut every connection."""
    request = await file(managed.ledger)
    now = await managed.ledger.now()
    managed.sleep(minutes=65)
    await managed.entra.end_connections()
    assert isinstance(await step(managed.ledger, approved(request, SATO, now), "click"), Recorded)
    assert (await verify(managed.ledger.store, KEYS)).head == 2
    assert len(managed.entra.given) == 2


@pytest.mark.proves("C131")
async def test_connections_killed_between_two_commands_are_replaced_unnoticed(
    managed: Managed,
) -> None:
    request = await file(managed.ledger)
    for n in range(10):
        await managed.entra.end_connections()
        assert await managed.ledger.read(request.id) == request
        await managed.entra.end_connections()
        request = await file(managed.ledger, f"click{n}", ports=(1000 + n,))
    report = await verify(managed.ledger.store, KEYS)
    assert (report.is_good, report.head) == (True, 11)


@pytest.mark.proves("C131")
async def test_connection_that_died_without_a_word_is_replaced(valkey: Embedded) -> None:
    """A proxy forgot it: no end is ever seen, only silence."""
    async with Proxy(valkey.socket) as proxy:
        client = connect(proxy.url)
        ledger = Ledger(client, KEYS)
        request = await file(ledger)
        for idle in client.connection_pool._available_connections:
            idle.next_health_check = 0  # idle for longer than 30 s
        proxy.forget()
        before = proxy.connections
        assert await ledger.read(request.id) == request
        assert proxy.connections == before + 1
        await client.aclose()


@pytest.mark.proves("C131")
async def test_token_endpoint_down_at_renewal_is_amber_and_then_renewed(managed: Managed) -> None:
    request = await file(managed.ledger)
    managed.entra.is_down = True
    managed.sleep(minutes=31)
    assert not await managed.tokens.renew()
    assert managed.tokens.problem() == "", "more than a quarter of its life is left"
    managed.sleep(minutes=15)
    assert not await managed.tokens.renew()
    assert "token ends in 840 s" in managed.tokens.problem()
    assert "endpoint is down" in managed.tokens.problem()
    assert await managed.ledger.read(request.id) == request
    managed.entra.is_down = False
    assert await managed.tokens.renew()
    assert managed.tokens.problem() == ""


@pytest.mark.proves("C131")
async def test_without_any_token_it_is_said_and_nothing_is_recorded(managed: Managed) -> None:
    request = await file(managed.ledger)
    change = approved(request, SATO, await managed.ledger.now())
    managed.entra.is_down = True
    managed.sleep(minutes=61)
    await managed.entra.end_connections()
    with pytest.raises(LedgerUnavailable, match="no token for Redis"):
        await step(managed.ledger, change, "click")
    managed.entra.is_down = False
    assert isinstance(await step(managed.ledger, change, "click"), Recorded)


@pytest.mark.proves("C131")
async def test_loop_renews_at_half_the_life(managed: Managed) -> None:
    await managed.client.ping()
    assert timedelta(minutes=29) < managed.tokens.next_look() <= timedelta(minutes=30)
    managed.sleep(minutes=31)
    assert managed.tokens.next_look() <= timedelta(seconds=30)
    managed.sleep(minutes=29.5)
    tokens = TokenCredentials(managed.entra.give, wall=lambda: managed.entra.now)
    await keep_fresh(managed.client, tokens)
    assert tokens.serial == 1


@pytest.mark.proves("C131", "C129")
async def test_blocking_reader_renews_as_well(managed: Managed) -> None:
    consumer = Consumer(managed.ledger, "show", "p1", block=timedelta(milliseconds=20))
    await file(managed.ledger)
    entries = consumer.entries()
    assert (await anext(entries)).sequence == 1
    managed.sleep(minutes=31)
    await managed.tokens.renew()
    await managed.entra.end_connections()
    await file(managed.ledger, "two", ports=(23,))
    assert (await anext(entries)).sequence == 2
    await consumer.close()


async def test_token_that_names_nobody_is_refused_with_what_to_do(entra: Entra) -> None:
    async def opaque() -> tuple[str, float]:
        return "opaque", entra.now + LIFE

    tokens = TokenCredentials(opaque, wall=lambda: entra.now)
    with pytest.raises(RedisConnectionError, match=r"redis\.user"):
        await tokens.get_credentials_async()


@pytest.mark.parametrize("skew", [-600.0, 600.0])
async def test_wrong_clock_never_makes_a_token_look_good_for_longer(
    entra: Entra, skew: float
) -> None:
    tokens = TokenCredentials(
        entra.give, wall=lambda: entra.now + skew, monotonic=lambda: entra.now
    )
    await tokens.renew()
    assert tokens.left == timedelta(seconds=min(LIFE, LIFE - skew))


@pytest.mark.proves("C131")
async def test_bot_logs_in_with_tokens_of_its_azure_identity(
    valkey: Embedded, redis: Redis, tmp_path: Path
) -> None:
    """The sandbox's tokens are no JWT, so the settings name the user."""
    await redis.execute_command(  # type: ignore[no-untyped-call]
        "ACL", "SETUSER", "sekisho", "on", "nopass", "~*", "&*", "+@all"
    )
    stage = await set_stage(tmp_path, redis_url=valkey.url)
    changed = replace(stage.settings.redis, entra=True, user="sekisho")
    stage.settings = replace(stage.settings, redis=changed)
    await stage.start_bot()
    try:
        who = await stage.service.redis.execute_command("ACL", "WHOAMI")  # type: ignore[no-untyped-call]
        assert who == b"sekisho"
        assert "redis_token" in stage.service.health.warnings
        assert "redis_token" not in stage.service.health.problems()
    finally:
        await stage.stop()
        await redis.execute_command("ACL", "DELUSER", "sekisho")  # type: ignore[no-untyped-call]


@pytest.mark.proves("C131")
async def test_refused_identity_is_one_of_the_worlds_failures(tmp_path: Path) -> None:
    stage = await set_stage(tmp_path)
    wrong = replace(stage.settings.azure, client_secret="not the secret")
    async with AzureClients(wrong) as azure:
        with pytest.raises(AzureRefused, match="7000215"):
            await azure.token(SCOPE)
    await stage.slack.stop()
    await stage.azure.stop()
