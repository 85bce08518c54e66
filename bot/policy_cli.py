"""`sekisho policy check` and `sekisho policy try`: what the rules mean, before anybody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_network

from approvals.asking import Ask
from approvals.events import PersonId
from approvals.membership import Membership
from approvals.policy import decide
from approvals.policy_types import Policy, RuleSpec
from approvals.ports import parse_ports
from approvals.scope import fold
from approvals.source import NamedNetwork, Source, parse_source
from approvals.verdict import Needs, Refusal, Refused
from approvals.window import parse_window
from bot.settings import Settings
from defender.records import Machine, VmPolicy
from defender.search import MachineIndex
from handlers.command_line import CommandLine, Verb, parse
from handlers.locale import Locale
from handlers.views.refusals import refusal_text

#: VMs that one line names.
NAMED_MAX = 5
#: Stands in for an address that was not typed; no documentation range is ever sent to Azure.
_UNTYPED = NamedNetwork("-", ip_network("192.0.2.1/32"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What is printed, and the exit code: 0 fine, 1 something to mend."""

    lines: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True, slots=True)
class World:
    """What is read live: Slack's groups, Azure's estate, readable names of Slack ids."""

    membership: Membership | None = None
    machines: Sequence[Machine] | None = None
    #: handle, name or id (folded) → id, for `policy try`.
    people: Mapping[str, PersonId] = field(default_factory=dict)
    #: id of a person, group or channel → how it is called.
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, slack_id: str) -> str:
        """`@sato`, else the id."""
        return self.names.get(slack_id, slack_id)


# --- check ------------------------------------------------------------------------------------


def check_policy(settings: Settings, world: World, locale: Locale) -> Answer:
    """Rules that never match, VMs that nobody or one person alone can approve, empty groups."""
    checker = _Checker(settings, world, locale)
    errors = [line for rule in settings.policy.rules for line in checker.rule(rule)]
    notes = [*checker.notes()]
    lines = [*errors, *notes] if errors or notes else []
    if not errors:
        lines.append(locale.text("policy.fine"))
    return Answer(tuple(lines), 1 if errors else 0)


