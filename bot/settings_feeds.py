"""The sections `alerts` and `file_changes` of the settings file. Without one its feed is off."""

# ruff: noqa: RUF012 - pydantic copies a default for each object
from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import BeforeValidator, Field, PlainValidator

from bot.settings_kinds import (
    Channel,
    Glob,
    Globs,
    Group,
    Guid,
    Member,
    Name,
    Person,
    Secret,
    Section,
    Subscription,
    TimeOfDay,
    Whole,
    YesNo,
    Zone,
    between,
    one_or_many,
)

_SECOND, _MINUTE, _HOUR, _DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
WEIGHT_MAX = 100

Severity = Literal["high", "medium", "low", "informational"]
AnySeverity = Literal["high", "medium", "low", "informational", "unknown"]
Cloud = Literal["azure", "aws", "gcp", "arc", "unknown"]
SourceName = Literal["resource_graph", "api", "push"]
#: How long nobody may have taken an alert.
Patience = Annotated[timedelta, PlainValidator(between(_MINUTE, _DAY))]


class EscalationSection(Section):
    """What happens while nobody takes an alert."""

    remind_after: Patience | None = None
    group: Group | None = None
    group_after: Patience | None = None
    person: Person | None = None
    person_after: Patience | None = None
    minimum_severity: Severity = "high"


class MachineRoute(Section):
    """Where something goes by its machine."""

    name: Name
    subscriptions: Annotated[list[Subscription], BeforeValidator(one_or_many)] = []
    resource_groups: Globs | None = None
    names: Globs | None = None
    tags: dict[Glob, Globs] = {}
    clouds: Annotated[list[Cloud], BeforeValidator(one_or_many)] = []
    channel: Channel
    mentions: Annotated[list[Member], BeforeValidator(one_or_many)] = []


class AlertRoute(MachineRoute):
    """Where an alert goes."""

    severities: Annotated[list[AnySeverity], BeforeValidator(one_or_many)] = []
    products: Globs | None = None
    alert_types: Globs | None = None
    tactics: Globs | None = None
    edr: YesNo | None = None
    #: Medium is the most that can be demanded: High and Medium never wait for a digest.
    minimum_severity: Literal["medium", "low"] | None = None
    escalation: EscalationSection | None = None


class QuietHoursSection(Section):
    """When Low and Informational wait."""

    begins: TimeOfDay = Field(alias="from")
    until: TimeOfDay = Field(alias="to")
    time_zone: Zone | None = None


class GraphSection(Section):
    """Owner, verdict and comments in Defender XDR, through Microsoft Graph."""

    enabled: YesNo = False
    every: Annotated[timedelta, PlainValidator(between(10 * _SECOND, 10 * _MINUTE))] = 30 * _SECOND


class Alerts(Section):
    """What Defender detects: how it is read and where it is told."""

    sources: Annotated[
        list[SourceName], BeforeValidator(one_or_many), Field(min_length=1)
    ] = ["resource_graph", "api"]  # fmt: skip
    every: Annotated[timedelta, PlainValidator(between(10 * _SECOND, 5 * _MINUTE))] = 10 * _SECOND
    api_every: Annotated[timedelta | None, PlainValidator(between(_MINUTE, _DAY))] = None
    overlap: Annotated[timedelta, PlainValidator(between(_HOUR, _DAY))] = 2 * _HOUR
    first_read: Annotated[timedelta, PlainValidator(between(_HOUR, 90 * _DAY))] = _DAY
    default_channel: Channel
    routes: list[AlertRoute] = []
    quiet_hours: QuietHoursSection | None = None
    digest_at: TimeOfDay | None = None
    push_secret: Secret | None = None
    previous_push_secret: Secret | None = None
    graph: GraphSection = GraphSection()
    edr_products: Globs | None = None


class DangerousSection(Section):
    """Paths whose change weighs more."""

    paths: Globs
    weight: Annotated[Whole, Ge(1), Le(WEIGHT_MAX)]


class FileChanges(Section):
    """File integrity: which workspaces are read and where it is told."""

    workspaces: Annotated[dict[Name, Guid], Field(min_length=1)]
    every: Annotated[timedelta, PlainValidator(between(10 * _SECOND, _HOUR))] = _MINUTE
    default_channel: Channel
    security_channel: Channel
    routes: list[MachineRoute] = []
    dangerous: list[DangerousSection] = []
    ignored: Globs | None = None
    burst_quiet: Annotated[timedelta, PlainValidator(between(5 * _SECOND, _HOUR))] = 2 * _MINUTE
    burst_longest: Annotated[timedelta, PlainValidator(between(10 * _SECOND, _DAY))] = 10 * _MINUTE
    silent_after: Annotated[timedelta, PlainValidator(between(_HOUR, 14 * _DAY))] = _DAY
