"""The feeds, wired: alerts and file changes to their channels, and what people did with them.

A feed without a section in the settings is not made at all. What is read from Azure is read by the
holder of the main lease (`duties`); what people do is taken by every process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web
from redis.asyncio import Redis
from slack_bolt.async_app import AsyncApp

from approvals.entry import Entry
from approvals.ledger import Consumer
from approvals.scope import Place
from bot.background import forever
from bot.clock import Clock
from bot.health import Health
from bot.push import PushEdge
from bot.settings import Settings
from defender.activity_log import ActivityLogGateway
from defender.alert_decode import decode_pushed
from defender.alerts import AlertGateway
from defender.clients import AzureClients, AzureSettings
from defender.file_change_decode import FileChange
from defender.file_changes import FileIntegrityGateway
from defender.jit import JitGateway
from defender.network import NetworkGateway
from defender.xdr import XdrGateway
from delivery.deliverer import Rendered
from delivery.outbox import ChannelId, ObjectId
from delivery.uploads import FileContent
from feeds.alerts import AlertPoller
from feeds.cases import Case, read_case
from feeds.cursors import Cursors
from feeds.detection_tests import DetectionTests
from feeds.escalation import Escalations
from feeds.figures import FeedFigures
from feeds.file_change_store import FileChangeStore
from feeds.file_changes import FileChangeFeed
from feeds.grouping import Grouper
from feeds.held import Held
from feeds.intake import Intake
from feeds.mornings import Mornings
from feeds.mutes import Mutes
from feeds.older import Older
from feeds.reading import AlertReads
from feeds.retention import Retention
from feeds.risk import AlertRisk, ChangeRisk, FeedRisk
from feeds.settings import AlertSettings, FeedSettings, FileChangeSettings
from feeds.sources import make_sources
from feeds.store import AlertStore
from feeds.storm import Storms
from feeds.verify import Verify
from feeds.xdr_records import XdrRecords
from handlers.alert_at_port import PortAlerts
from handlers.alert_commands import AlertCommands
from handlers.alert_edge import AlertEdge
from handlers.alert_facts import subject_of
from handlers.alert_feed import AlertFeed, Changes, no_changes
from handlers.alert_show import ALERT, STORM, AlertShow
from handlers.alert_stats import PREFIX as STATS
from handlers.alert_stats import AlertStats
from handlers.alert_voice import AlertVoice
from handlers.alert_write_back import WriteBack
from handlers.alert_xdr_news import XdrNews
from handlers.alert_xdr_write import XdrWriter
from handlers.callers import CallerSearch
from handlers.change_show import CHANGES, RAISED
from handlers.consequences import Told
from handlers.defender import Defender, DetectionReports
from handlers.defender import register as register_defender
from handlers.file_integrity_edge import FileIntegrityEdge
from handlers.home import HomeTab
from handlers.notices import PREFIX as NOTICE
from handlers.notices import Notices
from handlers.openings import OpeningsWatch
from handlers.pending_risk import PendingRisk
from handlers.services import Services
from handlers.storm_file import storm_file

#: An alert is in its channel half a second after it was read.
GROUP_EVERY = timedelta(seconds=0.25)
ESCALATE_EVERY = timedelta(seconds=1)
MORNING_EVERY = timedelta(seconds=20)
#: What a killed process left half done of a reopening is found so late.
PORTAL_EVERY = timedelta(seconds=60)
OPENINGS_EVERY = timedelta(seconds=30)
CALLERS_EVERY = timedelta(seconds=5)
TESTS_EVERY = timedelta(seconds=10)
RETENTION_EVERY = timedelta(hours=1)
RISK_EVERY = timedelta(seconds=5)
PORT_ALERTS_EVERY = timedelta(seconds=1)
FIGURES_EVERY = timedelta(minutes=1)

#: What the holder of the main lease does: name, work, pause between two of it.
Duty = tuple[str, Callable[[], Awaitable[None]], timedelta]


@dataclass(frozen=True, slots=True)
class Ground:
    """What both feeds stand on."""

    services: Services
    redis: Redis
    settings: Settings
    rules: Callable[[], FeedSettings]
    clients: AzureClients
    jit: JitGateway
    clock: Clock

    @property
    def tag(self) -> str:
        return self.settings.redis.tag


def _own_ids(azure: AzureSettings) -> frozenset[str]:
    """By what Azure's log names us; a system-assigned identity has no id that we know."""
    ids = (azure.client_id, azure.managed_identity_client_id)
    return frozenset(each.lower() for each in ids if each)


def _machine(s: Services) -> Callable[[str], Place | None]:
    """The index is replaced when the estate is read, so it is asked for each time."""
    estate = s.estate
    return lambda resource_id: estate.index.by_id(resource_id) or estate.arc.by_id(resource_id)


