"""A small policy, its people and machines, for the tests of deciding."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from approvals.asking import Ask, Extension
from approvals.events import (
    Approval,
    Approved,
    Kind,
    Length,
    PersonId,
    RequestId,
    Submitted,
    Target,
    Terms,
    Window,
)
from approvals.membership import Membership
from approvals.policy_types import Policy, RuleSpec, Who
from approvals.request import Request, apply_event, submit
from approvals.scope import Scope, make_scope
from approvals.source import NamedNetwork, Source
from defender.records import Machine, PortRule, VmPolicy
from defender.resources import ResourceId

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
OFFICE = NamedNetwork("office", ip_network("203.0.113.0/24"))

ALICE, ALICE_TWO = PersonId("U0ALICE"), PersonId("W0ALICE")
SATO, SUZUKI, ITO = PersonId("U0SATO"), PersonId("U0SUZUKI"), PersonId("U0ITO")
YAMADA, GONE, STRANGER = PersonId("U0YAMADA"), PersonId("U0GONE"), PersonId("U0NOBODY")
ENGINEERS, SECURITY = "S0ENG", "S0SECURITY"

TWO_HOURS = Length(7200)
EVERYONE = make_scope(names=["*"])


def membership(
    *,
    security: set[PersonId] | None = None,
    engineers: set[PersonId] | None = None,
    inactive: set[PersonId] | None = None,
    read_at: datetime = NOW,
    missing_scope: str | None = None,
) -> Membership:
    groups = {
        SECURITY: frozenset({SATO, SUZUKI, ITO} if security is None else security),
        ENGINEERS: frozenset({ALICE, YAMADA, SATO} if engineers is None else engineers),
    }
    return Membership(groups, read_at, frozenset(inactive or {GONE}), missing_scope)


def rule(
    name: str = "production",
    *,
    scope: Scope = EVERYONE,
    askers: Who | None = None,
    approvers: Who | None = None,
    quorum: int = 1,
    ports: frozenset[int] | None = None,
    longest: timedelta = timedelta(hours=4),
    longest_total: timedelta = timedelta(hours=6),
    ticket_pattern: str | None = None,
    line: int = 10,
) -> RuleSpec:
    return RuleSpec(
        name=name,
        line=line,
        scope=scope,
        askers=askers or Who(groups=(ENGINEERS,)),
        approvers=approvers or Who(groups=(SECURITY,)),
        quorum=quorum,
        ports=ports,
        networks=(OFFICE,),
        longest=longest,
        longest_total=longest_total,
        lapse_after=timedelta(minutes=30),
        start_within=timedelta(hours=1),
        ticket_pattern=ticket_pattern,
        ticket_url="https://tickets.example.com/{ticket}",
        channel="C0OPS",
    )


def policy(*rules: RuleSpec, version: str = "v1") -> Policy:
    aliases = (frozenset({ALICE, ALICE_TWO}),)
    return Policy(rules or (rule(),), aliases, frozenset({ITO}), version)


def machine(
    name: str = "web-01",
    *,
    group: str = "rg-shop-prod",
    subscription: str = SUBSCRIPTION,
    tags: Mapping[str, str] | None = None,
) -> Machine:
    path = f"/subscriptions/{subscription}/resourceGroups/{group}"
    return Machine(
        resource_id=ResourceId(f"{path}/providers/Microsoft.Compute/virtualMachines/{name}"),
        name=name,
        resource_group=group,
        subscription_id=subscription,
        subscription_name="Shop production",
        location="japaneast",
        os="Linux",
        tags=tags if tags is not None else {"env": "prod"},
    )


def vm_policy(
    ports: Mapping[int, timedelta] | None = None,
    *,
    sources: tuple[str, ...] = ("*",),
    name: str = "default",
) -> VmPolicy:
    found = ports or {22: timedelta(hours=3), 8443: timedelta(hours=1)}
    return VmPolicy(
        policy_id=ResourceId(f"/policies/{name}"),
        policy_name=name,
        resource_group="rg-shop-prod",
        location="japaneast",
        vm_id=machine().resource_id,
        ports=tuple(PortRule(number, "TCP", sources, length) for number, length in found.items()),
        public_ip=None,
    )


def ask(
    *,
    ports: tuple[int, ...] = (22,),
    source: str = "203.0.113.7",
    window: Window = TWO_HOURS,
    reason: str = "renew the certificate",
    ticket: str = "",
    asker: PersonId = ALICE,
    target: Machine | None = None,
    extends: Extension | None = None,
) -> Ask:
    return Ask(
        machine=target or machine(),
        ports=ports,
        source=Source(source, ""),
        window=window,
        reason=reason,
        ticket=ticket,
        asker=asker,
        extends=extends,
    )


def request(
    filed_under: RuleSpec | None = None,
    *,
    requester: PersonId = ALICE,
    approvals: tuple[PersonId, ...] = (),
    window: Window = TWO_HOURS,
    ports: tuple[int, ...] = (22,),
) -> Request:
    vm = machine()
    event = Submitted(
        kind=Kind.JIT_ACCESS,
        target=Target(
            resource_id=vm.resource_id,
            name=vm.name,
            resource_group=vm.resource_group,
            subscription_id=vm.subscription_id,
            subscription_name=vm.subscription_name,
            location=vm.location,
            tags=dict(vm.tags),
        ),
        terms=Terms(ports, "203.0.113.7", window),
        justification="renew the certificate",
        ticket="",
        rule=(filed_under or rule()).as_filed("v1"),
        same_person=(),
        lapses_at=NOW + timedelta(minutes=30),
    )
    found = submit(RequestId("1042"), event, actor=requester, at=NOW)
    for person in approvals:
        approval = Approval(
            person, NOW, found.terms, SECURITY, "production", "v1", NOW, found.digest
        )
        found = apply_event(found, Approved(approval), actor=person, at=NOW)
    return found
