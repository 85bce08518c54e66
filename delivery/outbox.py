"""What waits to be shown in Slack, per channel, in Redis: nothing queued is ever lost.

An item is either a `Card` (show the object's *current* state, newest wins) or a `Line` (say this
text once, in a channel, a thread or a DM). Queueing is idempotent by key: a consequence that runs
twice says nothing twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import resources
from typing import Any, NewType, cast

import msgspec
from redis.asyncio import Redis

ChannelId = NewType("ChannelId", str)
ObjectId = NewType("ObjectId", str)

#: A key is remembered longer than any entry can wait to be claimed again.
KEY_MEMORY_SECONDS = 7 * 24 * 3600


class Card(msgspec.Struct, frozen=True, tag="card"):
    """Show `object_id` as it is when the item is sent. `key` is unique per queued change."""

    key: str
    object_id: ObjectId


class Line(msgspec.Struct, frozen=True, tag="line"):
    """Say this once. `thread_of` puts it into the thread of that object's card."""

    key: str
    text: str
    blocks: list[dict[str, Any]] = []
    thread_of: ObjectId | None = None
    #: a thread that is not an object's (a request asked for by mention).
    thread_ts: str | None = None


Item = Card | Line


class Address(msgspec.Struct, frozen=True):
    """Where an object's card stands and which version of it was shown last."""

    channel: ChannelId
    ts: str
    shown_version: int


class Queued(msgspec.Struct, frozen=True):
    """An item with its place in the stream."""

    stream_id: str
    item: Item


_ITEM = msgspec.json.Decoder(Item)
_ADDRESS = msgspec.json.Decoder(Address)


class Outbox:
    """The queues. Every key carries the hash tag, so a cluster keeps them in one slot."""

    def __init__(self, redis: Redis, *, tag: str) -> None:
        self._redis = redis
        self._prefix = f"{{{tag}}}"
        source = resources.files("delivery").joinpath("outbox.lua").read_text("utf-8")
        self._put = redis.register_script(source)

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    async def put(self, channel: ChannelId, item: Item) -> bool:
        """Queue `item`; False when its key was queued before."""
        keys = [
            self._key("told", item.key),
            self._key("outbox", channel),
            self._key("outboxes"),
            self._key("bell"),
        ]
        args: list[str | bytes | int] = [channel, msgspec.json.encode(item), KEY_MEMORY_SECONDS]
        return bool(await self._put(keys=keys, args=args))

    async def channels(self) -> list[ChannelId]:
        """Channels that have, or had a moment ago, something waiting."""
        members = await cast(Any, self._redis.smembers(self._key("outboxes")))
        return sorted(ChannelId(_text(member)) for member in members)

    async def waiting(self, channel: ChannelId, count: int = 20) -> list[Queued]:
        """The oldest items of a channel, in order."""
        rows = cast(Any, await self._redis.xrange(self._key("outbox", channel), count=count))
        return [Queued(_text(row[0]), _ITEM.decode(_field(row[1], "item"))) for row in rows]

    async def size(self, channel: ChannelId) -> int:
        return int(await self._redis.xlen(self._key("outbox", channel)))

    async def remove(self, channel: ChannelId, stream_id: str) -> None:
        """The item is told. An empty channel is forgotten, unless something came meanwhile."""
        await self._redis.xdel(self._key("outbox", channel), stream_id)

    async def forget_empty(self, channel: ChannelId) -> None:
        if await self.size(channel) == 0:
            await cast(Any, self._redis.srem(self._key("outboxes"), channel))
            if await self.size(channel):  # queued between the two commands
                await cast(Any, self._redis.sadd(self._key("outboxes"), channel))

    async def move(self, source: ChannelId, target: ChannelId, queued: Queued) -> None:
        """Hand an item to the fallback channel: added there before it is taken from here."""
        item = msgspec.json.encode(queued.item)
        pipe = self._redis.pipeline(transaction=True)
        pipe.xadd(self._key("outbox", target), {"item": item})
        pipe.sadd(self._key("outboxes"), target)
        pipe.xdel(self._key("outbox", source), queued.stream_id)
        pipe.xadd(self._key("bell"), {"channel": target}, maxlen=100, approximate=True)
        await pipe.execute()

    # --- attempts: has this item perhaps been posted already? ---

    async def begin(self, key: str) -> bool:
        """Note that a post is about to be tried; True when one was tried before."""
        name = self._key("attempt", key)
        fresh = await self._redis.set(name, "1", nx=True, ex=KEY_MEMORY_SECONDS)
        return not fresh

    async def settle(self, key: str) -> None:
        """The outcome of the try is known."""
        await self._redis.delete(self._key("attempt", key))

    # --- addresses of cards ---

    async def address(self, object_id: ObjectId) -> Address | None:
        raw = await self._redis.get(self._key("address", object_id))
        return None if raw is None else _ADDRESS.decode(raw)

    async def save_address(self, object_id: ObjectId, address: Address) -> None:
        pipe = self._redis.pipeline(transaction=True)
        pipe.set(self._key("address", object_id), msgspec.json.encode(address))
        pipe.set(self._key("object", address.channel, address.ts), object_id)
        await pipe.execute()

    async def object_at(self, channel: str, ts: str) -> ObjectId | None:
        """Whose card this message is."""
        found = await self._redis.get(self._key("object", channel, ts))
        return None if found is None else ObjectId(_text(found))

    async def forget_address(self, object_id: ObjectId) -> None:
        await self._redis.delete(self._key("address", object_id))

    # --- leases: one poster per channel ---

    async def take(self, name: str, token: str, ttl_ms: int) -> bool:
        """Take or renew the lease `name` for `token`."""
        key = self._key("lease", name)
        if await self._redis.set(key, token, nx=True, px=ttl_ms):
            return True
        holder = await self._redis.get(key)
        if holder is None or _text(holder) != token:
            return False
        return bool(await self._redis.pexpire(key, ttl_ms))

    async def give_back(self, name: str, token: str) -> None:
        key = self._key("lease", name)
        holder = await self._redis.get(key)
        if holder is not None and _text(holder) == token:
            await self._redis.delete(key)


async def ring(redis: Redis, *, tag: str, block_ms: int) -> AsyncIterator[None]:
    """Yields whenever something was queued, and at least every `block_ms` (own connection)."""
    last = "$"
    while True:
        rows = await redis.xread({f"{{{tag}}}:bell": last}, block=block_ms)
        for _stream, entries in cast(Any, rows or []):
            last = _text(entries[-1][0])
        yield


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _field(fields: Any, name: str) -> bytes | str:
    value = fields.get(name.encode(), fields.get(name))
    if value is None:
        raise ValueError("an outbox entry without its item: not written by Sekisho")
    return cast(bytes | str, value)
