"""Requests and decisions as tests need them."""

from __future__ import annotations

from datetime import datetime, timedelta

from approvals.entry import SEKISHO
from approvals.events import (
    Applying,
    Approval,
    Approved,
    Attempt,
    Closing,
    Denied,
    EndCause,
    Ended,
    Kind,
    Length,
    Opened,
    Opening,
    OpId,
    PersonId,
    RequestId,
    Rule,
    Submitted,
    Target,
    Terms,
)
from approvals.ledger import Change, Ledger, Recorded
from approvals.request import Request

ALICE = PersonId("U0ALICE")
ALICE_HOME = PersonId("U1ALICE")
SATO = PersonId("U0SATO")
SUZUKI = PersonId("U0SUZUKI")
ITO = PersonId("U0ITO")

WEB_01 = Target(
    resource_id=(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-shop-prod"
        "/providers/Microsoft.Compute/virtualMachines/web-01"
    ),
    name="web-01",
    resource_group="rg-shop-prod",
    subscription_id="00000000-0000-0000-0000-000000000001",
    subscription_name="Shop production",
    location="japaneast",
    os="Linux",
    tags={"env": "prod"},
)


def rule(quorum: int = 1) -> Rule:
    return Rule(
        name="production",
        version="v1",
        line=12,
        channel="C0OPS",
        groups=("S0SECURITY",),
        people=(),
        quorum=quorum,
        longest_seconds=7200,
        longest_total_seconds=28800,
    )


def submitted(
    now: datetime,
    *,
    ports: tuple[int, ...] = (22,),
    source: str = "203.0.113.7",
    quorum: int = 1,
    lapses_in: timedelta = timedelta(hours=1),
    justification: str = "TLS renewal",
    target: Target = WEB_01,
    extends: RequestId | None = None,
) -> Submitted:
    return Submitted(
        kind=Kind.JIT_ACCESS,
        target=target,
        terms=Terms(ports, source, Length(7200)),
        justification=justification,
        ticket="",
        rule=rule(quorum),
        same_person=(ALICE, ALICE_HOME),
        lapses_at=now + lapses_in,
        extends=extends,
    )


def approved(
    request: Request, by: PersonId, now: datetime, *, terms: Terms | None = None
) -> Change:
    approval = Approval(
        approver=by,
        at=now,
        terms=terms or request.terms,
        group="S0SECURITY",
        rule="production",
        rule_version="v1",
        rights_read_at=now,
        digest=request.digest,
        same_person=(by,),
    )
    return Change(request, Approved(approval, start_by=now + timedelta(hours=1)), by)


def denied(request: Request, by: PersonId, now: datetime) -> Change:
    return Change(request, Denied("not today", "S0SECURITY", "production", "v1", now), by)


def applying(request: Request, now: datetime) -> Change:
    attempt = Attempt(
        number=len(request.attempts) + 1,
        ends_at=now + timedelta(hours=2),
        send_by=now + timedelta(seconds=20),
        op=OpId(f"send-{request.id}"),
    )
    return Change(request, Applying(attempt, request.terms), SEKISHO)


def opened(request: Request, now: datetime) -> Change:
    return Change(request, Opened(Opening(now, request.attempts[-1].ends_at)), SEKISHO)


async def file(ledger: Ledger, op: str = "file", **terms: object) -> Request:
    """A pending request."""
    now = await ledger.now()
    outcome = await ledger.submit(
        submitted(now, **terms),  # type: ignore[arg-type]
        actor=ALICE,
        op_id=OpId(op),
    )
    assert isinstance(outcome, Recorded)
    return outcome.request


async def step(ledger: Ledger, change: Change, op: str) -> Recorded:
    outcome = await ledger.record(change, op_id=OpId(op))
    assert isinstance(outcome, Recorded)
    return outcome


async def run_to_applying(ledger: Ledger, request: Request) -> Recorded:
    """Approved by Sato and about to be opened."""
    now = await ledger.now()
    yes = await step(ledger, approved(request, SATO, now), f"yes-{request.id}")
    return await step(ledger, applying(yes.request, now), f"apply-{request.id}")


async def run_to_active(ledger: Ledger, request: Request) -> Request:
    trying = await run_to_applying(ledger, request)
    now = await ledger.now()
    return (await step(ledger, opened(trying.request, now), f"open-{request.id}")).request


async def run_to_ended(ledger: Ledger, request: Request) -> Request:
    active = await run_to_active(ledger, request)
    order = Change(active, Closing(EndCause.DONE), ALICE)
    closing = await step(ledger, order, f"done-{request.id}")
    end = Change(closing.request, Ended(EndCause.DONE, "policy"), SEKISHO)
    return (await step(ledger, end, f"end-{request.id}")).request
