"""The shape of the settings file, for pydantic, which reports every mistake at once.

The environment is read by `bot.settings_env`; pydantic-settings would read it a second time, and
its import alone costs a quarter of a second.
Only `bot.settings_reading` uses it; everything else gets the plain dataclasses of `bot.settings`.
The order in which fields stand here is the order in which the documentation lists them.
"""

# ruff: noqa: RUF012 - pydantic copies a default for each object
from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from approvals.events import Kind
from approvals.policy_types import ACCESS_ALONE
from bot import settings_words as words
from bot.settings_feeds import Alerts, FileChanges
from bot.settings_kinds import (
    Asker,
    Channel,
    Glob,
    Globs,
    Language,
    Member,
    Name,
    Network,
    Person,
    Secret,
    Section,
    Subscription,
    TcpPort,
    Team,
    Url,
    Whole,
    YesNo,
    Zone,
    between,
    ids,
    one_or_many,
)
from defender.settings import LOG_ANALYTICS, MICROSOFT_GRAPH

#: Azure opens a port for a day at most (JIT policies: 5 minutes to 24 hours).
LONGEST_MAX = timedelta(days=1)
QUORUM_MAX = 20
_MINUTES_5 = timedelta(minutes=5)


class Slack(Section):
    """Tokens and how payloads arrive."""

    mode: Literal["socket", "http"] = "socket"
    bot_token: Annotated[str, PlainValidator(lambda v: words.token(v, "xoxb-"))]
    app_token: Annotated[str | None, PlainValidator(lambda v: words.token(v, "xapp-"))] = None
    signing_secret: Annotated[str | None, PlainValidator(words.signing_secret)] = None
    previous_signing_secret: Annotated[str | None, PlainValidator(words.signing_secret)] = None
    api_url: Annotated[str, PlainValidator(lambda v: words.https_url(v, ("https", "http")))] = (
        "https://slack.com/api/"
    )
    teams: Annotated[list[Team], BeforeValidator(one_or_many)] = []
    enterprise: Annotated[str | None, PlainValidator(ids("enterprise"))] = None
    app_id: Annotated[str | None, PlainValidator(ids("app"))] = None
    fallback_channel: Channel | None = None


class Redis(Section):
    """Where the ledger is."""

    url: Annotated[str, PlainValidator(words.redis_url)]
    tag: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "sekisho"
    ca_file: str | None = None
    durability_accepted: Annotated[str, Field(min_length=8)] | None = None
    entra: YesNo = False
    user: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")] | None = None


class Azure(Section):
    """Which subscriptions, in which cloud, as whom."""

    subscriptions: Annotated[
        list[Subscription],
        BeforeValidator(one_or_many),
        Field(min_length=1),
    ]
    resource_manager: Url = "https://management.azure.com"
    authority: Url | None = None
    scopes: Annotated[list[str], BeforeValidator(one_or_many)] = []
    ca_file: str | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    log_analytics: Url = LOG_ANALYTICS
    log_analytics_scopes: Annotated[list[str], BeforeValidator(one_or_many)] = []
    graph: Url = MICROSOFT_GRAPH
    graph_scopes: Annotated[list[str], BeforeValidator(one_or_many)] = []
    graph_client_id: str | None = None
    graph_client_secret: Secret | None = None
    managed_identity_client_id: str | None = None
    instance_discovery: YesNo = True
    early_close: list[Literal["supersede", "nsg_rule"]] = ["supersede", "nsg_rule"]


class AuditKeySection(Section):
    """A key of the audit log; the first of the list signs, all of them check."""

    id: Name
    secret: Secret


class Audit(Section):
    """The audit log: keys, anchors, how long."""

    keys: Annotated[list[AuditKeySection], Field(min_length=1)]
    channel: Channel
    second_sink: Annotated[str, Field(min_length=1)] | None = None
    signing_key_file: Annotated[str, Field(min_length=1)] | None = None
    retention: Annotated[
        timedelta, PlainValidator(between(timedelta(days=1), timedelta(days=366)))
    ] = timedelta(days=90)


class Http(Section):
    """Where signed payloads arrive (mode http), and where health is asked."""

    host: str = "127.0.0.1"
    port: TcpPort = 3000
    health_host: str = "127.0.0.1"
    health_port: TcpPort = 8080


class ChannelSection(Section):
    """How one channel is spoken to."""

    language: Language | None = None
    time_zone: Zone | None = None


class ScopeSection(Section):
    """Which VMs. All dimensions must match, any pattern of one is enough."""

    subscriptions: Annotated[list[Subscription], BeforeValidator(one_or_many)] = []
    resource_groups: Globs | None = None
    names: Globs | None = None
    tags: dict[Glob, Globs] = {}


class Ticket(Section):
    """The ticket that a rule demands."""

    pattern: Annotated[str, PlainValidator(words.pattern)]
    url: Annotated[str | None, PlainValidator(words.ticket_url)] = None


class RuleSection(Section):
    """One approval rule."""

    name: Name
    scope: ScopeSection
    askers: Annotated[list[Asker], BeforeValidator(one_or_many), Field(min_length=1)]
    guests: YesNo = False
    approvers: Annotated[list[Member], Field(min_length=1)]
    quorum: Annotated[Whole, Ge(1), Le(QUORUM_MAX)] = 1
    ports: Annotated[frozenset[int] | None, PlainValidator(words.ports)] = None
    networks: list[Name] = []
    longest: Annotated[timedelta, PlainValidator(between(_MINUTES_5, LONGEST_MAX))]
    longest_total: Annotated[
        timedelta | None, PlainValidator(between(_MINUTES_5, 7 * LONGEST_MAX))
    ] = None
    lapse_after: Annotated[
        timedelta, PlainValidator(between(timedelta(minutes=1), timedelta(days=7)))
    ] = timedelta(minutes=30)
    start_within: Annotated[timedelta, PlainValidator(between(_MINUTES_5, LONGEST_MAX))] = (
        timedelta(hours=1)
    )
    ticket: Ticket | None = None
    kinds: Annotated[frozenset[Kind], PlainValidator(words.kinds)] = ACCESS_ALONE
    channel: Channel


class Root(BaseModel):
    """The whole of the settings."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        # The defaults stand here; what they are checked for is what others write.
        validate_default=False,
    )

    instance: Name = "sekisho"
    language: Language = "en"
    time_zone: Zone = ZoneInfo("UTC")
    slack: Slack
    redis: Redis
    azure: Azure
    audit: Audit
    http: Http = Http()
    proxy: Annotated[
        str | None, PlainValidator(lambda v: words.https_url(v, ("http", "https")))
    ] = None
    channels: dict[Channel, ChannelSection] = {}
    networks: dict[Name, Network] = {}
    people: list[Annotated[list[Person], Field(min_length=2)]] = []
    administrators: Annotated[list[Person], BeforeValidator(one_or_many), Field(min_length=1)]
    rules: Annotated[list[RuleSection], Field(min_length=1)]
    alerts: Alerts | None = None
    file_changes: FileChanges | None = None
    clock_offset_file: str | None = None


def known_keys(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that there are at this place of the file, for a near name; () where any is one."""
    model: Any = Root
    for part in path:
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        model = _section(fields[part].annotation) if part in fields else None
        if model is None:
            return ()
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _section(annotation: Any) -> Any:
    """The section inside `Section | None`, `list[Section]`, `dict[str, Section]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _section(inner)
        if found is not None:
            return found
    return None