class _Checker:
    def __init__(self, settings: Settings, world: World, locale: Locale) -> None:
        self._policy = settings.policy
        self._file = _file_name(settings)
        self._world = world
        self._locale = locale
        machines = world.machines or ()
        self._ruled = {machine.key: self._policy.rule_for(machine) for machine in machines}

    def rule(self, rule: RuleSpec) -> Iterator[str]:
        """What is wrong with one rule."""
        shadow = next(
            (r for r in self._before(rule) if r.scope.covers(rule.scope) and rule.kinds <= r.kinds),
            None,
        )
        if shadow:
            yield self._say("covered", rule, other=shadow.name, line=shadow.line)
            return
        yield from self._unreached(rule)
        if self._world.membership is not None:
            yield from self._members(rule, self._world.membership)
            yield from self._deciders(rule, self._world.membership)

    def notes(self) -> Iterator[str]:
        """What is worth knowing and not wrong."""
        if self._world.machines is None:
            yield self._locale.text("policy.no_estate")
            return
        for rule in self._policy.rules:
            if not any(rule.scope.matches(machine) for machine in self._world.machines):
                yield self._say("no_vm", rule)
        bare = [m for m in self._world.machines if self._ruled[m.key] is None]
        if bare:
            yield self._locale.text("policy.no_rule", vms=self._named(bare))

    def _before(self, rule: RuleSpec) -> tuple[RuleSpec, ...]:
        return self._policy.rules[: self._policy.rules.index(rule)]

    def _machines(self, rule: RuleSpec) -> list[Machine]:
        return [m for m in self._world.machines or () if self._has(rule, m)]

    def _has(self, rule: RuleSpec, machine: Machine) -> bool:
        """Whether it is the machine's rule for something that may be asked for under it."""
        return any(self._policy.rule_for(machine, kind) is rule for kind in rule.kinds)

    def _unreached(self, rule: RuleSpec) -> Iterator[str]:
        matching = [m for m in self._world.machines or () if rule.scope.matches(m)]
        if not matching or self._machines(rule):
            return
        rules = {
            found.name: None
            for m in matching
            for kind in sorted(rule.kinds)
            if (found := self._policy.rule_for(m, kind))
        }
        yield self._say("taken", rule, rules=", ".join(rules))

    def _members(self, rule: RuleSpec, membership: Membership) -> Iterator[str]:
        groups = dict.fromkeys((*rule.askers.groups, *rule.approvers.groups))
        for group in groups:
            if not membership.members(group):
                yield self._say("group_unreadable", rule, group=self._world.name(group))
        named = dict.fromkeys((*rule.askers.people, *rule.approvers.people))
        if gone := [person for person in named if person in membership.inactive]:
            yield self._say("inactive", rule, people=self._people(gone))

    def _deciders(self, rule: RuleSpec, membership: Membership) -> Iterator[str]:
        approvers = rule.approvers.everybody(membership)
        found = self._policy.persons(approvers)
        vms = self._named(self._machines(rule))
        if found < rule.quorum:
            yield self._say("nobody", rule, found=found, quorum=rule.quorum, vms=vms)
            return
        if found == 1:
            yield self._say("single", rule, person=self._people(sorted(approvers)[:1]), vms=vms)
        if not rule.askers.everyone and not rule.askers.everybody(membership):
            yield self._say("no_askers", rule)
        if stuck := _stuck(self._policy, rule, membership):
            yield self._say("own", rule, people=self._people(stuck), vms=vms)

    def _say(self, key: str, rule: RuleSpec, **args: object) -> str:
        place = self._locale.text("policy.place", file=self._file, line=rule.line, rule=rule.name)
        return self._locale.text(f"policy.{key}", place=place, **args)

    def _people(self, people: Sequence[PersonId]) -> str:
        return ", ".join(self._world.name(person) for person in people)

    def _named(self, machines: Sequence[Machine]) -> str:
        names = ", ".join(machine.name for machine in machines[:NAMED_MAX])
        left = len(machines) - NAMED_MAX
        if left > 0:
            return self._locale.text("policy.more", vms=names, n=left)
        return names or self._locale.text("policy.none")


def _stuck(policy: Policy, rule: RuleSpec, membership: Membership) -> list[PersonId]:
    """Approvers who may ask, too, and without whom the quorum is out of reach."""
    approvers = rule.approvers.everybody(membership)
    return [
        person
        for person in sorted(approvers)
        if rule.askers.via(person, membership) is not None
        and policy.persons(approvers - policy.same_person(person)) < rule.quorum
    ]


# --- try --------------------------------------------------------------------------------------


def try_policy(
    settings: Settings,
    text: str,
    world: World,
    locale: Locale,
    *,
    policies: Callable[[Machine], Sequence[VmPolicy]],
    now: datetime,
) -> Answer:
    """The verdict on `alice web-01 ssh 2h`, the rule and line that made it, who would be asked.

    What is not typed (source, reason, ticket) is not judged, and that is said.
    """
    who, _, rest = text.strip().partition(" ")
    line = parse(rest)
    if not who or line.verb is not Verb.ASK or not line.vm:
        return Answer((locale.text("policy.try_usage"),), 2)
    person = world.people.get(fold(who.removeprefix("@")))
    if person is None:
        return Answer((locale.text("policy.try_person", typed=who),), 2)
    machine = _machine(line.vm, world, locale)
    if isinstance(machine, Answer):
        return machine
    rule = settings.policy.rule_for(machine)
    if rule is None:
        return Answer((locale.text("policy.try_no_rule", vm=machine.name),), 1)
    assert world.membership is not None, "the caller reads the groups before"
    trial = _Trial(settings.policy, rule, machine, list(policies(machine)), line)
    verdict = trial.decide(person, world.membership, locale=locale, now=now)
    head = locale.text("policy.try_rule", rule=rule.name, file=_file_name(settings), line=rule.line)
    return _verdict(verdict, trial, rule, world, locale, head)


