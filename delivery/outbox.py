"""What waits to be shown in Slack, per channel, in Redis: nothing queued is ever lost.

An item is a `Card` (show the object's *current* state, newest wins), a `Line` (say this text once,
in a channel, a thread or a DM) or a `File` (share it once). Queueing is idempotent by key: a
consequence that runs twice says nothing twice. Every write of a poster is fenced by its channel's
lease.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Any, NewType, cast

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

ChannelId = NewType("ChannelId", str)
ObjectId = NewType("ObjectId", str)

#: What a caller sees when the queue can't be reached, or is refused by Redis.
OUTBOX_ERRORS = (RedisError, OSError)

#: A key is remembered longer than any entry can wait to be claimed again.
KEY_MEMORY = timedelta(days=7)

#: A line's receipt proves what was told in it, as long as the feeds remember an alert.
RECEIPT_MEMORY = timedelta(days=100)

_BEGIN = """
local tried = redis.call('GET', KEYS[1])
if tried then return tried end
redis.call('SET', KEYS[1], redis.call('TIME')[1], 'EX', ARGV[1])
return ''
"""
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if holder then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_GIVE_BACK = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
_FORGET_EMPTY = """
if redis.call('XLEN', KEYS[1]) > 0 then return 0 end
return redis.call('SREM', KEYS[2], ARGV[1])
"""


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
    #: a line of a thread that the channel reads as well (C117).
    is_aloud: bool = False


class File(msgspec.Struct, frozen=True, tag="file"):
    """Share the file of this object once, as it is when the item is sent."""

    key: str
    object_id: ObjectId
    thread_of: ObjectId | None = None


Item = Card | Line | File


class Address(msgspec.Struct, frozen=True):
    """Where an object's card stands and which version of it was shown last."""

    channel: ChannelId
    ts: str
    shown_version: int


class Queued(msgspec.Struct, frozen=True):
    """An item with its place in the stream."""

    stream_id: str
    item: Item


@dataclass(frozen=True, slots=True)
class Poster:
    """Who may post to a channel: the holder of its lease, known by `token`."""

    channel: ChannelId
    token: str

    @property
    def lease(self) -> str:
        return f"outbox:{self.channel}"


_ITEM = msgspec.json.Decoder(Item)
_ADDRESS = msgspec.json.Decoder(Address)


