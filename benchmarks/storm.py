"""A storm of 10,000 alerts in 60 s through one channel, while people go on clicking.

The bound: Slack takes one message a second, so it is the larger of the storm itself and the number
of 9,000-character messages that hold every line.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml
from redis.asyncio import Redis

from approvals.request import Request
from benchmarks import payloads
from benchmarks.alert_pages import page
from benchmarks.children import ChildFailed, child, compile_ahead
from benchmarks.clicks import VMS, prepare
from benchmarks.figures import Figure, Unit
from benchmarks.ground import Ground
from benchmarks.load import client
from benchmarks.storm_process import Orders
from bot.locales import load
from bot.redis_client import connect
from defender.alert import Alert
from defender.alert_decode import decode_page
from delivery.outbox import Outbox
from feeds.store import AlertStore
from feeds.storm import Storms
from feeds.verify import FeedsReport, Verify

TAG = "storm"
CHANNEL = "C0GENERAL"
SECONDS = 60
CLICK_EVERY_SECONDS = 0.4
#: More than any storm of this size may take.
END_SECONDS = 300.0
LOOK_SECONDS = 0.25
#: Characters of one message.
TEXT_MAX = 9_000
WARM = 20
#: Imported when the first card asks whether its machine runs.
LATE_MODULE = "defender.instance_view"


async def storm(ground: Ground, alerts: int) -> list[Figure]:
    """`alerts` in 60 s, a few in as many seconds as they need."""
    seconds = max(5, SECONDS * alerts // 10_000)
    bound = await asyncio.to_thread(_bound, alerts, seconds)
    orders = Orders(TAG, seconds, str(ground.folder))
    for second in range(seconds):
        first, last = (alerts * part // seconds for part in (second, second + 1))
        orders.page_of(second).write_bytes(page(first, last - first))
    path = ground.folder / "storm.json"
    path.write_bytes(msgspec.json.encode(orders))
    count = int((bound + 40) / CLICK_EVERY_SECONDS)
    requests = await prepare(ground, TAG, count, vms=VMS)
    await compile_ahead(LATE_MODULE, ground.folder)
    redis = connect(ground.valkey.url)
    environ = ground.environment(TAG, changes={"SEKISHO_AUDIT__CHANNEL": "C0JA"})
    environ["SEKISHO_CONFIG"] = str(_one_channel(ground, Path(environ["SEKISHO_CONFIG"])))
    words = ["benchmarks.storm_process", str(path)]
    try:
        async with child(TAG, words, environ, ground.folder) as (bot, line):
            port = msgspec.json.decode(line, type=dict[str, int])["port"]
            clicks = _Clicks(ground, port, requests)
            await asyncio.to_thread(clicks.warm)
            await redis.set(f"{{{TAG}}}:go", "1")
            clicking = asyncio.create_task(asyncio.to_thread(clicks.run))
            found = await _watch(redis, alerts)
            clicks.is_over = True
            await clicking
            peak = peak_megabytes(bot.pid)
        kept = await Storms(redis, tag=TAG).storm("S-1")
    finally:
        await redis.aclose()
    posts = kept.lines if kept is not None else 0
    note = (
        f"{posts} detail messages; first message after {found.first:.1f} s, all counted after "
        f"{found.counted:.1f} s; verify: {found.report.told} told, nothing missing"
    )
    return [
        Figure(
            "storm", f"{alerts:,} alerts in {seconds} s, every line visible", Unit.SECONDS,
            (found.told,), (bound,), note=note,
        ),
        Figure(
            "storm_click", "click to ack during the storm", Unit.MILLISECONDS,
            tuple(clicks.samples),
        ),
        Figure(
            "storm_memory", "peak resident memory in the storm", Unit.MEGABYTES, (peak,),
            note="VmHWM of the whole bot",
        ),
    ]  # fmt: skip


def _one_channel(ground: Ground, demo: Path) -> Path:
    """The demo's settings, but every alert goes into one channel."""
    settings = yaml.safe_load(demo.read_text("utf-8"))
    settings["alerts"] = {"default_channel": CHANNEL}
    settings.pop("file_changes", None)
    path = ground.folder / "storm.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return path


class _Watched(msgspec.Struct):
    """Seconds since the storm began."""

    first: float = 0.0
    counted: float = 0.0
    told: float = 0.0
    report: FeedsReport = FeedsReport(0, 0, 0, 0)


async def _watch(redis: Redis, alerts: int) -> _Watched:
    """Until every line stands in Slack and its receipt in Redis."""
    began, found = time.monotonic(), _Watched()
    storms, outbox = Storms(redis, tag=TAG), Outbox(redis, tag=TAG)

    async def first() -> bool:
        return bool(await cast(Any, redis.exists(f"{{{TAG}}}:address:storm:S-1")))

    async def counted() -> bool:
        known = await storms.storm("S-1")
        return known is not None and known.total == alerts

    async def told() -> bool:
        known = await storms.storm("S-1")
        if known is None or known.total < alerts or known.waiting:
            return False
        last = f"storm:S-1:line:{known.lines}"
        return last in await outbox.receipts([last])

    found.first = await _until(first, began)
    found.counted = await _until(counted, began)
    found.told = await _until(told, began)
    found.report = await Verify(AlertStore(redis, tag=TAG), outbox).run()
    if found.report.told != alerts or not found.report.is_good:
        raise ChildFailed(f"verify says {found.report}")
    return found


async def _until(condition: Callable[[], Awaitable[bool]], began: float) -> float:
    async with asyncio.timeout(END_SECONDS):
        while not await condition():  # noqa: ASYNC110 another process makes it true
            await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - began


class _Clicks:
    """A click each 0.4 s, from a thread, so that nothing here waits for the storm's watching."""

    def __init__(self, ground: Ground, port: int, requests: list[Request]) -> None:
        signer, locale = payloads.signer(ground), payloads.english(load("en"))
        self._port = port
        self._sent = [signer.interactive(payloads.click(one, locale)) for one in requests]
        self.samples: list[float] = []
        self.is_over = False

    def warm(self) -> None:
        """Before the storm: the first ones meet imports and connections that are opened."""
        with client(self._port) as ours:
            for request in self._sent[:WARM]:
                ours.acked(request)
                time.sleep(CLICK_EVERY_SECONDS)

    def run(self) -> None:
        with client(self._port) as ours:
            for request in self._sent[WARM:]:
                if self.is_over:
                    return
                self.samples.append(ours.acked(request))
                time.sleep(CLICK_EVERY_SECONDS)


def _bound(alerts: int, seconds: int) -> float:
    """Seconds that nobody can beat: one message a second, each full."""
    size = 0
    for start in range(0, alerts, 500):
        decoded, _ = decode_page(page(start, min(500, alerts - start)))
        size += sum(len(_line(alert)) + 1 for alert in decoded)
    return max(float(seconds), -(-size // TEXT_MAX))


def _line(alert: Alert) -> str:
    """What has to be visible of each alert; ours may fold many into one."""
    at = f"{alert.generated_at:%H:%M:%S}" if alert.generated_at else ""
    return f"{at} {alert.severity}: {alert.title} {alert.machine} #{alert.key[20:28]}"


def peak_megabytes(pid: int) -> float:
    """VmHWM, in MB of a million bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError("no VmHWM")
