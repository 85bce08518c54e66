"""`sekisho feeds verify` against a real server: languages, exit codes, what is gone by name."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from bot import embedded
from feeds.store import AlertStore
from tests.bot.command import SECRETS, Ended, sekisho, settings_file
from tests.feeds.alerts import OPS, an_alert, arriving


@dataclass(slots=True)
class Place:
    """A server with three alerts that wait."""

    config: Path
    redis: Redis

    async def verify(self, *words: str) -> Ended:
        words = ("feeds", "verify", *words, "--config", str(self.config))
        return await sekisho(*words, env=SECRETS)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    server = await embedded.start(tmp_path / "data", os.environ)
    client = server.client()
    await AlertStore(client, tag="sekisho").ingest(arriving(*(an_alert(n) for n in range(3))))
    yield Place(settings_file(tmp_path, redis=f"embedded:{tmp_path}/data"), client)
    await client.aclose()
    await server.stop()


async def remove_one(redis: Redis) -> None:
    """An entry of the queue, by hand."""
    feed = f"{{sekisho}}:feed:{OPS}"
    rows = cast(Any, await redis.xrange(feed))
    await redis.xdel(feed, rows[1][0])


@pytest.mark.proves("D14")
async def test_nothing_missing(place: Place) -> None:
    ended = await place.verify()
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "Alerts ingested: 3. Told: 0, waiting: 3, muted: 0.",
        "Nothing is missing: every alert is told, waiting or muted.",
    ]


@pytest.mark.proves("D14")
async def test_a_removed_entry_is_named(place: Place) -> None:
    await remove_one(place.redis)
    ended = await place.verify()
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "Alerts ingested: 3. Told: 0, waiting: 2, muted: 0.",
        f"Neither told, waiting nor muted: alert {an_alert(1).key}",
        "Missing: 1.",
    ]


@pytest.mark.proves("D14")
async def test_in_japanese(place: Place) -> None:
    good = await place.verify("--language", "ja")
    assert (good.code, good.out.splitlines()[1]) == (
        0,
        "失われたものはありません。すべてのアラートが通知済み、待機中、ミュートのいずれかです。",
    )
    await remove_one(place.redis)
    bad = await place.verify("--language", "ja")
    assert bad.code == 1
    assert f"いずれでもないアラート：{an_alert(1).key}" in bad.out


async def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    config = settings_file(tmp_path, redis=f"embedded:{tmp_path}/nothing")
    ended = await sekisho("feeds", "verify", "--config", str(config), env=SECRETS)
    assert ended.code == 1
    assert "nothing" in ended.err
