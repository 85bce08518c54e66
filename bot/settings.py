"""The settings as the rest of the product sees them: plain, frozen, checked.

`load_settings` reads one YAML file and the environment and gives `Settings`, or every mistake at
once, each as one sentence with its place. No sentence, repr or error holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from approvals.entry import AuditKeys
from approvals.policy_types import Policy
from defender.settings import AzureSettings
from feeds.settings import FeedSettings

#: Where anchors and entries go when `audit.second_sink` is `stdout`.
STDOUT: Literal["stdout"] = "stdout"


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """`signing_secrets`: the present one first, the previous one while it is being rotated."""

    mode: Literal["socket", "http"]
    bot_token: str = field(repr=False)
    app_token: str | None = field(repr=False, default=None)
    signing_secrets: tuple[str, ...] = field(repr=False, default=())
    api_url: str = "https://slack.com/api/"
    #: accepted teams; empty means the bot's own team as `auth.test` names it.
    teams: frozenset[str] = frozenset()
    enterprise: str | None = None
    app_id: str | None = None
    fallback_channel: str | None = None


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """`url` may hold a password."""

    url: str = field(repr=False)
    tag: str = "sekisho"
    ca_file: Path | None = None
    durability_accepted: str | None = None
    #: log in with Microsoft Entra tokens, as `user` (else the object id that the token names).
    entra: bool = False
    user: str | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether we start the server ourselves."""
        return self.url.startswith("embedded:")


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """`second_sink` is a file, `stdout`, or None where the channel alone holds anchors.

    `signing_key_file` is needed by `audit export` and `audit archive` alone, so that the bot's own
    machine need not hold it.
    """

    keys: AuditKeys = field(repr=False)
    channel: str
    second_sink: Path | Literal["stdout"] | None = None
    retention: timedelta = timedelta(days=90)
    signing_key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Addresses we listen on."""

    host: str = "127.0.0.1"
    port: int = 3000
    health_host: str = "127.0.0.1"
    health_port: int = 8080


@dataclass(frozen=True, slots=True)
class Languages:
    """Which language and time zone a channel has; people's own come from Slack."""

    default: str
    time_zone: ZoneInfo
    channels: Mapping[str, tuple[str | None, ZoneInfo | None]] = field(default_factory=dict)

    def language_of(self, channel: str) -> str:
        """A shared message's language."""
        return self.channels.get(channel, (None, None))[0] or self.default

    def time_zone_of(self, channel: str) -> ZoneInfo:
        """The zone of times in a shared message where Slack does not show the reader's."""
        return self.channels.get(channel, (None, None))[1] or self.time_zone


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy for Slack's Web API, its WebSocket and Azure; never for loopback and metadata."""

    url: str | None = field(default=None, repr=False)
    #: hosts and domains (`.example.com`) from NO_PROXY.
    direct: tuple[str, ...] = ()

    def for_url(self, url: str) -> str | None:
        """The proxy to reach `url` by, None for straight."""
        host = (urlsplit(url).hostname or "").lower()
        if self.url is None or not host or _is_near(host):
            return None
        for entry in self.direct:
            bare = entry.lstrip("*").lstrip(".")
            if entry == "*" or host == bare or host.endswith(f".{bare}"):
                return None
        return self.url


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is set."""

    instance: str
    languages: Languages
    slack: SlackSettings
    redis: RedisSettings
    azure: AzureSettings
    audit: AuditSettings
    policy: Policy
    #: alerts and file changes; off without their sections.
    feeds: FeedSettings = field(default_factory=FeedSettings)
    http: HttpSettings = HttpSettings()
    proxy: Proxy = Proxy()
    #: ways to close early that may be used, in this order: `supersede`, `nsg_rule`.
    early_close: tuple[str, ...] = ("supersede", "nsg_rule")
    #: only with embedded Redis and Azure on loopback: how the demo's director moves the clock.
    clock_offset_file: Path | None = None
    #: the YAML file, for a reload and for naming lines.
    file: Path | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret, for the log's redaction. Never print it."""
        slack, azure = self.slack, self.azure
        urls = (self.redis.url, self.proxy.url or "")
        passwords = (urlsplit(url).password for url in urls)
        found = (slack.bot_token, slack.app_token, *slack.signing_secrets, azure.client_secret)
        pushed = self.feeds.alerts.push_secrets if self.feeds.alerts else ()
        keys = (key.decode() for key in self.audit.keys.secrets.values())
        return tuple(
            text for text in (*found, azure.graph_client_secret, *pushed, *passwords, *keys) if text
        )


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong. `path` is the file, or the environment variable; `line` 0 there."""

    path: str
    line: int
    sentence: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.sentence}" if where else self.sentence


def load_settings(
    path: Path | None, environ: Mapping[str, str], *, language: str = "en"
) -> Settings | list[Mistake]:
    """The settings from the file (else the one SEKISHO_CONFIG names) and the environment.

    `language` is that of the sentences. The caller prints them and ends with exit code 2.
    """
    # pydantic costs 60 ms and 9 MB; `sekisho manifest` and `--help` do without it.
    from bot.settings_reading import read_settings

    return read_settings(path, environ, language=language)


def _is_near(host: str) -> bool:
    """Loopback, link-local (metadata, 169.254.169.254) and `localhost`."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local
