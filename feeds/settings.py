"""What is set about alerts and file changes: plain, frozen, checked by `bot.settings_build`.

Without a section its feed is off. What can change while the bot runs is everything but `fixed`:
which sources are read, and with which secret they push.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from approvals.scope import Globs
from feeds.quiet import DigestTime, QuietHours
from feeds.routing import Routing

SourceName = Literal["resource_graph", "api", "push"]


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """The section `alerts`."""

    routing: Routing
    sources: tuple[SourceName, ...] = ("resource_graph", "api")
    every: timedelta = timedelta(seconds=10)
    #: of the alerts API, which reads 90 days each time.
    api_every: timedelta = timedelta(minutes=15)
    #: an alert may come up to an hour after the time that it bears.
    overlap: timedelta = timedelta(hours=2)
    #: how far back the very first read goes.
    first_read: timedelta = timedelta(hours=24)
    digest: DigestTime | None = None
    quiet_hours: QuietHours | None = None
    #: present one first, the previous one while it is being rotated.
    push_secrets: tuple[str, ...] = field(default=(), repr=False)
    graph: bool = False
    #: how often Defender XDR is asked what changed there.
    graph_every: timedelta = timedelta(seconds=30)
    edr_products: Globs | None = None

    @property
    def fixed(self) -> tuple[object, ...]:
        """What a running bot can't change."""
        return self.sources, self.push_secrets, self.graph


@dataclass(frozen=True, slots=True)
class Workspace:
    """A Log Analytics workspace: what we call it, and its workspace id (a GUID)."""

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Dangerous:
    """Paths or keys whose change weighs more than `feeds.danger` says; dangerous is 50 and up."""

    paths: Globs
    weight: int


@dataclass(frozen=True, slots=True)
class FileChangeSettings:
    """The section `file_changes`."""

    workspaces: tuple[Workspace, ...]
    routing: Routing
    security_channel: str
    every: timedelta = timedelta(minutes=1)
    dangerous: tuple[Dangerous, ...] = ()
    ignored: Globs | None = None
    #: a burst ends when it was quiet this long, or has lasted this long.
    burst_quiet: timedelta = timedelta(minutes=2)
    burst_longest: timedelta = timedelta(minutes=10)
    #: a machine or workspace that sent nothing for so long is reported.
    silent_after: timedelta = timedelta(hours=24)

    @property
    def fixed(self) -> tuple[object, ...]:
        """What a running bot can't change."""
        return (self.workspaces,)

    def weight(self, path: str) -> int:
        """What the settings say of a path; 0 for nothing."""
        return max((one.weight for one in self.dangerous if one.paths.match(path)), default=0)

    def is_ignored(self, path: str) -> bool:
        """Counted, never told; what `dangerous` lists is never ignored."""
        return self.ignored is not None and self.ignored.match(path) and not self.weight(path)


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """Both feeds; None is off."""

    alerts: AlertSettings | None = None
    file_changes: FileChangeSettings | None = None

    @property
    def is_off(self) -> bool:
        return self.alerts is None and self.file_changes is None

    @property
    def route_count(self) -> int:
        sections = (self.alerts, self.file_changes)
        return sum(len(one.routing.routes) for one in sections if one is not None)

    def needs_restart(self, new: FeedSettings) -> tuple[str, ...]:
        """The sections in which something differs that a running bot can't change."""
        pairs: dict[str, tuple[_Section, _Section]] = {
            "alerts": (self.alerts, new.alerts),
            "file_changes": (self.file_changes, new.file_changes),
        }
        return tuple(name for name, (old, now) in pairs.items() if _fixed(old) != _fixed(now))

    def taking_over(self, new: FeedSettings) -> FeedSettings:
        """The new rules with what is fixed as it was: what a reload puts in force."""
        return FeedSettings(
            _alerts(self.alerts, new.alerts), _file_changes(self.file_changes, new.file_changes)
        )


_Section = AlertSettings | FileChangeSettings | None


def _fixed(section: _Section) -> tuple[object, ...] | None:
    return None if section is None else section.fixed


def _alerts(old: AlertSettings | None, new: AlertSettings | None) -> AlertSettings | None:
    if old is None or new is None:
        return old  # switching a feed on or off needs a restart
    return replace(new, sources=old.sources, push_secrets=old.push_secrets, graph=old.graph)


def _file_changes(
    old: FileChangeSettings | None, new: FileChangeSettings | None
) -> FileChangeSettings | None:
    if old is None or new is None:
        return old
    return replace(new, workspaces=old.workspaces)
