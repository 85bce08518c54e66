"""Requests in every state, as the layouts beside this checkout show them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from approvals.entry import SEKISHO
from approvals.events import (
    Applying,
    Approval,
    Approved,
    Attempt,
    Cancelled,
    Closing,
    Denied,
    EndCause,
    Ended,
    Event,
    Failed,
    Kind,
    Lapsed,
    Length,
    Opened,
    Opening,
    OpId,
    PersonId,
    Postponed,
    Refused,
    RequestId,
    Retried,
    Rule,
    State,
    StillOpen,
    Submitted,
    Target,
    Terms,
    Until,
    Warned,
)
from approvals.request import Request, apply_event, submit
from bot.locales import load
from handlers.locale import Language, Locale
from handlers.views.card_facts import CardFacts, PastRequest

JST = ZoneInfo("Asia/Tokyo")

YAMADA, SATO, SUZUKI = PersonId("U0YAMADA"), PersonId("U0SATO"), PersonId("U0SUZUKI")
REASON = "Renew the TLS certificate before it expires tonight"
DENIAL = "A web shell alert is open on this VM. Let the security team look first."

NAMES = {"S0SECURITY": "security"}


def at(hour: int, minute: int, day: int = 25) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=JST)


def locale(language: Language) -> Locale:
    return Locale(language=language, tz=JST, catalogue=load(language))


RULE = Rule(
    name="production",
    version="v1",
    line=14,
    channel="C0OPS",
    groups=("S0SECURITY",),
    people=(),
    quorum=2,
    longest_seconds=4 * 3600,
    longest_total_seconds=4 * 3600,
)
TARGET = Target(
    resource_id="/subscriptions/1/resourceGroups/rg-shop-prod/providers/x/virtualMachines/web-01",
    name="web-01",
    resource_group="rg-shop-prod",
    subscription_id="1",
    subscription_name="Shop production",
    location="japaneast",
    os="Linux",
    tags={"env": "prod"},
)
TERMS = Terms((22,), "203.0.113.7", Length(7200))


def filed(
    *,
    target: Target = TARGET,
    terms: Terms = TERMS,
    reason: str = REASON,
    ticket: str = "CHG-4821",
    rule: Rule = RULE,
    label: str = "home",
    extends: RequestId | None = None,
    number: str = "1042",
) -> Request:
    event = Submitted(
        kind=Kind.JIT_ACCESS,
        target=target,
        terms=terms,
        justification=reason,
        ticket=ticket,
        rule=rule,
        same_person=(YAMADA,),
        lapses_at=at(18, 42),
        source_label=label,
        extends=extends,
    )
    return submit(RequestId(number), event, actor=YAMADA, at=at(18, 12))


def approval(
    who: PersonId, when: datetime, terms: Terms, comment: str = "", *, digest: str = ""
) -> Approval:
    return Approval(
        who, when, terms, "S0SECURITY", "production", "v1", when, digest, comment=comment
    )


def then(request: Request, event: Event, actor: PersonId, when: datetime) -> Request:
    return apply_event(request, event, actor=actor, at=when)


def approved_once(request: Request, terms: Terms | None = None, comment: str = "") -> Request:
    yes = approval(SUZUKI, at(18, 14), terms or request.terms, comment, digest=request.digest)
    return then(request, Approved(yes), SUZUKI, at(18, 14))


def approved(request: Request) -> Request:
    once = approved_once(request)
    yes = approval(SATO, at(18, 15), once.terms, digest=once.digest)
    return then(once, Approved(yes, at(19, 15)), SATO, at(18, 15))


def applying(request: Request) -> Request:
    ready = approved(request)
    attempt = Attempt(1, at(20, 16), at(18, 16), OpId("op"))
    return then(ready, Applying(attempt, ready.terms), SEKISHO, at(18, 15))


def opened(request: Request) -> Request:
    shown = Opening(at(18, 16), at(20, 16), "203.0.113.40", {22: 50022})
    return then(applying(request), Opened(shown), SEKISHO, at(18, 16))


def closing(request: Request, cause: EndCause, who: PersonId, reason: str = "") -> Request:
    return then(opened(request), Closing(cause, reason), who, at(18, 52))


def all_states(request: Request, words: str = DENIAL) -> dict[str, Request]:
    """One request in everything that can become of it. `words` are somebody's reason."""
    done = closing(request, EndCause.DONE, YAMADA)
    revoked = closing(request, EndCause.REVOKED, SATO, words)
    busy = Postponed(1, at(18, 17), "TooManyRequests", words)
    refused = Failed("ScopeLocked", words, True)
    odd = Failed("SomethingNew", words, False)
    denied = Denied(words, "S0SECURITY", "production", "v1", at(18, 14))
    return {
        "pending": request,
        "pending-1of2": approved_once(request),
        "approved": approved(request),
        "applying": applying(request),
        "postponed": then(applying(request), busy, SEKISHO, at(18, 16)),
        "cancel-wanted": then(applying(request), Cancelled(), YAMADA, at(18, 16)),
        "open": opened(request),
        "closing-done": done,
        "closing-revoked": revoked,
        "closing-expired": closing(request, EndCause.EXPIRED, SEKISHO),
        "still-open": then(revoked, StillOpen("no_right", words, at(20, 16)), SEKISHO, at(18, 53)),
        "closed-early": then(done, Ended(EndCause.DONE, "policy"), SEKISHO, at(18, 53)),
        "revoked": then(revoked, Ended(EndCause.REVOKED, "policy+nsg"), SEKISHO, at(18, 53)),
        "ended": then(opened(request), Ended(EndCause.EXPIRED, "policy+nsg"), SEKISHO, at(20, 17)),
        "vanished": then(opened(request), Ended(EndCause.VANISHED, "azure"), SEKISHO, at(19, 0)),
        "superseded": then(
            opened(request),
            Ended(EndCause.SUPERSEDED, "azure", by=RequestId("1050")),
            SEKISHO,
            at(19, 0),
        ),
        "denied": then(request, denied, SATO, at(18, 14)),
        "lapsed": then(approved_once(request), Lapsed(), SEKISHO, at(18, 42)),
        "lapsed-alone": then(request, Lapsed(), SEKISHO, at(18, 42)),
        "not-started": then(approved(request), Lapsed("start_deadline"), SEKISHO, at(19, 15)),
        "cancelled": then(request, Cancelled(), YAMADA, at(18, 20)),
        "failed": then(applying(request), refused, SEKISHO, at(18, 17)),
        "failed-for-good": then(applying(request), odd, SEKISHO, at(18, 17)),
    }


