"""From typed words to a filed request: find the VM, parse, read Azure, decide, submit.

The same path for the form and the one-liner. Azure is read here and nowhere earlier: what was typed
ahead from the estate is only a hint.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from msgspec import structs

from approvals.asking import Ask, Extension
from approvals.events import Kind, OpId, PersonId, State, Submitted, Target, Terms
from approvals.ledger import LedgerError, Recorded, Repeated, Same
from approvals.policy import decide, may_ask
from approvals.policy_types import RuleSpec
from approvals.ports import parse_ports
from approvals.request import Request
from approvals.source import Source, parse_source
from approvals.verdict import Code, Field, Needs, Refusal, Refused
from approvals.window import parse_window
from defender.errors import AzureError, AzureNotFound
from defender.records import Machine, PolicySnapshot
from defender.search import MachineIndex
from handlers.drafts import Draft
from handlers.locale import Locale
from handlers.services import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """Filed (or filed by this very wish before)."""

    request: Request
    approvers: int


@dataclass(frozen=True, slots=True)
class AlreadyAsked:
    """The same thing is open already."""

    request: Request


@dataclass(frozen=True, slots=True)
class AlreadyOpen:
    """The asker has this VM, these ports and this source open: extend instead."""

    request: Request


@dataclass(frozen=True, slots=True)
class Wrong:
    """Not sent: every reason, and the draft with the nearest allowed values put in."""

    refusals: tuple[Refusal, ...]
    corrected: Draft | None
    machine: Machine | None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several VMs have this name."""

    machines: tuple[Machine, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Azure could not be asked. Nothing was sent."""

    error: AzureError


Result = Sent | AlreadyAsked | AlreadyOpen | Wrong | Ambiguous | Unreadable


def find_machine(s: Services, person: PersonId, typed: str) -> Machine | Ambiguous | Refusal:
    """By name, `group/name`, or id; only VMs that this person may ask for are ever named."""
    index, policy, membership = s.estate.index, s.policy(), s.membership()
    if not typed:
        return Refusal(Code.VM_MISSING, Field.VM)
    found = _named(index, typed)
    allowed = [m for m in found if may_ask(policy, person, m, membership)]
    if len(allowed) == 1:
        return allowed[0]
    if len(allowed) > 1:
        return Ambiguous(tuple(allowed))
    if found:
        return not_allowed(s, found[0], person)
    outside = _named(s.estate.arc, typed)
    if outside:
        return Refusal(Code.VM_OUTSIDE_AZURE, Field.VM, {"vm": outside[0].name})
    near = [m for m in index.near(typed, 8) if may_ask(policy, person, m, membership)]
    names = tuple(dict.fromkeys(machine.name for machine in near))[:5]
    return Refusal(Code.VM_UNKNOWN, Field.VM, {"typed": typed, "near": names}, None)


def near_machines(s: Services, typed: str, refusal: Refusal) -> list[Machine]:
    """The machines behind the near names that an unknown VM's refusal gives."""
    names = refusal.args.get("near")
    if not isinstance(names, tuple):
        return []
    return [m for m in s.estate.index.near(typed, 8) if m.name in names]


def _named(index: MachineIndex, typed: str) -> Sequence[Machine]:
    if typed.startswith("/subscriptions/"):
        machine = index.by_id(typed)
        return [machine] if machine else []
    group, slash, name = typed.rpartition("/")
    found = index.by_name(name)
    if slash:
        found = tuple(m for m in found if m.resource_group.casefold() == group.casefold())
    return found


def not_allowed(
    s: Services, machine: Machine, person: PersonId, kind: Kind = Kind.JIT_ACCESS
) -> Refusal:
    """Why this person may not ask for that on this machine."""
    rule = s.policy().rule_for(machine, kind)
    if rule is None:
        code = Code.VM_NO_RULE if kind is Kind.JIT_ACCESS else Code.KIND_NO_RULE
        return Refusal(code, Field.VM, {"vm": machine.name})
    if rule.askers.shuts_out(person, s.membership()):
        return Refusal(Code.GUEST, Field.VM, {"rule": rule.name})
    args = {
        "vm": machine.name,
        "rule": rule.name,
        "groups": rule.askers.groups,
        "people": rule.askers.people,
    }
    return Refusal(Code.VM_NOT_ALLOWED, Field.VM, args)


async def ask(
    s: Services, draft: Draft, *, person: PersonId, op: OpId, locale: Locale, trace: str = ""
) -> Result:
    """The whole way. Raises LedgerError when nothing could be recorded."""
    machine = s.estate.index.by_id(draft.vm) if draft.vm else None
    if machine is None:
        found = find_machine(s, person, draft.vm_typed)
        match found:
            case Machine():
                machine = found
            case Ambiguous():
                return found
            case Refusal():
                return Wrong((found,), None, None)
            case _:
                assert_never(found)
    now = await s.ledger.now()
    try:
        snapshot = await s.jit.policies_of(machine)
    except AzureNotFound:
        gone = Refusal(Code.VM_NO_POLICY, Field.VM, {"vm": machine.name})
        return Wrong((gone,), None, machine)
    except AzureError as error:
        return Unreadable(error)
    parsed = await parse(s, draft, machine, snapshot, person=person, now=now, locale=locale)
    if isinstance(parsed, Wrong):
        return parsed
    await s.directory.profile(person)  # a guest who was never seen must not pass as a member
    verdict = decide(s.policy(), parsed, snapshot.of(machine.resource_id), s.membership(), now)
    match verdict:
        case Refused(refusals):
            return _wrong(refusals, draft, machine)
        case Needs():
            return await _submit(s, draft, parsed, verdict, op=op, trace=trace)
        case _:
            assert_never(verdict)


async def parse(
    s: Services,
    draft: Draft,
    machine: Machine,
    snapshot: PolicySnapshot,
    *,
    person: PersonId,
    now: datetime,
    locale: Locale,
) -> Ask | Wrong:
    """Words become types; every word that can't is named at once."""
    rule = s.policy().rule_for(machine)
    if rule is None:
        return Wrong((not_allowed(s, machine, person),), None, machine)
    offered = [port.number for p in snapshot.of(machine.resource_id) for port in p.ports]
    ports = parse_ports(",".join(draft.ports), offered)
    source = await parse_draft_source(s, draft, rule, person)
    window = parse_window(draft.window, now=now, tz=locale.tz)
    refusals = tuple(part for part in (ports, source, window) if isinstance(part, Refusal))
    if isinstance(ports, Refusal) or isinstance(source, Refusal) or isinstance(window, Refusal):
        return _wrong(refusals, draft, machine)
    asked = Ask(
        machine=machine,
        ports=ports,
        source=source,
        window=window,
        reason=draft.reason.strip(),
        ticket=draft.ticket.strip(),
        asker=person,
    )
    return replace(asked, extends=await _extension(s, draft, asked))


async def parse_draft_source(
    s: Services, draft: Draft, rule: RuleSpec, person: PersonId
) -> Source | Refusal:
    """What was typed, else the person's last used address."""
    if draft.source:
        return parse_source(draft.source, rule.networks)
    record = await s.ledger.person(person)
    if not record.sources:
        return Refusal(Code.SOURCE_MISSING, Field.SOURCE)
    return parse_source(record.sources[0].address, rule.networks)


async def _extension(s: Services, draft: Draft, asked: Ask) -> Extension | None:
    """The session that is asked to last longer: the asker's own, with this VM, ports and source.

    Whatever else became of the draft in the form is a request like any other.
    """
    if draft.extends is None:
        return None
    session = await s.ledger.read(draft.extends)
    if session is None or session.opening is None or session.state is not State.ACTIVE:
        return None
    if not session.is_same_person(asked.asker) or not _is_same_access(session, asked):
        return None
    first = await _first_of(s, session)
    opened_at = first.opening.opened_at if first.opening else session.opening.opened_at
    return Extension(session.id, opened_at, session.opening.ends_at)


def _is_same_access(session: Request, asked: Ask) -> bool:
    return (
        session.target.resource_id.casefold() == asked.machine.key
        and set(session.terms.ports) == set(asked.ports)
        and session.terms.source == asked.source.prefix
    )


async def _first_of(s: Services, session: Request) -> Request:
    """The request that opened the port first: the cap is for the sum of all extensions."""
    while session.extends is not None:
        earlier = await s.ledger.read(session.extends)
        if earlier is None:
            return session
        session = earlier
    return session


def _wrong(refusals: tuple[Refusal, ...], draft: Draft, machine: Machine) -> Wrong:
    """With the nearest allowed values, if there is one for every refusal."""
    corrected: Draft | None = draft
    for refusal in refusals:
        corrected = _correct(corrected, refusal) if corrected else None
    if corrected is not None:
        corrected = structs.replace(corrected, vm=str(machine.resource_id), vm_typed=machine.name)
    return Wrong(refusals, corrected, machine)


def _correct(draft: Draft, refusal: Refusal) -> Draft | None:
    if refusal.nearest is None:
        return None
    match refusal.field:
        case Field.PORTS:
            return structs.replace(draft, ports=tuple(refusal.nearest.split(",")))
        case Field.SOURCE:
            return structs.replace(draft, source=refusal.nearest)
        case Field.WINDOW:
            return structs.replace(draft, window=refusal.nearest)
        case Field.TICKET:
            return structs.replace(draft, ticket=refusal.nearest)
        case Field.VM | Field.REASON | Field.REQUEST:
            return None
        case _:
            assert_never(refusal.field)


async def _submit(
    s: Services, draft: Draft, asked: Ask, verdict: Needs, *, op: OpId, trace: str
) -> Result:
    terms = Terms(tuple(sorted(asked.ports)), asked.source.prefix, asked.window)
    if asked.extends is None:
        is_open = await _open_already(s, asked, terms)
        if is_open is not None:
            return AlreadyOpen(is_open)
    machine = asked.machine
    event = Submitted(
        kind=Kind.JIT_ACCESS,
        target=Target(
            resource_id=str(machine.resource_id),
            name=machine.name,
            resource_group=machine.resource_group,
            subscription_id=machine.subscription_id,
            subscription_name=machine.subscription_name,
            location=machine.location,
            os=machine.os,
            tags=dict(machine.tags),
        ),
        terms=terms,
        justification=asked.reason,
        ticket=asked.ticket,
        rule=verdict.rule,
        same_person=tuple(sorted(s.policy().same_person(asked.asker))),
        lapses_at=verdict.lapses_at,
        asked_in=draft.channel if draft.thread else "",
        asked_thread=draft.thread,
        extends=asked.extends.session if asked.extends else None,
        source_label=asked.source.label,
    )
    submission = await s.ledger.submit(event, actor=asked.asker, op_id=op, trace=trace)
    match submission:
        case Recorded():
            await _remember_source(s, asked)
            return Sent(submission.request, len(verdict.approvers))
        case Repeated(request=request) if request is not None:
            return Sent(request, len(verdict.approvers))
        case Same(request):
            return AlreadyAsked(request)
        case _:
            return Wrong((), None, machine)


async def _open_already(s: Services, asked: Ask, terms: Terms) -> Request | None:
    for request in await s.ledger.by_person(asked.asker):
        if request.state is not State.ACTIVE:
            continue
        is_same_vm = request.target.resource_id.casefold() == asked.machine.key
        is_same_source = request.terms.source == terms.source
        if is_same_vm and is_same_source and set(terms.ports) <= set(request.terms.ports):
            return request
    return None


async def _remember_source(s: Services, asked: Ask) -> None:
    """For the next form. The request is filed, whether this works or not."""
    try:
        record = await s.ledger.person(asked.asker)
        label = asked.source.label
        await s.ledger.save_person(asked.asker, record.with_source(asked.source.prefix, label))
    except LedgerError as error:
        log.warning("an address is not remembered: %s", error)