class Alerts:
    """The alert feed."""

    def __init__(
        self, ground: Ground, reports: DetectionReports, consumer: Consumer, changes: Changes
    ) -> None:
        self._g = ground
        s, redis, tag, offset = ground.services, ground.redis, ground.tag, ground.clock.offset
        self.store = AlertStore(redis, tag=tag, offset=offset)
        storms = Storms(redis, tag=tag, offset=offset)
        mutes = Mutes(redis, tag=tag, offset=offset)
        held = Held(redis, tag=tag, offset=offset)
        voice = AlertVoice(s)
        gateway = AlertGateway(ground.clients)
        subscriptions = tuple(ground.settings.azure.subscriptions)
        self._escalations = Escalations(
            self.store, s.outbox, self.settings, case_of=self._case, voice=voice
        )
        self.intake = Intake(
            self.store,
            self.settings,
            find=_machine(s),
            say_change=lambda before, now: self.show.say_change(before, now),  # made below
            watch=self._escalations.watch,
            foretell=reports.arrived,
        )
        self.feed = AlertFeed(
            store=self.store,
            storms=storms,
            mutes=mutes,
            settings=self.settings,
            route=self.intake.route,
            states=gateway,
            xdr=XdrGateway(ground.clients) if self.settings().graph else None,
            changes=changes,
        )
        self.show = AlertShow(s, self.feed)
        self._xdr = _xdr(s, self.feed)
        self.write_back = WriteBack(s, self.feed, consumer, xdr=self._xdr[1] if self._xdr else None)
        self._poller = AlertPoller(
            make_sources(
                gateway,
                subscriptions,
                self.settings,
                differing=Older(gateway, subscriptions, self.store),
            ),
            self.store,
            self.intake,
            s.outbox,
            self.settings,
            voice=voice,
            audit_channel=ChannelId(s.audit_channel),
        )
        self._grouper = Grouper(storms, s.outbox, details=voice.details)
        self._mornings = Mornings(held, self.settings, draw=voice.digest)
        self._cursors = Cursors(self.store.scripts)
        self._retention = Retention(redis, tag=tag, offset=offset)
        self.figures = FeedFigures(self.store, Verify(self.store, s.outbox))

    def settings(self) -> AlertSettings:
        """The rules in force; a feed is neither made nor unmade while the bot runs."""
        found = self._g.rules().alerts
        if found is None:
            raise RuntimeError("the alert feed has no settings")
        return found

    def duties(self) -> list[Duty]:
        return [
            ("alerts", self._poller.run, timedelta(seconds=1)),
            ("escalations", self._escalations.step, ESCALATE_EVERY),
            ("mornings", self._mornings.step, MORNING_EVERY),
            ("reopened in Defender", self.show.portal.step, PORTAL_EVERY),
            ("grouping", self._grouper.sweep, GROUP_EVERY),
            ("figures", self.figures.refresh, FIGURES_EVERY),
            ("retention", self._retention.step, RETENTION_EVERY),
            ("port alerts", PortAlerts(self._g.services, self.store).look, PORT_ALERTS_EVERY),
            *self._xdr_duties(),
        ]

    def _xdr_duties(self) -> list[Duty]:
        """What changed in Defender XDR, and what it has not taken yet."""
        if self._xdr is None:
            return []
        news, writer = self._xdr
        every = self.settings().graph_every
        return [("Defender XDR", news.step, every), ("owed to Defender XDR", writer.step, every)]

    def push_edge(self) -> PushEdge | None:
        """The door for pushes, where the settings want it."""
        if "push" not in self.settings().sources:
            return None
        return PushEdge(
            self.intake,
            self.store,
            secrets=lambda: self.settings().push_secrets,
            decode=decode_pushed,
            now=self._cursors.now,
        )

    def risk(self) -> AlertRisk:
        return AlertRisk(self.store, self.read_at, self._cursors.now)

    async def read_at(self) -> datetime | None:
        """When a source was last read to its end."""
        cursors = [await self._cursors.read(name) for name in ("resource_graph", "api")]
        return max((one.read_at for one in cursors if one.read_at is not None), default=None)

    def wire(self, health: Health) -> None:
        health.checks["alerts"] = self._poller.problem
        health.checks["feeds"] = self.figures.problem
        health.warnings["alerts"] = self._poller.warning
        health.metrics |= self.figures.metrics()

    async def _case(self, key: str) -> Case:
        _, body = await self._g.services.ledger.subject(subject_of(key))
        return read_case(body)


def _xdr(s: Services, feed: AlertFeed) -> tuple[XdrNews, XdrWriter] | None:
    """Both ways between alerts and Defender XDR, where Microsoft Graph is configured."""
    if feed.xdr is None:
        return None
    records = XdrRecords(feed.store.scripts)
    news = XdrNews(s, feed, feed.xdr, records)
    return news, XdrWriter(s, feed, feed.xdr, records, news)


