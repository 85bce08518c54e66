"""A backlog of 10,000 alerts, from the bytes of Azure's pages to durable in Redis and queued.

The floor reads the same pages into typed structs and calls one raw script per 500 alerts, which
knows them by id, keeps their bytes and queues their ids: no evidence resolved, no fingerprint, no
index, no mutes, no counters.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from redis.asyncio import Redis

from benchmarks.alert_pages import page
from benchmarks.figures import Figure, Unit
from benchmarks.ground import Ground
from bot.redis_client import connect
from defender.alert import Alert
from defender.alert_decode import alert_page, decode_arm
from delivery.outbox import ChannelId
from feeds.ahead import ahead
from feeds.store import AlertStore, Arrival

ALERTS = 10_000
PAGE = 500
CHANNEL = ChannelId("C0OPS")
TURN_SECONDS = 0.002

_RAW = """
for place = 1, #ARGV, 2 do
  if redis.call('ZADD', KEYS[1], 'NX', place, ARGV[place]) == 1 then
    redis.call('SET', KEYS[3] .. ARGV[place], ARGV[place + 1])
    redis.call('XADD', KEYS[2], '*', 'alert', ARGV[place])
  end
end
return 1
"""


class _Id(msgspec.Struct, frozen=True, rename="camel"):
    azure_resource_id: str = ""
    workspace_id: str = ""


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    system_alert_id: str
    alert_display_name: str = ""
    alert_type: str = ""
    severity: str = ""
    status: str = ""
    intent: str = ""
    description: str = ""
    product_name: str = ""
    time_generated_utc: str = ""
    start_time_utc: str = ""
    end_time_utc: str = ""
    alert_uri: str = ""
    techniques: list[str] = []
    remediation_steps: list[str] = []
    resource_identifiers: list[_Id] = []
    entities: list[dict[str, Any]] = []
    extended_properties: dict[str, str] = {}


class _Item(msgspec.Struct, frozen=True):
    id: str
    properties: _Properties


class _Page(msgspec.Struct, frozen=True):
    value: list[msgspec.Raw]


_page = msgspec.json.Decoder(_Page)
_item = msgspec.json.Decoder(_Item)

Way = Callable[[Redis, list[bytes]], Awaitable[None]]


async def ingest(ground: Ground, rounds: int) -> list[Figure]:
    """Both ways in turn, each into an empty workspace; then the same backlog once more."""
    pages = [page(start, PAGE) for start in range(0, ALERTS, PAGE)]
    ours, floor, again, bare = [], [], [], []
    async for redis in _clients(ground):
        for _ in range(rounds + 1):
            bare.append(await _decoding(pages))
            floor.append(await _timed(redis, pages, _floor))
            await _clear(redis)
            ours.append(await _timed(redis, pages, _ours))
            again.append(await _timed(redis, pages, _ours))
            await _clear(redis)
    size = sum(map(len, pages)) / ALERTS / 1000
    return [
        Figure(
            "ingest",
            f"{ALERTS:,} alerts parsed and ingested",
            Unit.MILLISECONDS,
            tuple(ours[1:]),
            tuple(floor[1:]),
            note=f"{size:.1f} kB each; making alerts of the pages alone takes "
            f"{sorted(bare[1:])[len(bare[1:]) // 2]:.0f} ms of it",
        ),
        Figure(
            "ingest_again",
            f"{ALERTS:,} known alerts again",
            Unit.MILLISECONDS,
            tuple(again[1:]),
            note="what a poll with an overlap reads anew",
        ),
    ]


async def _clients(ground: Ground) -> AsyncIterator[Redis]:
    client = connect(ground.valkey.url)
    yield client
    await client.aclose()


async def _clear(redis: Redis) -> None:
    """The workspace's keys are gone; their memory too, before the next sample."""
    async for key in redis.scan_iter("{ingest}*", count=2_000):
        await redis.unlink(key)
    await asyncio.sleep(0.2)


async def _timed(redis: Redis, pages: list[bytes], way: Way) -> float:
    began = time.perf_counter()
    await way(redis, pages)
    return (time.perf_counter() - began) * 1000


async def _floor(redis: Redis, pages: list[bytes]) -> None:
    script = redis.register_script(_RAW)
    keys = ["{ingest}:floor:seen", "{ingest}:floor:queue", "{ingest}:floor:alert:"]
    for body in pages:
        given: list[bytes | str] = []
        for raw in _page.decode(body).value:
            given += (_item.decode(raw).properties.system_alert_id, bytes(raw))
        await script(keys=keys, args=given)


async def _ours(redis: Redis, pages: list[bytes]) -> None:
    store = AlertStore(redis, tag="ingest")
    async for alerts in ahead(_read(pages)):
        if len(alerts) != PAGE:
            raise ValueError(f"a page of {PAGE} alerts was read as {len(alerts)}")
        await store.ingest([Arrival(alert, CHANNEL, "everything") for alert in alerts])


async def _read(pages: list[bytes]) -> AsyncIterator[list[Alert]]:
    """As the gateway does it: with a turn for others every few milliseconds."""
    for body in pages:
        alerts: list[Alert] = []
        until = 0.0
        for item in alert_page(body).items:
            if time.monotonic() >= until:
                await asyncio.sleep(0)
                until = time.monotonic() + TURN_SECONDS
            alerts.append(decode_arm(item))
        yield alerts


async def _decoding(pages: list[bytes]) -> float:
    began = time.perf_counter()
    async for _ in _read(pages):
        pass
    return (time.perf_counter() - began) * 1000
