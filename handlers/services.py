"""What handlers are given. Wired in `bot.app`; nothing here is global."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from slack_sdk.web.async_client import AsyncWebClient

from approvals.actions.base import Actions
from approvals.ledger import Ledger
from approvals.membership import Membership
from approvals.policy_types import Policy
from approvals.request import Request
from defender.estate import Estate
from defender.jit import Jit
from delivery.directory import Directory
from delivery.outbox import Outbox
from feeds.risk import NoRisk, Risk
from handlers.alert_feed import AlertFeed
from handlers.locale import Catalogue, Language, Locale, language_of
from handlers.power import Power

FOREIGN_SHOWN = timedelta(hours=1)


class Background(Protocol):
    """Starts work that outlives the ack; its failures are logged and counted."""

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class ChannelStyle:
    """How Sekisho speaks in a channel."""

    language: Language
    time_zone: ZoneInfo


@dataclass(slots=True)
class Languages:
    """Who reads which language: a person's own choice, Slack's locale, the workspace's default."""

    catalogues: Mapping[Language, Catalogue]
    default: ChannelStyle
    channels: Mapping[str, ChannelStyle]
    directory: Directory
    chosen: dict[str, tuple[str, str]]

    def of_channel(self, channel: str) -> Locale:
        style = self.channels.get(channel, self.default)
        return self._locale(style.language, style.time_zone)

    def of_person(self, person: str) -> Locale:
        """From memory alone: what a click may use before it is answered."""
        language, zone = self.chosen.get(person, ("", ""))
        profile = self.directory.known(person)
        of_slack = language_of(profile.locale if profile else None, self.default.language)
        zone = zone or (profile.time_zone if profile else "")
        return self._locale(
            language_of(language or None, of_slack), _zone(zone) or self.default.time_zone
        )

    async def learn(self, person: str) -> Locale:
        """The person's locale, read from Slack when it is not known yet."""
        await self.directory.profile(person)
        return self.of_person(person)

    def _locale(self, language: Language, zone: ZoneInfo) -> Locale:
        return Locale(language=language, tz=zone, catalogue=self.catalogues[language])


@dataclass(slots=True)
class ForeignCards:
    """Clicks on cards that this ledger does not know, as health shows them (C013)."""

    count: int = 0
    last_at: datetime | None = None

    def saw(self, at: datetime) -> None:
        self.count += 1
        self.last_at = at

    def problem(self, now: datetime) -> str:
        """A warning for an hour after the last one."""
        is_recent = self.last_at is not None and now - self.last_at < FOREIGN_SHOWN
        return f"cards of another instance: {self.count} clicks" if is_recent else ""


@dataclass(slots=True)
class Services:
    """Everything a handler may use."""

    ledger: Ledger
    policy: Callable[[], Policy]
    membership: Callable[[], Membership]
    estate: Estate
    jit: Jit
    power: Power
    outbox: Outbox
    directory: Directory
    languages: Languages
    client: AsyncWebClient
    background: Background
    audit_channel: str
    instance: str
    bot_user_id: Callable[[], str]
    #: closes in Azure what the frozen ledger could only put into the second sink.
    close_frozen: Callable[[Request], Awaitable[Request]]
    portal_url: str = "https://portal.azure.com"
    #: what approvers are told of a VM's alerts and file changes.
    risk: Risk = field(default_factory=NoRisk)
    #: the feed of alerts, where it is switched on.
    alerts: AlertFeed | None = None
    foreign: ForeignCards = field(default_factory=ForeignCards)
    #: every kind of change that can be asked for.
    actions: Actions = field(default_factory=dict)

    def group_names(self) -> Mapping[str, str]:
        groups = self.directory.groups
        return groups.handles if groups else {}


def _zone(name: str) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
