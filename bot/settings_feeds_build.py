"""What only the whole of the feeds' sections shows, and the plain settings of the feeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import time, timedelta
from itertools import pairwise

from approvals.scope import compile_globs, make_scope
from bot.settings_feeds import AlertRoute, Alerts, EscalationSection, FileChanges, MachineRoute
from bot.settings_file import Document, Loc, Problem
from bot.settings_schema import Root
from feeds.quiet import DigestTime, QuietHours
from feeds.routing import Escalation, Mentions, Route, Routing, tactic_globs
from feeds.settings import (
    AlertSettings,
    Dangerous,
    FeedSettings,
    FileChangeSettings,
    Workspace,
)

#: Whoever guesses it can put alerts into the channels; 24 letters can't be guessed.
PUSH_SECRET_MIN = 24
#: When what was held back is told, unless a quiet night ends at another time.
MORNING = time(9)
#: The alerts API reads 90 days each time: often only where nothing else is read.
_API_ALONE, _API_BESIDE = timedelta(minutes=1), timedelta(minutes=15)


def check_feeds(root: Root) -> Iterator[Problem]:
    """Everything that is well-formed by itself and wrong together."""
    if root.alerts is not None:
        yield from _check_sources(root.alerts)
        yield from _check_push(root, root.alerts)
        yield from _check_times(root.alerts)
        yield from _check_routes(root, root.alerts.routes, ("alerts", "routes"))
        for index, route in enumerate(root.alerts.routes):
            if route.escalation is not None:
                loc = ("alerts", "routes", index, "escalation")
                yield from _check_escalation(route.escalation, loc)
    if root.file_changes is not None:
        yield from _check_routes(root, root.file_changes.routes, ("file_changes", "routes"))
        if root.file_changes.burst_longest < root.file_changes.burst_quiet:
            args = {"quiet": root.file_changes.burst_quiet}
            yield Problem(("file_changes", "burst_longest"), "burst_short", args)
        ids = list(root.file_changes.workspaces.values())
        for place, (name, guid) in enumerate(root.file_changes.workspaces.items()):
            if guid in ids[:place]:
                yield Problem(("file_changes", "workspaces", name), "twice")


def build_feeds(root: Root, document: Document) -> FeedSettings:
    """The plain settings; a section that is not there is a feed that is off."""
    return FeedSettings(
        None if root.alerts is None else _alerts(root, root.alerts, document),
        None if root.file_changes is None else _file_changes(root.file_changes, document),
    )


# --- what contradicts -------------------------------------------------------------------------


def _check_sources(alerts: Alerts) -> Iterator[Problem]:
    for place, source in enumerate(alerts.sources):
        if source in alerts.sources[:place]:
            yield Problem(("alerts", "sources", place), "twice")
    if set(alerts.sources) == {"push"}:
        yield Problem(("alerts", "sources"), "push_alone")
    if alerts.api_every is not None and "api" not in alerts.sources:
        yield Problem(("alerts", "api_every"), "api_every_unused")


def _check_push(root: Root, alerts: Alerts) -> Iterator[Problem]:
    loc: Loc = ("alerts", "push_secret")
    if "push" in alerts.sources and alerts.push_secret is None:
        yield Problem(loc, "push_needs_secret")
    if alerts.push_secret is None:
        if alerts.previous_push_secret is not None:
            yield Problem(("alerts", "previous_push_secret"), "push_secret_previous")
        return
    if "push" not in alerts.sources:
        yield Problem(loc, "push_secret_unused")
    others = (root.slack.signing_secret, root.slack.bot_token, root.slack.app_token)
    if alerts.push_secret in (*others, *(key.secret for key in root.audit.keys)):
        yield Problem(loc, "push_secret_is_another")
    for name in ("push_secret", "previous_push_secret"):
        secret = getattr(alerts, name)
        if secret is not None and len(secret) < PUSH_SECRET_MIN:
            yield Problem(("alerts", name), "push_secret_short", {"limit": PUSH_SECRET_MIN})


def _check_times(alerts: Alerts) -> Iterator[Problem]:
    quiet = alerts.quiet_hours
    if quiet is not None and quiet.begins == quiet.until:
        yield Problem(("alerts", "quiet_hours", "to"), "quiet_always")


def _check_routes(root: Root, routes: Sequence[MachineRoute], loc: Loc) -> Iterator[Problem]:
    names: set[str] = set()
    catcher = ""
    for index, route in enumerate(routes):
        here = (*loc, index)
        if route.name in names:
            yield Problem((*here, "name"), "twice")
        names.add(route.name)
        if catcher:
            yield Problem(here, "route_behind", {"other": catcher})
        elif _route(route, 0).is_for_all:
            catcher = route.name
        for place, subscription in enumerate(route.subscriptions):
            if subscription not in root.azure.subscriptions:
                yield Problem((*here, "subscriptions", place), "route_subscription")


def _check_escalation(found: EscalationSection, loc: Loc) -> Iterator[Problem]:
    for who, after in (("group", "group_after"), ("person", "person_after")):
        has_who, has_after = getattr(found, who) is not None, getattr(found, after) is not None
        if has_who is not has_after:
            yield Problem((*loc, after if has_who else who), "missing")
    names = ("remind_after", "group_after", "person_after")
    steps = [(name, getattr(found, name)) for name in names if getattr(found, name) is not None]
    if not steps:
        yield Problem(loc, "escalation_empty")
    for (before, sooner), (name, later) in pairwise(steps):
        if later <= sooner:
            yield Problem((*loc, name), "escalation_order", {"before": before})


# --- what is built ----------------------------------------------------------------------------


def _alerts(root: Root, alerts: Alerts, document: Document) -> AlertSettings:
    quiet = alerts.quiet_hours
    zone = (quiet.time_zone if quiet else None) or root.time_zone
    morning = alerts.digest_at or (quiet.until if quiet else MORNING)
    is_alone = "resource_graph" not in alerts.sources
    secrets = (alerts.push_secret, alerts.previous_push_secret)
    return AlertSettings(
        routing=_routing(alerts.routes, alerts.default_channel, ("alerts", "routes"), document),
        sources=tuple(alerts.sources),
        every=alerts.every,
        api_every=alerts.api_every or (_API_ALONE if is_alone else _API_BESIDE),
        overlap=alerts.overlap,
        first_read=alerts.first_read,
        digest=DigestTime(morning, zone),
        quiet_hours=QuietHours(quiet.begins, quiet.until, zone) if quiet else None,
        push_secrets=tuple(secret for secret in secrets if secret),
        graph=alerts.graph.enabled,
        graph_every=alerts.graph.every,
        edr_products=compile_globs(alerts.edr_products or ()),
    )


def _file_changes(found: FileChanges, document: Document) -> FileChangeSettings:
    loc = ("file_changes", "routes")
    return FileChangeSettings(
        workspaces=tuple(Workspace(name, guid) for name, guid in found.workspaces.items()),
        routing=_routing(found.routes, found.default_channel, loc, document),
        security_channel=found.security_channel,
        every=found.every,
        dangerous=_dangerous(found),
        ignored=compile_globs(found.ignored or ()),
        burst_quiet=found.burst_quiet,
        burst_longest=found.burst_longest,
        silent_after=found.silent_after,
    )


def _dangerous(found: FileChanges) -> tuple[Dangerous, ...]:
    pairs = ((compile_globs(one.paths), one.weight) for one in found.dangerous)
    return tuple(Dangerous(globs, weight) for globs, weight in pairs if globs is not None)


def _routing(routes: Sequence[MachineRoute], default: str, loc: Loc, document: Document) -> Routing:
    built = (_route(route, document.line((*loc, place))) for place, route in enumerate(routes))
    return Routing(tuple(built), default)


def _route(route: MachineRoute, line: int) -> Route:
    scope = make_scope(
        subscriptions=route.subscriptions,
        resource_groups=route.resource_groups or (),
        names=route.names or (),
        tags=route.tags,
    )
    alert = route if isinstance(route, AlertRoute) else None
    return Route(
        name=route.name,
        channel=route.channel,
        line=line,
        severities=frozenset(alert.severities) if alert else frozenset(),
        products=compile_globs((alert and alert.products) or ()),
        alert_types=compile_globs((alert and alert.alert_types) or ()),
        tactics=tactic_globs((alert and alert.tactics) or ()),
        edr=alert.edr if alert else None,
        subscriptions=scope.subscriptions,
        resource_groups=scope.resource_groups,
        names=scope.names,
        tags=scope.tags,
        clouds=frozenset(route.clouds),
        mentions=_mentions(route.mentions),
        escalation=_escalation(alert.escalation) if alert and alert.escalation else None,
        minimum_severity=(alert and alert.minimum_severity) or "",
    )


def _mentions(members: Sequence[str]) -> Mentions:
    found = tuple(dict.fromkeys(members))
    groups = tuple(member for member in found if member.startswith("S"))
    return Mentions(groups, tuple(member for member in found if member not in groups))


def _escalation(found: EscalationSection) -> Escalation:
    return Escalation(
        remind_after=found.remind_after,
        group=found.group or "",
        group_after=found.group_after,
        person=found.person or "",
        person_after=found.person_after,
        least=found.minimum_severity,
    )