HISTORY = tuple(
    PastRequest(at(10, 0, day), state, (22,), Length(3600))
    for day, state in (
        (20, State.ENDED),
        (12, State.ENDED),
        (5, State.DENIED),
        (3, State.ENDED),
        (1, State.ENDED),
    )
)
FACTS = CardFacts(
    group_names=NAMES,
    approver_count=6,
    now=at(18, 12),
    power="running",
    history=HISTORY,
    ticket_url="https://tickets.example.com/CHG-4821",
    portal_url="https://portal.azure.com/#resource/nsg",
)


def until(request: Request, hour: int) -> Request:
    terms = replace_terms(request.terms, at(hour, 0))
    return replace(request, terms=terms, asked=terms)


def replace_terms(terms: Terms, end: datetime) -> Terms:
    return Terms(terms.ports, terms.source, Until(end))


TWO_HOURS = timedelta(hours=2)


def all_events() -> list[Event]:
    """One event of each kind."""
    return [
        Submitted(Kind.JIT_ACCESS, TARGET, TERMS, REASON, "", RULE, (YAMADA,), at(18, 42)),
        Approved(approval(SATO, at(18, 14), TERMS)),
        Denied(DENIAL, "S0SECURITY", "production", "v1", at(18, 14)),
        Cancelled("off"),
        Lapsed(),
        Applying(Attempt(1, at(20, 16), at(18, 16), OpId("op")), TERMS),
        Opened(Opening(at(18, 16), at(20, 16))),
        Failed("ScopeLocked", "", True),
        Postponed(1, at(18, 17), "TooManyRequests", ""),
        Retried(),
        *(Closing(cause) for cause in EndCause),
        StillOpen("no_right", "", at(20, 16)),
        *(Ended(cause, "policy") for cause in EndCause),
        Warned(),
        Refused("decide", "own_request"),
    ]
