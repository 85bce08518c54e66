"""The form behind `/jit`: opened filled with what was typed, redrawn when the VM is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from approvals.asking import best_policy, longest_of
from approvals.events import PersonId, State
from approvals.policy import askable
from approvals.policy_types import RuleSpec
from approvals.ports import parse_port
from approvals.source import parse_source
from approvals.verdict import Refusal
from defender.jit import VmPolicy
from defender.records import Machine
from defender.search import short_key
from handlers.asking import find_machine
from handlers.drafts import Draft
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import blocks, safe
from handlers.views.answers import shared_note
from handlers.views.ask_form import FormDraft, RuleSummary, ask_form, empty_form
from handlers.views.blocks import Option, View

SUGGESTIONS_MAX = 100
#: An option's label holds 75; each part is cut in its own middle, so that two long names of one
#: beginning stay different (C116).
NAME_MAX, GROUP_MAX, SUBSCRIPTION_MAX = 33, 19, 19
NONE: Mapping[str, tuple[Refusal, ...]] = MappingProxyType({})


async def form_view(s: Services, person: PersonId, draft: Draft, locale: Locale) -> View:
    """The form as it stands, or the sentence why nothing can be asked for (C062)."""
    if not any_askable(s, person):
        return empty_form(_nothing(s, locale), locale)
    return ask_form(await form_draft(s, person, draft, locale=locale), locale)


def any_askable(s: Services, person: PersonId) -> bool:
    test = askable(s.policy(), person, s.membership())
    return any(test(machine) for machine in s.estate.askable.machines)


def _nothing(s: Services, locale: Locale) -> str:
    """Which of the reasons it is: nothing read yet, no JIT policy anywhere, or no right to ask."""
    if s.estate.oldest() is None:
        return locale.text("edge.empty.not_read")
    if not s.estate.askable.machines:
        return locale.text("edge.empty.no_policy")
    return locale.text("edge.empty.no_rule")


def chosen_machine(s: Services, person: PersonId, draft: Draft) -> Machine | None:
    if draft.vm:
        return s.estate.index.by_id(draft.vm)
    if not draft.vm_typed:
        return None
    found = find_machine(s, person, draft.vm_typed)
    return found if isinstance(found, Machine) else None


async def form_draft(
    s: Services,
    person: PersonId,
    draft: Draft,
    *,
    locale: Locale | None = None,
    refusals: Mapping[str, tuple[Refusal, ...]] = NONE,
) -> FormDraft:
    """Everything the form shows, from the estate's hints: Azure is read when it is sent."""
    machine = chosen_machine(s, person, draft)
    rule = s.policy().rule_for(machine) if machine else None
    entries = s.estate.policy_hint(machine) if machine else ()
    ports = _ports(entries, rule)
    typed = [parse_port(word, [number for number, _ in ports]) for word in draft.ports]
    offered = {number for number, _ in ports}
    chosen = tuple(port for port in typed if isinstance(port, int) and port in offered)
    if not chosen and len(ports) == 1:
        chosen = (ports[0][0],)
    return FormDraft(
        draft_id=draft.id,
        vm=vm_option(machine) if machine else None,
        vm_name=machine.name if machine else "",
        ports=ports,
        chosen_ports=chosen,
        source=await _source(s, person, draft),
        window=draft.window,
        reason=draft.reason,
        ticket=draft.ticket,
        rule=_summary(s, person, rule, entries, chosen) if rule else None,
        shared_note=await _shared_note(s, person, machine, locale) if machine and locale else "",
        refusals=refusals,
    )


async def _shared_note(s: Services, person: PersonId, machine: Machine, locale: Locale) -> str:
    """Somebody else has this VM open: Azure may end that when it opens another."""
    for other in await s.ledger.by_vm(str(machine.resource_id)):
        if other.state is State.ACTIVE and not other.is_same_person(person):
            return shared_note(other, locale)
    return ""


