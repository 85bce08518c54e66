"""Silence of the feed is said: once when it begins, once when it is over, across restarts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from delivery.outbox import ChannelId, Line, Outbox
from feeds.reading import milliseconds
from feeds.scripts import Scripts
from feeds.voice import Said, Stall, Voice

log = logging.getLogger(__name__)

#: Without a read for this long, alerts may be late enough to be said.
STALL_AFTER = timedelta(minutes=5)

_STALL = msgspec.json.Decoder(Stall)


async def read_stall(scripts: Scripts) -> Stall | None:
    """The silence that lasts now; None while alerts are read."""
    raw = await scripts.redis.get(_key(scripts))
    return None if raw is None else _STALL.decode(raw)


class Stalling:
    """Whether alerts may be late, kept in Redis so that a new leader goes on with it."""

    def __init__(
        self,
        scripts: Scripts,
        outbox: Outbox,
        *,
        voice: Voice,
        channels: Callable[[], Iterable[str]],
    ) -> None:
        self._scripts = scripts
        self._outbox = outbox
        self._voice = voice
        self._channels = channels
        self._key = _key(scripts)
        #: as last seen, for health.
        self.current: Stall | None = None

    async def read(self) -> Stall | None:
        return await read_stall(self._scripts)

    async def look(self, stall: Stall | None, now: datetime) -> None:
        """`stall`: what is so now. Told when it began, and when it is over."""
        known = await self.read()
        if stall is not None:
            self.current = await self._began(known, stall)
        elif known is not None:
            await self._over(known, now)
            self.current = None

    async def _began(self, known: Stall | None, stall: Stall) -> Stall:
        """It is noted first, so that whoever goes on with it says it under the same keys."""
        if known is not None and known.is_told:
            return known
        current = known or stall
        if known is None:
            raw = msgspec.json.encode(stall)
            if not await self._scripts.redis.set(self._key, raw, nx=True):
                return await self.read() or stall
        log.warning("alerts may be late: nothing could be read since %s", current.since)
        await self._tell("stalled", current, lambda channel: self._voice.stalled(channel, current))
        told = msgspec.structs.replace(current, is_told=True)
        await self._scripts.redis.set(self._key, msgspec.json.encode(told), xx=True)
        return told

    async def _over(self, known: Stall, now: datetime) -> None:
        """A stall that nobody was told of ends without a word."""
        if known.is_told:
            await self._tell("over", known, lambda c: self._voice.recovered(c, known, now))
        log.warning("alerts can be read again")
        await self._scripts.redis.delete(self._key)

    async def _tell(self, what: str, stall: Stall, draw: Callable[[ChannelId], Said]) -> None:
        since = milliseconds(stall.since)
        for name in self._channels():
            channel = ChannelId(name)
            said = draw(channel)
            key = f"feeds:{what}:{since}:{channel}"
            await self._outbox.put(channel, Line(key=key, text=said.text, blocks=said.blocks))


def _key(scripts: Scripts) -> str:
    return scripts.key("feeds", "stall")
