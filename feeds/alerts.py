"""Polls Azure for alerts: every source in its own rhythm, the holder of the main lease alone.

A source's cursor moves only after everything it gave was taken in, and each read goes back hours
before it: alerts arrive up to an hour after the time that they bear. Reading twice tells nothing
twice (`feeds.store`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from defender.errors import AzureError
from delivery.outbox import ChannelId, Outbox
from delivery.tasks import stop_if_cancelled
from feeds.ahead import ahead
from feeds.bad_items import BadItems
from feeds.cross_check import CrossCheck, tell_missed
from feeds.cursors import Cursor, Cursors
from feeds.intake import Intake
from feeds.lookback import Lookback
from feeds.poll_reading import Reading
from feeds.settings import AlertSettings
from feeds.sources import Source
from feeds.stall import STALL_AFTER, Stalling
from feeds.store import AlertStore
from feeds.voice import Stall, Voice
from feeds.way import Way

log = logging.getLogger(__name__)

#: How often it is looked whether the feed is silent.
LOOK_EVERY = timedelta(seconds=5)
#: A rhythm that is changed by the settings, or by need, is followed this soon.
TICK_SECONDS = 0.5

#: What a read survives: the world's failures, not ours.
WORLD = (AzureError, RedisError, OSError, TimeoutError)


class AlertPoller:
    """Reads every source for ever; the first one is the usual one, the others check it."""

    def __init__(
        self,
        sources: Sequence[Source],
        store: AlertStore,
        intake: Intake,
        outbox: Outbox,
        settings: Callable[[], AlertSettings],
        *,
        voice: Voice,
        audit_channel: ChannelId,
    ) -> None:
        if not sources:
            raise ValueError("without a source that is polled, what is missed is never noticed")
        self.ways = tuple(Way(source) for source in sources)
        self._store = store
        self._outbox = outbox
        self._voice = voice
        self._audit_channel = audit_channel
        self._intake = intake
        self._settings = settings
        self._cursors = Cursors(store.scripts)
        self._lookback = Lookback(store)
        self.bad = BadItems(store, outbox, voice=voice, channel=audit_channel)
        self.checks = CrossCheck()
        self.stalling = Stalling(
            store.scripts, outbox, voice=voice, channels=lambda: settings().routing.channels
        )
        self._started_at: datetime | None = None
        #: when each source was read last, by Redis TIME.
        self.read_at: dict[str, datetime] = {}

    @property
    def usual(self) -> Way:
        return self.ways[0]

    async def run(self) -> None:
        """Until it is cancelled, which happens as soon as the lease is lost."""
        self._started_at = None
        try:
            async with asyncio.TaskGroup() as group:
                for way in self.ways:
                    group.create_task(self._forever(way), name=f"alerts {way.name}")
                group.create_task(self._watch_over(), name="alerts silence")
        finally:
            self._forget()

    def _forget(self) -> None:
        """Whoever leads next speaks for the feed; here nothing is read and nothing fails."""
        self.stalling.current = None
        for way in self.ways:
            way.succeeded()

    async def poll(self, way: Way) -> None:
        """One read: everything is taken in before the cursor moves."""
        settings = self._settings()
        now = await self._cursors.now()
        cursor = await self._cursors.read(way.name)
        began_at = cursor.began_at or now - settings.first_read
        since = self._since(way, cursor, began_at)
        again = await self._lookback.again(since) if since > began_at else []
        found = Reading(now)
        async for batch in ahead(way.source.read(since, again)):
            report = await self._intake.take(found.take(batch), now=now)
            found.new += report.new
            found.changed += len(report.changed)
        await self._finish(way, found, since, began_at)

    async def _finish(self, way: Way, found: Reading, since: datetime, began_at: datetime) -> None:
        await self.bad.note(way.name, found.bad)
        await self._compare(way, found)
        await self._cursors.advance(
            way.name,
            found.newest_at or began_at,
            began_at=began_at,
            is_whole=not found.is_cut,
        )
        way.is_cut = found.is_cut
        if since <= began_at and not found.is_cut:
            way.whole_at = asyncio.get_running_loop().time()
        self.read_at[way.name] = found.now
        log.debug("%s: %d new, %d changed", way.name, len(found.new), found.changed)

    async def look(self) -> None:
        """Is the feed silent? Told once per silence."""
        now = await self._cursors.now()
        self._started_at = self._started_at or now
        cursors = [await self._cursors.read(way.name) for way in self.ways]
        read = [cursor.read_at for cursor in cursors if cursor.read_at is not None]
        last_read = max(read, default=None)
        known = await self.stalling.read()
        if known is not None and (last_read is None or last_read <= known.since):
            await self.stalling.look(known, now)  # it goes on, whoever leads now
            return
        # while nobody polled, the silence was ours; it is over with the first read
        last = max(last_read or self._started_at, self._started_at)
        patience = max(STALL_AFTER, 3 * self.usual.source.every(is_needed=False))
        await self.stalling.look(self._stall(last, now) if now - last >= patience else None, now)

    # --- for health ---

    def problem(self) -> str:
        """What somebody must act on, in a few words."""
        stall = self.stalling.current
        if stall is not None:
            return f"no alerts could be read since {stall.since:%Y-%m-%d %H:%M} UTC"
        return ", ".join(way.problem for way in self.ways if way.problem)

    def warning(self) -> str:
        """What may become worse."""
        said = [f"{way.name}: the answer was cut short" for way in self.ways if way.is_cut]
        if self.bad.now:
            said.append(f"{self.bad.now} alerts can't be read")
        if self.checks.missed:
            said.append(f"{self.usual.name} has missed {self.checks.missed} alerts")
        return ", ".join(said)

    # --- below ---

    def _since(self, way: Way, cursor: Cursor, began_at: datetime) -> datetime:
        """The API has no filter, so it gives all; alone, Resource Graph reads all now and then."""
        settings = self._settings()
        is_alone = len(self.ways) == 1
        now = asyncio.get_running_loop().time()
        if way.name == "api" or (is_alone and way.is_whole_due(now, settings.api_every)):
            return began_at
        return max(began_at, (cursor.generated_at or began_at) - settings.overlap)

    async def _compare(self, way: Way, found: Reading) -> None:
        """Name what the usual source has missed."""
        if way is not self.usual:
            self.checks.found(found.new)
            return
        if found.is_cut:
            return
        missed = self.checks.usual(found.keys)
        if missed:
            await tell_missed(
                self._store,
                self._outbox,
                missed,
                source=way.name,
                voice=self._voice,
                channel=self._audit_channel,
            )

    async def _forever(self, way: Way) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await self.poll(way)
                way.succeeded()
            except WORLD as error:
                way.failed(error, loop.time())
                log.warning("%s: %s: %s", way.name, type(error).__name__, error)
            except Exception as error:
                way.failed(error, loop.time())
                log.exception("%s", way.name)
            while (left := started + self._pause(way, loop.time()) - loop.time()) > 0:
                stop_if_cancelled()
                await asyncio.sleep(min(left, TICK_SECONDS))
            stop_if_cancelled()
            await asyncio.sleep(0)

    def _pause(self, way: Way, now: float) -> float:
        is_needed = way is not self.usual and self.usual.needs_help(now)
        return way.pause(is_needed=is_needed).total_seconds()

    async def _watch_over(self) -> None:
        while True:
            try:
                await self.look()
            except WORLD as error:
                log.warning("silence: %s: %s", type(error).__name__, error)
            except Exception:
                log.exception("silence")
            stop_if_cancelled()
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    def _stall(self, since: datetime, now: datetime) -> Stall:
        error = self.usual.error
        return Stall(
            since,
            self.usual.name,
            code=error.code if isinstance(error, AzureError) else type(error).__name__,
            message=error.message if isinstance(error, AzureError) else "",
            next_try_at=now + self.usual.pause(is_needed=False),
        )