@dataclass(frozen=True, slots=True)
class _Trial:
    policy: Policy
    rule: RuleSpec
    machine: Machine
    vm_policies: list[VmPolicy]
    line: CommandLine

    def decide(
        self, person: PersonId, membership: Membership, *, locale: Locale, now: datetime
    ) -> Refused | Needs:
        offered = [port.number for entry in self.vm_policies for port in entry.ports]
        ports = parse_ports(",".join(self.line.ports), offered)
        window = parse_window(self.line.window or "", now=now, tz=locale.tz)
        source = self._source()
        wrong = [part for part in (ports, window, source) if isinstance(part, Refusal)]
        if isinstance(ports, Refusal) or isinstance(window, Refusal) or isinstance(source, Refusal):
            return Refused(tuple(wrong))
        ask = Ask(
            machine=self.machine,
            ports=ports,
            source=source,
            window=window,
            reason=self.line.reason or "policy try",
            ticket=self.line.ticket or "",
            asker=person,
        )
        return decide(self._lenient(), ask, self._open_policies(), membership, now)

    def unasked(self, locale: Locale) -> list[str]:
        """What was left out, in words."""
        parts = []
        if not self.line.source:
            parts.append(locale.text("policy.try_source"))
        if not self.line.reason:
            parts.append(locale.text("policy.try_reason"))
        if not self.line.ticket and self.rule.ticket_pattern:
            pattern = self.rule.ticket_pattern
            parts.append(locale.text("policy.try_ticket", pattern=pattern))
        return parts

    def _source(self) -> Source | Refusal:
        if self.line.source:
            return parse_source(self.line.source, self.rule.networks)
        return Source(str(_UNTYPED.prefix.network_address), _UNTYPED.name)

    def _lenient(self) -> Policy:
        """The same policy without the questions that were not answered."""
        rule = self.rule
        if not self.line.source:
            rule = replace(rule, networks=(*rule.networks, _UNTYPED))
        if not self.line.ticket:
            rule = replace(rule, ticket_pattern=None)
        rules = tuple(rule if each is self.rule else each for each in self.policy.rules)
        return replace(self.policy, rules=rules)

    def _open_policies(self) -> list[VmPolicy]:
        if self.line.source:
            return self.vm_policies
        return [
            replace(entry, ports=tuple(replace(port, allowed_sources=()) for port in entry.ports))
            for entry in self.vm_policies
        ]


def _verdict(
    verdict: Refused | Needs,
    trial: _Trial,
    rule: RuleSpec,
    world: World,
    locale: Locale,
    head: str,
) -> Answer:
    lines = [head]
    match verdict:
        case Refused(refusals):
            lines.append(locale.text("policy.try_refused"))
            lines += [f"- {_refusal(refusal, world, locale)}" for refusal in refusals]
        case Needs(approvers=approvers):
            names = ", ".join(sorted(world.name(person) for person in approvers))
            lines.append(locale.text("policy.try_needs", quorum=rule.quorum, approvers=names))
            lapse = locale.duration(rule.lapse_after)
            channel = world.name(rule.channel)
            lines.append(locale.text("policy.try_channel", channel=channel, lapse=lapse))
    if parts := trial.unasked(locale):
        lines.append(locale.text("policy.try_unasked", parts=locale.join(parts)))
    return Answer(tuple(lines), 1 if isinstance(verdict, Refused) else 0)


def _refusal(refusal: Refusal, world: World, locale: Locale) -> str:
    return refusal_text(refusal, locale, mrkdwn=False, group_names=world.names)


def _machine(typed: str, world: World, locale: Locale) -> Machine | Answer:
    index = MachineIndex(world.machines or ())
    group, _, name = typed.rpartition("/")
    found = index.by_name(name)
    if group:
        found = tuple(m for m in found if fold(m.resource_group) == fold(group))
    if len(found) == 1:
        return found[0]
    if found:
        groups = ", ".join(machine.resource_group for machine in found)
        said = locale.text("policy.try_vm_several", typed=typed, groups=groups)
        return Answer((said,), 2)
    near = ", ".join(dict.fromkeys(machine.name for machine in index.near(name)))
    if near:
        return Answer((locale.text("policy.try_vm_near", typed=typed, near=near),), 2)
    return Answer((locale.text("policy.try_vm", typed=typed),), 2)


def _file_name(settings: Settings) -> str:
    return settings.file.name if settings.file else "-"