class Outbox:
    """The queues. Every key carries the hash tag, so a cluster keeps them in one slot."""

    def __init__(self, redis: Redis, *, tag: str) -> None:
        self._redis = redis
        self._prefix = f"{{{tag}}}"
        self._put = redis.register_script(_source("outbox.lua"))
        self._finish = redis.register_script(_source("outbox_finish.lua"))
        self._move = redis.register_script(_source("outbox_move.lua"))
        self._begin = redis.register_script(_BEGIN)
        self._take = redis.register_script(_TAKE)
        self._give_back = redis.register_script(_GIVE_BACK)
        self._forget_empty = redis.register_script(_FORGET_EMPTY)

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
        memory = int(KEY_MEMORY.total_seconds())
        return bool(await _run(self._put, keys, [channel, msgspec.json.encode(item), memory]))

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

    async def forget_empty(self, channel: ChannelId) -> None:
        """An empty channel is not looked at again until something is queued for it."""
        await _run(
            self._forget_empty, [self._key("outbox", channel), self._key("outboxes")], [channel]
        )

    # --- what a poster does with an item; False: the lease is another's and nothing was written ---

    async def finish(
        self,
        poster: Poster,
        stream_id: str,
        *,
        attempts: Sequence[str] = (),
        shown: tuple[ObjectId, Address] | None = None,
        receipt: tuple[str, str] = ("", ""),
    ) -> bool:
        """The item is told: its tries are settled, its card's address is known.

        `receipt`: key and ts of an item that is not a card.
        """
        object_id, address = shown or (ObjectId(""), None)
        keys = [
            self._key("lease", poster.lease),
            self._key("outbox", poster.channel),
            self._key("address", object_id),
            self._key("object", address.channel, address.ts) if address else self._key("object"),
            self._key("receipt", receipt[0]),
            *(self._key("attempt", key) for key in attempts),
        ]
        encoded = msgspec.json.encode(address) if address else b""
        memory = int(RECEIPT_MEMORY.total_seconds())
        args: list[str | bytes | int] = [
            poster.token, stream_id, encoded, object_id, receipt[1], memory
        ]  # fmt: skip
        return bool(await _run(self._finish, keys, args))

    async def move(self, poster: Poster, target: ChannelId, queued: Queued, why: str) -> bool:
        """Hand an item to the fallback channel."""
        return await self._hand_over(poster, self._key("outbox", target), target, queued, why)

    async def set_aside(self, poster: Poster, queued: Queued, why: str) -> bool:
        """Keep an item that Slack will never take where it blocks nothing: `outbox-refused`."""
        return await self._hand_over(
            poster, self._key("outbox-refused"), ChannelId(""), queued, f"{poster.channel}: {why}"
        )

    async def set_aside_count(self) -> int:
        return int(await self._redis.xlen(self._key("outbox-refused")))

    async def _hand_over(
        self, poster: Poster, queue: str, target: ChannelId, queued: Queued, why: str
    ) -> bool:
        keys = [
            self._key("lease", poster.lease),
            self._key("outbox", poster.channel),
            queue,
            self._key("outboxes"),
            self._key("bell"),
        ]
        item = msgspec.json.encode(queued.item)
        args: list[str | bytes | int] = [poster.token, queued.stream_id, item, target, why]
        return bool(await _run(self._move, keys, args))

    # --- attempts: has this item perhaps been posted already? ---

    async def begin(self, key: str) -> float | None:
        """Note that a post is about to be tried. When it was tried before: since when (Unix s)."""
        memory = int(KEY_MEMORY.total_seconds())
        tried = _text(await _run(self._begin, [self._key("attempt", key)], [memory]))
        return float(tried) if tried else None

    async def settle(self, key: str) -> None:
        """The try is known to have failed."""
        await self._redis.delete(self._key("attempt", key))

    # --- addresses of cards ---

    async def address(self, object_id: ObjectId) -> Address | None:
        raw = await self._redis.get(self._key("address", object_id))
        return None if raw is None else _ADDRESS.decode(raw)

    async def object_at(self, channel: str, ts: str) -> ObjectId | None:
        """Whose card this message is."""
        found = await self._redis.get(self._key("object", channel, ts))
        return None if found is None else ObjectId(_text(found))

    async def receipts(self, keys: Sequence[str]) -> set[str]:
        """Those of these lines and files that were told."""
        names = [self._key("receipt", key) for key in keys]
        found = cast(Any, await self._redis.mget(names)) if names else []
        return {key for key, ts in zip(keys, found, strict=True) if ts is not None}

    # --- leases: one poster per channel ---

    async def take(self, poster: Poster, ttl: timedelta) -> bool:
        """Take or renew the channel's lease."""
        milliseconds = int(ttl.total_seconds() * 1000)
        key = self._key("lease", poster.lease)
        return bool(await _run(self._take, [key], [poster.token, milliseconds]))

    async def give_back(self, poster: Poster) -> None:
        await _run(self._give_back, [self._key("lease", poster.lease)], [poster.token])


async def ring(redis: Redis, *, tag: str, block_ms: int) -> AsyncIterator[None]:
    """Yields whenever something was queued, and at least every `block_ms` (own connection)."""
    last = "$"
    while True:
        rows = await redis.xread({f"{{{tag}}}:bell": last}, block=block_ms)
        for _stream, entries in cast(Any, rows or []):
            last = _text(entries[-1][0])
        yield


async def _run(script: AsyncScript, keys: list[str], args: list[str | bytes | int]) -> Any:
    return await script(keys=keys, args=args)


def _source(name: str) -> str:
    return resources.files("delivery").joinpath(name).read_text("utf-8")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _field(fields: Any, name: str) -> bytes | str:
    value = fields.get(name.encode(), fields.get(name))
    if value is None:
        raise ValueError("an outbox entry without its item: not written by Sekisho")
    return cast(bytes | str, value)
