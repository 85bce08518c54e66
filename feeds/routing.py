"""Which rule catches an alert or a burst of file changes, where it goes, and why. Pure.

The first route whose conditions all match wins; the default channel takes what no route wants, so
nothing is ever without a channel. `Why` is data: views put it into words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from approvals.scope import Globs, compile_globs, fold
from defender.alert import SEVERITIES
from feeds.facts import UNKNOWN, Facts, may_be_held, rank

#: What takes the rest; no route in the settings can have this name.
DEFAULT = "*"


class Condition(StrEnum):
    """What a route may ask for; the names are those of the settings."""

    SEVERITIES = "severities"
    PRODUCTS = "products"
    ALERT_TYPES = "alert_types"
    TACTICS = "tactics"
    EDR = "edr"
    SUBSCRIPTIONS = "subscriptions"
    RESOURCE_GROUPS = "resource_groups"
    NAMES = "names"
    TAGS = "tags"
    CLOUDS = "clouds"


@dataclass(frozen=True, slots=True)
class Mentions:
    """Who is called by name on the card."""

    groups: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.people)


@dataclass(frozen=True, slots=True)
class Escalation:
    """What happens while nobody takes an alert; times count from its arrival. None: no such step.

    Only alerts of `least` or above are brought up again.
    """

    remind_after: timedelta | None = None
    group: str = ""
    group_after: timedelta | None = None
    person: str = ""
    person_after: timedelta | None = None
    least: str = "high"


@dataclass(frozen=True, slots=True)
class Route:
    """One rule. A condition that is not given matches everything."""

    name: str
    channel: str
    line: int = 0
    severities: frozenset[str] = frozenset()
    products: Globs | None = None
    alert_types: Globs | None = None
    tactics: Globs | None = None
    edr: bool | None = None
    subscriptions: frozenset[str] = frozenset()
    resource_groups: Globs | None = None
    names: Globs | None = None
    tags: tuple[tuple[str, Globs], ...] = ()
    clouds: frozenset[str] = frozenset()
    mentions: Mentions = Mentions()
    escalation: Escalation | None = None
    #: what is below goes into the day's digest; "" for nothing.
    minimum_severity: str = ""

    @property
    def is_for_all(self) -> bool:
        """Whether nothing gets past it."""
        return not list(_tests(self, Facts()))


@dataclass(frozen=True, slots=True)
class Matched:
    """One condition, what the route wants and what was found ("" for nothing)."""

    condition: Condition
    wanted: tuple[str, ...]
    found: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A route that was looked at earlier, and the first condition on which it failed."""

    route_name: str
    line: int
    failed: Matched


@dataclass(frozen=True, slots=True)
class Why:
    """Which conditions matched, and which routes before it did not."""

    line: int = 0
    matched: tuple[Matched, ...] = ()
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True)
class Routed:
    """Where it goes. `is_low`: below the route's least severity, so it waits for the digest."""

    route_name: str
    channel: str
    mentions: Mentions = Mentions()
    escalation: Escalation | None = None
    is_low: bool = False
    why: Why = Why()


