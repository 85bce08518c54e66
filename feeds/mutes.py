"""Kinds of alerts that a channel does not want to hear of for a time.

A mute is a consequence of a deed in the audit log. The ingest script applies it by Redis TIME, so
it ends by itself; what it keeps quiet is stored, counted and found by every search.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import msgspec

from delivery.outbox import ChannelId
from feeds.reading import AlertReads, instant, milliseconds
from feeds.scripts import text


class _Written(msgspec.Struct, frozen=True):
    """As the script reads it."""

    channel: str
    kind: str
    until_ms: int
    machine: str = ""
    by: str = ""
    reason: str = ""
    name: str = ""


_decoder = msgspec.json.Decoder(_Written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """`kind` as `feeds.store.kind_of` makes it; `machine` is a folded id or name, "" for all."""

    id: str
    channel: ChannelId
    kind: str
    until: datetime
    machine: str = ""
    #: who, why, and what people call the kind
    by: str = ""
    reason: str = ""
    name: str = ""
    #: alerts that it has kept quiet so far
    count: int = 0


class Mutes(AlertReads):
    """Writing them twice is writing them once: the id is the deed's."""

    async def mute(self, mute: Mute) -> None:
        """From now on. One that is over already is nothing."""
        if milliseconds(mute.until) <= await self.scripts.now_ms():
            return
        written = _Written(
            mute.channel, mute.kind.casefold(), milliseconds(mute.until), mute.machine.casefold(),
            mute.by, mute.reason, mute.name,
        )  # fmt: skip
        name = self.scripts.key("mutes")
        await cast(Any, self._redis.hset(name, mute.id, msgspec.json.encode(written)))

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
            Mute(
                id=text(name),
                channel=ChannelId(row.channel),
                kind=row.kind,
                until=instant(row.until_ms),
                machine=row.machine,
                by=row.by,
                reason=row.reason,
                name=row.name,
                count=int(counts.get(name, 0)),
            )
            for name, row in ((name, _decoder.decode(body)) for name, body in rows.items())
            if row.until_ms > now
        ]
        return sorted(found, key=lambda mute: mute.until)
