"""A poller over sources that a test scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from redis.asyncio import Redis

from defender.alert import Alert
from defender.alerts import AlertBatch
from delivery.outbox import ChannelId, Line, Outbox
from feeds.alerts import AlertPoller
from feeds.cursors import Cursors
from feeds.intake import Find, Intake, no_machine
from feeds.routing import Routing
from feeds.settings import AlertSettings, SourceName
from feeds.sources import Source
from feeds.store import AlertStore
from feeds.way import Way
from tests.feeds.voices import PlainVoice

AUDIT = ChannelId("C0AUDIT")
ALERTS = ChannelId("C0ALERTS")

Page = AlertBatch | Exception


@dataclass
class FakeSource:
    """Gives `pages` at each read; an exception among them is raised at its place."""

    name: SourceName = "resource_graph"
    pages: Sequence[Page] | Callable[[datetime], Sequence[Page]] = ()
    period: timedelta = timedelta(seconds=10)
    since: list[datetime] = field(default_factory=list)
    again: list[list[str]] = field(default_factory=list)

    def every(self, *, is_needed: bool) -> timedelta:
        return self.period / 2 if is_needed else self.period

    async def read(self, since: datetime, again: Sequence[str]) -> AsyncIterator[AlertBatch]:
        self.since.append(since)
        self.again.append(list(again))
        for page in self.pages(since) if callable(self.pages) else self.pages:
            if isinstance(page, Exception):
                raise page
            yield page


@dataclass
class PollDesk:
    """One workspace, whose clock starts now and is moved by hand."""

    redis: Redis
    settings: AlertSettings = field(default_factory=lambda: AlertSettings(Routing((), ALERTS)))
    moved: timedelta = timedelta(0)
    find: Find = no_machine

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.redis, tag="test")
        self.store = AlertStore(self.redis, tag="test", offset=lambda: self.moved)
        self.intake = Intake(self.store, lambda: self.settings, find=lambda id: self.find(id))

    def poller(self, *sources: Source) -> AlertPoller:
        """As in a process that has just got the lease."""
        return AlertPoller(
            sources,
            self.store,
            self.intake,
            self.outbox,
            lambda: self.settings,
            voice=PlainVoice(),
            audit_channel=AUDIT,
        )

    async def poll(self, *sources: Source) -> AlertPoller:
        """One read of the first source by a new process."""
        poller = self.poller(*sources)
        await poller.poll(poller.usual)
        return poller

    async def now(self) -> datetime:
        return await Cursors(self.store.scripts).now()

    async def said(self, channel: ChannelId) -> list[str]:
        queued = await self.outbox.waiting(channel, 500)
        return [one.item.text for one in queued if isinstance(one.item, Line)]

    async def queued(self, channel: ChannelId = ALERTS) -> int:
        """Alerts that wait for the grouper."""
        return int(await self.redis.xlen(self.store.scripts.key("feed", channel)))


def way_of(poller: AlertPoller, name: str) -> Way:
    return next(way for way in poller.ways if way.name == name)


def page(*alerts: Alert, bad: Sequence[str] = (), is_cut: bool = False) -> AlertBatch:
    return AlertBatch(tuple(alerts), tuple(bad), is_cut)
