"""Kinds of alerts that a channel does not want to hear of for a time.

A mute is a consequence of a deed in the audit log. The ingest script applies it by Redis TIME, so
it ends by itself; what it keeps quiet is stored, counted and found by every search.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import msgspec

from delivery.outbox import ChannelId
from feeds.reading import AlertReads, milliseconds


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """What is muted where, until when. One type for the ledger, for the feed and for lists."""

    #: the deed's.
    id: str
    channel: ChannelId
    #: as `feeds.store.kind_of` makes it
    kind: str
    until: datetime
    #: a folded id or name, "" for all
    machine: str = ""
    #: who, why, and what people call the kind
    by: str = ""
    reason: str = ""
    name: str = ""
    #: the alert from which it was muted
    alert_key: str = ""
    #: ended before its time
    is_over: bool = False
    #: alerts that it has kept quiet so far; what is stored says nothing of it
    count: int = 0


class _InForce(msgspec.Struct, frozen=True):
    """As the ingest script reads it, which knows no dates."""

    until_ms: int
    mute: Mute


_mutes = msgspec.json.Decoder(Mute)
_in_force = msgspec.json.Decoder(_InForce)


def read_mute(body: bytes) -> Mute:
    return _mutes.decode(body)


def write_mute(mute: Mute) -> bytes:
    return msgspec.json.encode(mute)


class Mutes(AlertReads):
    """Writing them twice is writing them once: the id is the deed's."""

    async def mute(self, mute: Mute) -> None:
        """From now on. One that is over already is nothing."""
        until_ms = milliseconds(mute.until)
        if until_ms <= await self.scripts.now_ms():
            return
        folded = msgspec.structs.replace(
            mute, kind=mute.kind.casefold(), machine=mute.machine.casefold()
        )
        body = msgspec.json.encode(_InForce(until_ms, folded))
        await cast(Any, self._redis.hset(self.scripts.key("mutes"), mute.id, body))

    async def unmute(self, mute_id: str) -> bool:
        """False when it was over already."""
        return bool(await cast(Any, self._redis.hdel(self.scripts.key("mutes"), mute_id)))

    async def mutes(self) -> list[Mute]:
        """Those that hold now, the first to end first."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(self.scripts.key("mutes"))
        pipe.hgetall(self.scripts.key("mutes:counts"))
        rows, counts = await pipe.execute()
        now = await self.scripts.now_ms()
        found = [
            msgspec.structs.replace(row.mute, count=int(counts.get(name, 0)))
            for name, row in ((name, _in_force.decode(body)) for name, body in rows.items())
            if row.until_ms > now
        ]
        return sorted(found, key=lambda mute: mute.until)