def vm_option(machine: Machine) -> Option:
    whole = f"{machine.name} ({machine.resource_group}, {machine.subscription_name})"
    if safe.length(whole) <= blocks.OPTION_MAX:
        return Option(short_key(machine), safe.one_line(whole))
    name, group, subscription = (
        safe.label(part, limit)
        for part, limit in (
            (machine.name, NAME_MAX),
            (machine.resource_group, GROUP_MAX),
            (machine.subscription_name, SUBSCRIPTION_MAX),
        )
    )
    return Option(short_key(machine), f"{name} ({group}, {subscription})")


def vm_options(machines: Sequence[Machine]) -> list[Option]:
    return [vm_option(machine) for machine in machines]


def _ports(
    entries: tuple[VmPolicy, ...], rule: RuleSpec | None
) -> tuple[tuple[int, timedelta], ...]:
    """Each port once, with the longest time that any of the VM's policies gives it."""
    longest: dict[int, timedelta] = {}
    for entry in entries:
        for port in entry.ports:
            is_usable = rule is None or rule.ports is None or port.number in rule.ports
            if is_usable and port.longest > longest.get(port.number, timedelta(0)):
                longest[port.number] = port.longest
    cap = rule.longest if rule else timedelta.max
    return tuple(sorted((number, min(length, cap)) for number, length in longest.items()))


async def _source(s: Services, person: PersonId, draft: Draft) -> Option | None:
    if draft.source:
        return Option(draft.source[:75], safe.one_line(draft.source))
    record = await s.ledger.person(person)
    if not record.sources:
        return None
    return source_option(record.sources[0].address, record.sources[0].label)


def source_option(address: str, label: str) -> Option:
    return Option(address, safe.one_line(f"{address} ({label})" if label else address))


def _summary(
    s: Services,
    person: PersonId,
    rule: RuleSpec,
    entries: tuple[VmPolicy, ...],
    ports: tuple[int, ...],
) -> RuleSummary:
    policy = s.policy()
    everybody = rule.approvers.everybody(s.membership()) - policy.same_person(person)
    names = s.group_names()
    entry = best_policy(entries, ports, "")
    return RuleSummary(
        name=rule.name,
        quorum=rule.quorum,
        groups=tuple(names.get(group, group) for group in rule.approvers.groups),
        people=tuple(rule.approvers.people),
        notified=len(everybody),
        channel=rule.channel,
        lapses_after=rule.lapse_after,
        longest_rule=rule.longest,
        longest_vm=_vm_cap(entry, ports) if entry else None,
        ticket=rule.ticket_pattern,
    )


def _vm_cap(entry: VmPolicy, ports: tuple[int, ...]) -> timedelta | None:
    """The VM's cap for the chosen ports; before one is chosen, that of the longest."""
    return longest_of(entry, ports) or max((port.longest for port in entry.ports), default=None)


# --- type-ahead -------------------------------------------------------------------------------


def suggest_vms(s: Services, person: PersonId, query: str) -> list[Option]:
    """At most 100 VMs with a JIT policy that this person may ask for."""
    allowed = askable(s.policy(), person, s.membership())
    found = s.estate.askable.search(query, allowed=allowed, limit=SUGGESTIONS_MAX)
    return [vm_option(machine) for machine in found]


async def suggest_sources(
    s: Services, person: PersonId, query: str, machine: Machine | None
) -> list[Option]:
    """What is typed first, then saved addresses and the rule's named networks."""
    rule = s.policy().rule_for(machine) if machine else None
    networks = rule.networks if rule else ()
    record = await s.ledger.person(person)
    typed = query.strip()[:75]
    read = parse_source(typed, networks)
    options = (
        as_typed(query) if isinstance(read, Refusal) else [source_option(read.prefix, read.label)]
    )
    options += [
        source_option(saved.address, saved.label)
        for saved in record.sources
        if typed in saved.address or typed.casefold() in saved.label.casefold()
    ]
    options += [
        source_option(str(network.prefix), network.name)
        for network in networks
        if typed.casefold() in network.name.casefold() or typed in str(network.prefix)
    ]
    unique = {option.value: option for option in options}
    return list(unique.values())[:SUGGESTIONS_MAX]


def as_typed(query: str) -> list[Option]:
    """What was typed, to be chosen as it is: its field refuses it, with the reason."""
    typed = query.strip()[:75]
    return [Option(typed, typed)] if typed else []
