"""The approval rules as types: who may ask for what, who decides. Built by the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from approvals.events import Kind, PersonId, Rule
from approvals.membership import Membership
from approvals.scope import Place, Scope
from approvals.source import NamedNetwork

#: What `Who.via` says of a person who is listed by id.
BY_NAME = "people"
#: … and where everybody may ask.
BY_BEING_HERE = "everyone"

#: What a rule is for where it does not say: JIT access alone, as ever.
ACCESS_ALONE = frozenset({Kind.JIT_ACCESS})


@dataclass(frozen=True, slots=True)
class Who:
    """Slack user groups by id, people by id, or everyone (askers only).

    Slack's guests are nobody's members here unless the rule lets them ask.
    """

    groups: tuple[str, ...] = ()
    people: tuple[PersonId, ...] = ()
    everyone: bool = False
    #: whether guests may be meant (askers only).
    guests: bool = False

    def via(self, person: PersonId, membership: Membership) -> str | None:
        """Why this person is one of them: a group's id, `people`, `everyone`; None for not."""
        if person in membership.inactive or self.shuts_out(person, membership):
            return None
        if person in self.people:
            return BY_NAME
        for group in self.groups:
            if person in membership.members(group):
                return group
        return BY_BEING_HERE if self.everyone else None

    def everybody(self, membership: Membership) -> frozenset[PersonId]:
        """All active people meant, by group or by name."""
        named = frozenset(self.people) - membership.inactive
        found = named.union(*(membership.members(group) for group in self.groups))
        return found if self.guests else found - membership.guests

    def shuts_out(self, person: PersonId, membership: Membership) -> bool:
        """Whether it is for being a guest that this person is none of them."""
        return person in membership.guests and not self.guests

    def unreadable(self, membership: Membership) -> str:
        """The first group that is disabled, empty or not readable, else ""."""
        return next((group for group in self.groups if not membership.groups.get(group)), "")


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule of the policy file, `line` where it stands."""

    name: str
    line: int
    scope: Scope
    askers: Who
    approvers: Who
    quorum: int
    ports: frozenset[int] | None
    networks: tuple[NamedNetwork, ...]
    longest: timedelta
    #: cap of a session together with its extensions.
    longest_total: timedelta
    #: without an answer in this time the request lapses.
    lapse_after: timedelta
    #: how long an approved request may be opened, or tried again.
    start_within: timedelta
    ticket_pattern: str | None
    ticket_url: str | None
    channel: str
    #: what may be asked for under it; other kinds fall through to a later rule.
    kinds: frozenset[Kind] = ACCESS_ALONE

    def ticket_link(self, ticket: str) -> str | None:
        """Where the ticket can be read, if the rule says so."""
        if not (self.ticket_url and ticket):
            return None
        return self.ticket_url.replace("{ticket}", quote(ticket, safe=""))

    def as_filed(self, version: str) -> Rule:
        """What the audit entry keeps of the rule."""
        return Rule(
            name=self.name,
            version=version,
            line=self.line,
            channel=self.channel,
            groups=self.approvers.groups,
            people=self.approvers.people,
            quorum=self.quorum,
            longest_seconds=int(self.longest.total_seconds()),
            longest_total_seconds=int(self.longest_total.total_seconds()),
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules. For each kind the first that has it and matches a VM is that VM's, no other."""

    rules: tuple[RuleSpec, ...]
    #: each set: the Slack ids of one person.
    people: tuple[frozenset[PersonId], ...]
    administrators: frozenset[PersonId]
    #: SHA-256 (hex, shortened) of what the rules say: written into every approval.
    version: str

    def same_person(self, person: PersonId) -> frozenset[PersonId]:
        """Every id of this person, the given one included."""
        return frozenset({person}).union(*(ids for ids in self.people if person in ids))

    def rule_for(self, machine: Place, kind: Kind = Kind.JIT_ACCESS) -> RuleSpec | None:
        """The VM's rule for this kind, or None where nobody may ask for it."""
        return next(
            (rule for rule in self.rules if kind in rule.kinds and rule.scope.matches(machine)),
            None,
        )

    def rule_for_all(self, places: Sequence[Place], kind: Kind) -> RuleSpec | None:
        """The one rule that is every place's; None where there is none, or more than one."""
        found = {rule.name: rule for p in places if (rule := self.rule_for(p, kind)) is not None}
        is_all = bool(places) and all(self.rule_for(p, kind) is not None for p in places)
        return next(iter(found.values())) if is_all and len(found) == 1 else None

    def rule_named(self, name: str) -> RuleSpec | None:
        """The rule of this name."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def persons(self, ids: Iterable[PersonId]) -> int:
        """How many people these ids are: two ids of one person count once."""
        return len({min(self.same_person(person)) for person in ids})

    @property
    def groups(self) -> frozenset[str]:
        """Every user group that some rule names: what has to be read from Slack."""
        return frozenset(
            group
            for rule in self.rules
            for who in (rule.askers, rule.approvers)
            for group in who.groups
        )

    @property
    def named(self) -> frozenset[PersonId]:
        """Everybody whom a rule or the list of administrators names by id."""
        return self.administrators.union(
            *(who.people for rule in self.rules for who in (rule.askers, rule.approvers))
        )

    @property
    def channels(self) -> Mapping[str, tuple[str, ...]]:
        """Channel → the rules that are decided there."""
        found: dict[str, tuple[str, ...]] = {}
        for rule in self.rules:
            found[rule.channel] = (*found.get(rule.channel, ()), rule.name)
        return found
