"""`python -m benchmarks.floor_process ORDERS.json`: the least that does the same work.

aiohttp, the signature, the JSON, and redis-py with the same read and the same call of ledger.lua
with arguments of the same size. No Bolt, no rules, no chain, no answer that a person could read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import msgspec
from aiohttp import web
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

#: Places in the script's ARGV, from 0: see the head of ledger.lua.
OP, HEAD_SEQUENCE, HEAD_MAC, AT, REQUEST = 0, 3, 4, 5, 13
MAC = 12


class Orders(msgspec.Struct, frozen=True):
    """What the floor is told: where Redis is, and a call of the script to copy."""

    socket: str
    sha: str
    audit: str
    request_prefix: str
    op_prefix: str
    draft: str
    secret: str
    keys: list[str]
    arguments: list[str]
    #: for Socket Mode: where to connect to; "" serves signed HTTP.
    link: str = ""


class Floor:
    """The raw work."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._redis = Redis(
            unix_socket_path=orders.socket,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=30,
        )
        self._turn = itertools.count(1)
        self._head: tuple[bytes, bytes] = (b"0", b"")
        self._ahead = 0

    async def start(self) -> None:
        """Know the head and how far Redis' clock is from ours."""
        rows = await self._command("XREVRANGE", self._orders.audit, "+", "-", "COUNT", 1)
        self._head = _head(rows[0])
        seconds, micros = await self._redis.time()
        self._ahead = seconds * 1_000_000 + micros - time.monotonic_ns() // 1000

    async def read(self, number: str) -> int:
        """Request, entries from the known head on, TIME: one round trip."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.execute_command("HGET", self._orders.request_prefix + number, "body")
        pipe.execute_command("XRANGE", self._orders.audit, self._head[0] + b"-0", "+", "COUNT", 200)
        pipe.execute_command("TIME")
        _, rows, now = await pipe.execute()
        self._head = _head(rows[-1])
        return int(now[0]) * 1_000_000 + int(now[1])

    async def _command(self, *words: Any) -> Any:
        return await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]

    def instant(self) -> int:
        return time.monotonic_ns() // 1000 + self._ahead

    async def decide(self, number: str, at: int) -> None:
        """The script, once, by its SHA-1."""
        op = f"bench-{next(self._turn)}"
        keys, arguments = list(self._orders.keys), list[Any](self._orders.arguments)
        keys[1] = self._orders.op_prefix + op
        keys[8] = self._orders.request_prefix + number
        arguments[OP], arguments[AT], arguments[REQUEST] = op, at, number
        arguments[HEAD_SEQUENCE], arguments[HEAD_MAC] = self._head
        answer = await self._command("EVALSHA", self._orders.sha, len(keys), *keys, *arguments)
        if answer[0] != b"recorded":
            raise RuntimeError(f"the floor was answered {answer!r}")
        self._head = (b"%d" % (int(self._head[0]) + 1), arguments[MAC].encode())

    async def keep_draft(self, text: str) -> None:
        """What a command writes before it answers."""
        await self._command("SET", f"{self._orders.draft}{next(self._turn)}", text, "PX", 900_000)


def _head(row: Any) -> tuple[bytes, bytes]:
    entry_id, fields = row
    return entry_id.partition(b"-")[0], fields[b"mac"]


class Handler:
    """One route, as an afternoon's bot would have it."""

    def __init__(self, floor: Floor, orders: Orders) -> None:
        self._floor = floor
        self._orders = orders

    async def __call__(self, request: web.Request) -> web.Response:
        body = await request.read()
        stamp = request.headers["X-Slack-Request-Timestamp"]
        base = b"v0:" + stamp.encode() + b":" + body
        expected = hmac.new(self._orders.secret.encode(), base, hashlib.sha256).hexdigest()
        is_late = abs(time.time() - int(stamp)) > 300
        signature = request.headers["X-Slack-Signature"]
        if is_late or not hmac.compare_digest(f"v0={expected}", signature):
            return web.Response(status=401)
        form = parse_qs(body.decode(), keep_blank_values=True)
        if "payload" not in form:
            await self._floor.keep_draft(body.decode())
            return web.json_response({"response_type": "ephemeral", "text": form["text"][0]})
        payload = json.loads(form["payload"][0])
        if payload["type"] == "block_suggestion":
            return web.json_response({"options": []})
        await _click(self._floor, payload)
        return web.Response()


async def _click(floor: Floor, payload: Any) -> None:
    number = payload["actions"][0]["value"].partition(".")[0]
    await floor.decide(number, await floor.read(number))


async def _serve(floor: Floor, orders: Orders, stop: asyncio.Event) -> None:
    application = web.Application()
    application.router.add_post("/slack/events", Handler(floor, orders))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await stop.wait()
    await runner.cleanup()


async def _listen(floor: Floor, orders: Orders, stop: asyncio.Event) -> None:
    """Socket Mode: parse and script; the head is kept in memory."""
    async with aiohttp.ClientSession() as session, session.ws_connect(orders.link) as link:
        print(json.dumps({"port": 0}), flush=True)
        ending = asyncio.create_task(stop.wait())
        ending.add_done_callback(lambda _: asyncio.ensure_future(link.close()))
        async for frame in link:
            envelope = json.loads(frame.data)
            if envelope["type"] != "interactive":
                continue
            payload = envelope["payload"]
            number = payload["actions"][0]["value"].partition(".")[0]
            await floor.decide(number, floor.instant())
            await link.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))


async def _run(orders: Orders) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    floor = Floor(orders)
    await floor.start()
    await (_listen if orders.link else _serve)(floor, orders, stop)


if __name__ == "__main__":
    asyncio.run(_run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Orders)))
