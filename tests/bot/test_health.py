"""What `/live`, `/ready` and `/metrics` say, and how many replicas there are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from bot.health import Colour, Health
from bot.health_door import application
from bot.replicas import Replicas


class Parts:
    """Problems that a test sets."""

    def __init__(self) -> None:
        self.fatal = self.blocking = self.red = self.amber = ""

    def health(self) -> Health:
        return Health(
            fatal={"socket": lambda: self.fatal},
            blocking={"slack": lambda: self.blocking},
            checks={"delivery": lambda: self.red},
            warnings={"connections": lambda: self.amber},
            metrics={"posted": lambda: 3.0},
            is_ready=True,
        )


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
async def client(parts: Parts) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    async with TestClient(TestServer(application(parts.health()))) as made:
        yield made


async def ask(client: TestClient, path: str) -> tuple[int, str, dict[str, str]]:  # type: ignore[type-arg]
    answer = await client.get(path)
    body = await answer.json()
    return answer.status, body["health"], body["problems"]


async def test_all_is_well(client: TestClient) -> None:  # type: ignore[type-arg]
    assert await ask(client, "/ready") == (200, "green", {})
    assert await ask(client, "/live") == (200, "green", {})


@pytest.mark.proves("C054")
async def test_ghost_connections_are_amber_and_it_serves_on(
    client: TestClient,  # type: ignore[type-arg]
    parts: Parts,
) -> None:
    parts.amber = "Slack counts 9 connections more than there are replicas"
    assert await ask(client, "/ready") == (200, "amber", {"connections": parts.amber})
    assert (await ask(client, "/live"))[0] == 200


@pytest.mark.proves("FAULT-19")
async def test_an_archived_channel_is_red_and_it_serves_on(
    client: TestClient,  # type: ignore[type-arg]
    parts: Parts,
) -> None:
    parts.red = "C0OPS: is_archived"
    assert await ask(client, "/ready") == (200, "red", {"delivery": "C0OPS: is_archived"})
    assert (await ask(client, "/live"))[0] == 200


async def test_without_slack_it_is_not_ready_but_alive(
    client: TestClient,  # type: ignore[type-arg]
    parts: Parts,
) -> None:
    parts.blocking = "not connected"
    assert await ask(client, "/ready") == (503, "red", {"slack": "not connected"})
    assert (await ask(client, "/live"))[0] == 200


@pytest.mark.proves("C055")
async def test_deaf_for_long_it_should_be_started_anew(
    client: TestClient,  # type: ignore[type-arg]
    parts: Parts,
) -> None:
    parts.fatal = "nothing heard from Slack for 200 s"
    assert await ask(client, "/live") == (503, "red", {"socket": parts.fatal})
    assert (await ask(client, "/ready"))[0] == 503


async def test_metrics_hold_the_colour(
    client: TestClient,  # type: ignore[type-arg]
    parts: Parts,
) -> None:
    parts.amber = "x"
    answer = await client.get("/metrics")
    text = await answer.text()
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "sekisho_posted 3.0" in text
    assert f"sekisho_health {float(Colour.AMBER)}" in text


def test_before_it_is_ready_it_is_red() -> None:
    health = Health()
    assert health.colour() is Colour.RED
    assert not health.can_serve()


@pytest.mark.proves("C054")
async def test_replicas_are_counted_until_they_leave(redis: Redis) -> None:
    first = Replicas(redis, tag="test", name="first")
    second = Replicas(redis, tag="test", name="second")
    await first.beat()
    await second.beat()
    await first.beat()
    assert (first.alive, second.alive) == (2, 2)
    await second.leave()
    await first.beat()
    assert first.alive == 1


@pytest.mark.proves("C054")
async def test_a_replica_without_heartbeat_is_forgotten(redis: Redis) -> None:
    seconds, _ = await redis.time()
    await redis.zadd("{test}:replicas", {"dead": seconds - 60, "quiet": seconds - 20})
    replica = Replicas(redis, tag="test", name="first")
    await replica.beat()
    assert replica.alive == 2
