"""A Redis URL becomes a client, or one clear sentence that never shows the password."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.redis_client import Durability, RedisUrlError, connect, embedded_folder


@pytest.mark.proves("C133")
@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@cache.example:6379/1",
        "rediss://:hunter2@cache.example:10000/3",
        "redis://:hunter2@cache.example?db=2",
        "unix:///run/valkey.sock?db=1",
    ],
)
def test_only_database_zero_is_used(url: str) -> None:
    with pytest.raises(RedisUrlError, match="only database 0") as caught:
        connect(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("redis://cache.example", {"host": "cache.example"}),
        ("redis://cache.example:7000/0", {"host": "cache.example", "port": 7000}),
        ("rediss://bot:pw@cache.example:10000", {"username": "bot", "password": "pw"}),
        ("unix:///run/a%20b/valkey.sock", {"path": "/run/a b/valkey.sock"}),
    ],
)
async def test_url_says_where(url: str, where: dict[str, object]) -> None:
    client = connect(url)
    kwargs = client.connection_pool.connection_kwargs
    assert {name: kwargs[name] for name in where} == where
    assert kwargs["retry"]._retries == 0
    assert kwargs["protocol"] == 2
    await client.aclose()


def test_other_scheme_is_refused() -> None:
    with pytest.raises(RedisUrlError, match="begins with embedded:"):
        connect("http://cache.example")


def test_embedded_names_a_folder() -> None:
    assert embedded_folder("embedded:/var/lib/sekisho") == Path("/var/lib/sekisho")
    assert embedded_folder("redis://cache.example") is None
    with pytest.raises(RedisUrlError, match="needs a folder"):
        embedded_folder("embedded:")


@pytest.mark.proves("FAULT-15", "C133")
def test_unreadable_is_neither_good_nor_bad() -> None:
    found = Durability(appendfsync=None, appendonly="yes", maxmemory_policy="allkeys-lfu")
    assert found.unknown == ("appendfsync",)
    assert len(found.problems) == 1
