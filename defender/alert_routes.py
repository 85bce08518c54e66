"""Where an alert is in Azure, and the queries that find it. Pure.

Whatever Azure or a pushed body calls an alert is foreign: it gets into a path or a query only if
it is made of letters that mean nothing there (FAULT-29).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from defender.alert import Alert
from defender.resources import bare_subscription_id

GROUP = r"[\w.()\-]{1,90}"
_ARM_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    rf"(?:/resourceGroups/(?P<group>{GROUP}))?"
    r"/providers/Microsoft\.Security/locations/(?P<location>[a-z0-9]{2,60})"
    r"/alerts/(?P<name>[0-9A-Za-z_.\-]{1,200})",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"/alertId/(?P<name>[0-9A-Za-z_.\-]{1,200})"
    r"/subscriptionId/(?P<subscription>[0-9a-f-]{36})"
    rf"(?:/resourceGroup/(?P<group>{GROUP}))?"
    r"(?:/referencedFrom/[A-Za-z]{1,60})?/location/(?P<location>[a-z0-9]{2,60})",
    re.IGNORECASE,
)
#: What an identity may be made of to stand in a query: no quote, no backslash, no blank.
_QUERYABLE = re.compile(r"[0-9A-Za-z_.\-]{1,200}")
_LOCATION = re.compile(r"[a-z0-9]{2,60}")

_ALERTS = "securityresources | where type =~ 'microsoft.security/locations/alerts'"
_GENERATED = (
    "extend generated = coalesce(todatetime(properties.timeGeneratedUtc), "
    "todatetime(properties.TimeGeneratedUtc), todatetime(properties.processingEndTimeUtc), "
    "todatetime(properties.ProcessingEndTimeUtc))"
)
_KEY = (
    "extend key = coalesce(tostring(properties.systemAlertId), "
    "tostring(properties.SystemAlertId), name)"
)
#: What `Alert.state` takes for open; an alert without a status is new.
_OPEN = (
    "extend status = coalesce(tostring(properties.status), tostring(properties.Status)) "
    "| where status in~ ('Active', 'New', 'InProgress', 'In Progress', '')"
)
#: Without `id` there would be no $skipToken, without an order no paging.
_SHOWN = "project id, name, subscriptionId, resourceGroup, location, properties | order by id asc"


class NoRoute(ValueError):
    """The alert's place in Azure is not known, or is written in a way that is not asked for."""


def alert_path(arm_id: str) -> str:
    """The path of an alert, from its own id and nothing else."""
    found = _ARM_ID.fullmatch(arm_id.rstrip("/"))
    if found is None or _is_dots(found["name"]) or _is_dots(found["group"] or "rg"):
        raise NoRoute(f"{arm_id[:300]!r} is not the id of an alert.")
    return _path(found)


def path_in_link(link: str) -> str:
    """The path of an exported alert, which has no id but a link to the portal; "" without."""
    found = _LINK.search(link)
    if found is None or _is_dots(found["name"]) or _is_dots(found["group"] or "rg"):
        return ""
    try:
        bare_subscription_id(found["subscription"])
    except ValueError:
        return ""
    return _path(found)


def since_query(since: datetime) -> str:
    """Every alert that Defender made since then; those without a time are never left out."""
    return (
        f"{_ALERTS} | {_GENERATED} "
        f"| where isnull(generated) or generated >= datetime({_utc(since)}) | {_SHOWN}"
    )


def older_open_query(before: datetime) -> str:
    """The identities of alerts that are open and older than that; no time counts as old."""
    return (
        f"{_ALERTS} | {_GENERATED} "
        f"| where isnull(generated) or generated < datetime({_utc(before)}) | {_OPEN} "
        f"| {_KEY} | project id, key | order by id asc"
    )


def named_query(keys: Iterable[str]) -> str:
    """The alerts with these identities; NoRoute for one that can't stand in a query."""
    given = list(keys)
    for key in given:
        if not is_queryable(key):
            raise NoRoute("The alert's identity can't be asked for.")
    names = ", ".join(f"'{key}'" for key in given)
    return f"{_ALERTS} | {_KEY} | where key in~ ({names}) | {_SHOWN}"


def is_queryable(key: str) -> bool:
    """Whether an identity is made of letters that mean nothing in a query."""
    return bool(_QUERYABLE.fullmatch(key)) and key.isascii()


def queryable(alerts: Sequence[Alert]) -> list[str]:
    """The identities among these that can be asked for, each once."""
    return list(dict.fromkeys(alert.key for alert in alerts if is_queryable(alert.key)))


def location_of(text: str) -> str:
    """A region's name as it stands in paths."""
    folded = "".join(text.split()).lower()
    if not _LOCATION.fullmatch(folded) or not folded.isascii():
        raise NoRoute(f"{text[:100]!r} is not a region.")
    return folded


def _path(found: re.Match[str]) -> str:
    group = f"/resourceGroups/{found['group']}" if found["group"] else ""
    return (
        f"/subscriptions/{found['subscription']}{group}/providers/Microsoft.Security"
        f"/locations/{found['location']}/alerts/{found['name']}"
    )


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _is_dots(name: str) -> bool:
    return not name.strip(".")