class FileChanges:
    """The feed of file changes."""

    def __init__(self, ground: Ground) -> None:
        self._g = ground
        s = ground.services
        self.store = FileChangeStore(ground.redis, tag=ground.tag, offset=ground.clock.offset)
        self.feed = FileChangeFeed(
            FileIntegrityGateway(ground.clients),
            self.store,
            self.settings,
            find=_machine(s),
        )
        self.edge = FileIntegrityEdge(s, self.store, self.feed, self.settings)

    def settings(self) -> FileChangeSettings:
        found = self._g.rules().file_changes
        if found is None:
            raise RuntimeError("the feed of file changes has no settings")
        return found

    def duties(self) -> list[Duty]:
        return [("file changes", self._poll, timedelta(0))]

    async def _poll(self) -> None:
        await self.feed.poll()
        await asyncio.sleep(self.settings().every.total_seconds())

    async def between(
        self, resource_id: str, machine: str, since: datetime, until: datetime
    ) -> Sequence[FileChange]:
        """A machine's changes in these hours, the oldest first, for an alert's story."""
        found = await self.store.between(resource_id, machine, since, until)
        return [row.change for row in found]

    def risk(self) -> ChangeRisk:
        ledger = self._g.services.ledger
        return ChangeRisk(
            self.store, ledger.by_vm, ledger.subject, self.feed.silence.all, self.store.now
        )


class Feeds:
    """Both feeds, and what watches Azure for openings that are not ours."""

    def __init__(self, ground: Ground, *, consumer: Callable[[str], Consumer]) -> None:
        s = ground.services
        rules = ground.rules()
        offset = ground.clock.offset
        tests = DetectionTests(ground.redis, tag=ground.tag, offset=offset)
        reads = AlertReads(ground.redis, tag=ground.tag, offset=offset)
        self._s = s
        self._defender = Defender(s, tests, reads)
        self._reports = DetectionReports(s, tests, reads if rules.alerts else None)
        self.changes = FileChanges(ground) if rules.file_changes else None
        self.alerts: Alerts | None = None
        if rules.alerts is not None:
            changes = self.changes.between if self.changes else no_changes
            self.alerts = Alerts(ground, self._reports, consumer("write_back"), changes)
            s.alerts = self.alerts.feed
        self._pushes = self.alerts.push_edge() if self.alerts else None
        self._openings = OpeningsWatch(s, ground.jit, tag=ground.tag)
        self._notices = Notices(s)
        self._callers = CallerSearch(
            s,
            ActivityLogGateway(ground.clients),
            NetworkGateway(ground.clients),
            own=_own_ids(ground.settings.azure),
        )
        s.risk = FeedRisk(
            self.alerts.risk() if self.alerts else None,
            self.changes.risk() if self.changes else None,
        )

    def register(self, app: AsyncApp, home: HomeTab) -> None:
        """Hang the feeds' commands, buttons and forms on the Bolt app."""
        AlertCommands(self._s, home).register(app)
        AlertEdge(self._s, home).register(app)
        register_defender(app, self._defender, self._s)
        if self.changes is not None:
            self.changes.edge.register(app)

    async def deliver(self, request: web.Request) -> web.StreamResponse:
        """What Azure pushes."""
        if self._pushes is None:
            raise web.HTTPNotFound
        return await self._pushes.deliver(request)

    def wire(self, health: Health) -> None:
        if self.alerts is not None:
            self.alerts.wire(health)
        if self.changes is not None:
            health.warnings["file changes"] = self.changes.feed.warning

    async def render(self, name: ObjectId) -> Rendered | None:
        """A card of the feeds; None where the feed is off now."""
        if name.startswith(NOTICE):
            return await self._notices.render(name)
        if name.startswith((ALERT, STORM)) and self.alerts is not None:
            return await self.alerts.show.render(name)
        if name.startswith((CHANGES, RAISED)) and self.changes is not None:
            return await self.changes.edge.show.render(name)
        return None

    async def draw_file(self, name: ObjectId) -> FileContent | None:
        """What is shared as a file, as it is now."""
        if self.alerts is None:
            return None
        if name.startswith(STATS):
            return await AlertStats(self._s, self.alerts.feed).draw_file(name)
        return await storm_file(self._s, self.alerts.feed, name) if name.startswith(STORM) else None

    def fallback_of(self, channel: ChannelId) -> ChannelId | None:
        """What a route's channel can't show goes to the feed's default channel."""
        for feed in (self.alerts, self.changes):
            if feed is not None and channel in feed.settings().routing.channels:
                return ChannelId(feed.settings().routing.default_channel)
        return None

    async def deeds(self, entry: Entry) -> Sequence[Told]:
        """What a deed makes people read."""
        told: list[Told] = []
        if self.alerts is not None:
            told += await self.alerts.show.told(entry)
        if self.changes is not None:
            told += await self.changes.edge.show.told(entry)
        return told

    async def work(self) -> None:
        """What every process does for ever."""
        if self.alerts is not None:
            await forever("write back", self.alerts.write_back.run, timedelta(0))

    def duties(self) -> list[Duty]:
        """What the holder of the main lease does."""
        self._openings.begin()
        found: list[Duty] = [
            ("openings", self._openings.step, OPENINGS_EVERY),
            ("callers", self._callers.step, CALLERS_EVERY),
            ("detection tests", self._reports.turn_due, TESTS_EVERY),
            ("pending risk", PendingRisk(self._s).look, RISK_EVERY),
        ]
        for feed in (self.alerts, self.changes):
            if feed is not None:
                found += feed.duties()
        return found
