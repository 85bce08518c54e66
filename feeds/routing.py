"""Which rule catches an alert or a burst of file changes, where it goes, and why. Pure.

The first route whose conditions all match wins; the default channel takes what no route wants, so
nothing is ever without a channel. `Why` is data: views put it into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from approvals.scope import Globs, compile_globs, fold
from defender.alert import SEVERITIES
from feeds.facts import UNKNOWN, Facts, may_be_held, rank

#: The name of what takes the rest; no route in the settings can have it (names hold no `*`).
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
    """Who is called by name on the card: Slack ids."""

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
        """The first route that wants it. Samples call nobody, whatever the route says."""
        passed: list[Passed] = []
        for route in self.routes:
            tested = list(_tests(route, facts))
            failed = next((asked for asked, is_met in tested if not is_met), None)
            if failed is None:
                why = Why(route.line, tuple(asked for asked, _ in tested), tuple(passed))
                return _routed(route, facts, why)
            passed.append(Passed(route.name, route.line, failed))
        return Routed(DEFAULT, self.default_channel, why=Why(passed=tuple(passed)))

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
    is_low = (
        bool(route.minimum_severity)
        and may_be_held(facts.severity)
        and rank(facts.severity) > rank(route.minimum_severity)
    )
    escalation = route.escalation
    if escalation is not None and rank(facts.severity) > rank(escalation.least):
        escalation = None
    if facts.is_sample:
        return Routed(route.name, route.channel, is_low=is_low, why=why)
    return Routed(route.name, route.channel, route.mentions, escalation, is_low, why)


def _tests(route: Route, facts: Facts) -> Iterable[tuple[Matched, bool]]:
    """Every condition that the route has, with whether it is met, in the order of `Condition`."""
    severity = facts.severity.casefold()
    severity = severity if severity in SEVERITIES else UNKNOWN
    cloud = facts.cloud or UNKNOWN
    if route.severities:
        asked = Matched(Condition.SEVERITIES, _in_order(route.severities), facts.severity)
        yield asked, severity in route.severities
    yield from _globs(Condition.PRODUCTS, route.products, (facts.product,))
    yield from _globs(Condition.ALERT_TYPES, route.alert_types, (facts.alert_type,))
    yield from _globs(Condition.TACTICS, route.tactics, facts.tactics, _without_blanks)
    if route.edr is not None:
        asked = Matched(Condition.EDR, (_yes_no(route.edr),), _yes_no(facts.is_edr))
        yield asked, route.edr is facts.is_edr
    if route.subscriptions:
        wanted = tuple(sorted(route.subscriptions))
        asked = Matched(Condition.SUBSCRIPTIONS, wanted, facts.subscription_id)
        yield asked, facts.subscription_id.lower() in route.subscriptions
    yield from _globs(Condition.RESOURCE_GROUPS, route.resource_groups, (facts.resource_group,))
    yield from _globs(Condition.NAMES, route.names, (facts.machine,))
    yield from _tag_tests(route, facts.tags)
    if route.clouds:
        asked = Matched(Condition.CLOUDS, tuple(sorted(route.clouds)), facts.cloud)
        yield asked, cloud in route.clouds


def _globs(
    condition: Condition,
    globs: Globs | None,
    found: tuple[str, ...],
    form: Callable[[str], str] = str,
) -> Iterable[tuple[Matched, bool]]:
    if globs is not None:
        asked = Matched(condition, globs.patterns, ", ".join(found))
        yield asked, any(globs.match(form(text)) for text in found)


def _tag_tests(route: Route, tags: Mapping[str, str]) -> Iterable[tuple[Matched, bool]]:
    folded = {fold(key): value for key, value in tags.items()}
    for key, globs in route.tags:
        wanted = tuple(f"{key}={pattern}" for pattern in globs.patterns)
        found = f"{key}={folded[key]}" if key in folded else ""
        asked = Matched(Condition.TAGS, wanted, found)
        yield asked, key in folded and globs.match(folded[key])


def _in_order(severities: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in (*SEVERITIES, UNKNOWN) if name in severities)


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def _yes_no(value: bool) -> str:
    return "true" if value else "false"