@dataclass(frozen=True, slots=True)
class Routing:
    """All routes in their order; the default channel takes the rest."""

    routes: tuple[Route, ...]
    default_channel: str

    def find(self, facts: Facts) -> Routed:
        """The first route that wants it, and why."""
        passed: list[Passed] = []
        for route in self.routes:
            matched: list[Matched] = []
            for test in _tests(route, facts):
                if not test.is_met:
                    passed.append(Passed(route.name, route.line, test.told()))
                    break
                matched.append(test.told())
            else:
                return _routed(route, facts, Why(route.line, tuple(matched), tuple(passed)))
        return Routed(DEFAULT, self.default_channel, why=Why(passed=tuple(passed)))

    def find_quickly(self, facts: Facts) -> Routed:
        """The same without `why`: 10,000 alerts come at once, and nobody asks of each."""
        for route in self.routes:
            if all(test.is_met for test in _tests(route, facts)):
                return _routed(route, facts, Why())
        return Routed(DEFAULT, self.default_channel)

    def route(self, name: str) -> Route | None:
        """The route of this name, as it is now."""
        return next((route for route in self.routes if route.name == name), None)

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel that is told something, each once, the default one first."""
        return tuple(dict.fromkeys((self.default_channel, *(r.channel for r in self.routes))))


def tactic_globs(patterns: Iterable[str]) -> Globs | None:
    """`Credential Access` and `CredentialAccess` are one tactic."""
    return compile_globs("".join(pattern.split()) for pattern in patterns)


def _routed(route: Route, facts: Facts, why: Why) -> Routed:
    """What follows from the route. Samples call nobody, whatever it says."""
    least = route.minimum_severity
    is_low = bool(least) and may_be_held(facts.severity) and rank(facts.severity) > rank(least)
    escalation = route.escalation
    if escalation is not None and rank(facts.severity) > rank(escalation.least):
        escalation = None
    if facts.is_sample:
        return Routed(route.name, route.channel, is_low=is_low, why=why)
    return Routed(route.name, route.channel, route.mentions, escalation, is_low, why)


class _Test(NamedTuple):
    """One condition against the facts; what is told of it is made when it is asked."""

    condition: Condition
    is_met: bool
    wanted: Iterable[str]
    found: Iterable[str]

    def told(self) -> Matched:
        return Matched(self.condition, tuple(self.wanted), ", ".join(self.found))


def _tests(route: Route, facts: Facts) -> Iterator[_Test]:
    """Every condition that the route has, in the order of `Condition`."""
    if route.severities:
        severity = facts.severity.casefold()
        is_met = (severity if severity in SEVERITIES else UNKNOWN) in route.severities
        wanted = (name for name in (*SEVERITIES, UNKNOWN) if name in route.severities)
        yield _Test(Condition.SEVERITIES, is_met, wanted, (facts.severity,))
    if route.products is not None:
        yield _globs(Condition.PRODUCTS, route.products, facts.product)
    if route.alert_types is not None:
        yield _globs(Condition.ALERT_TYPES, route.alert_types, facts.alert_type)
    if route.tactics is not None:
        is_met = any(route.tactics.match("".join(tactic.split())) for tactic in facts.tactics)
        yield _Test(Condition.TACTICS, is_met, route.tactics.patterns, facts.tactics)
    if route.edr is not None:
        is_met = route.edr is facts.is_edr
        yield _Test(Condition.EDR, is_met, (_yes_no(route.edr),), (_yes_no(facts.is_edr),))
    yield from _place_tests(route, facts)


def _place_tests(route: Route, facts: Facts) -> Iterator[_Test]:
    if route.subscriptions:
        found = facts.subscription_id
        is_met, wanted = found.lower() in route.subscriptions, sorted(route.subscriptions)
        yield _Test(Condition.SUBSCRIPTIONS, is_met, wanted, (found,))
    if route.resource_groups is not None:
        yield _globs(Condition.RESOURCE_GROUPS, route.resource_groups, facts.resource_group)
    if route.names is not None:
        yield _globs(Condition.NAMES, route.names, facts.machine)
    if route.tags:
        yield from _tag_tests(route, facts.tags)
    if route.clouds:
        is_met = (facts.cloud or UNKNOWN) in route.clouds
        yield _Test(Condition.CLOUDS, is_met, sorted(route.clouds), (facts.cloud,))


def _tag_tests(route: Route, tags: Mapping[str, str]) -> Iterator[_Test]:
    folded = {fold(key): value for key, value in tags.items()}
    for key, globs in route.tags:
        value = folded.get(key)
        is_met = value is not None and globs.match(value)
        wanted = (f"{key}={pattern}" for pattern in globs.patterns)
        yield _Test(Condition.TAGS, is_met, wanted, () if value is None else (f"{key}={value}",))


def _globs(condition: Condition, globs: Globs, found: str) -> _Test:
    return _Test(condition, globs.match(found), globs.patterns, (found,))


def _yes_no(value: bool) -> str:
    return str(value).lower()
