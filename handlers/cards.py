"""Draws the card of an object as it is now: gathers the facts, asks the view."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from approvals.closing import RULE_LEFT
from approvals.events import RequestId, State
from approvals.ledger import LedgerError
from approvals.request import Request
from approvals.watching import WatchStore
from delivery.deliverer import Rendered
from delivery.outbox import ChannelId, ObjectId
from feeds.risk import UNKNOWN, RiskFacts
from handlers.services import Services
from handlers.views.card_facts import CardFacts, PastRequest
from handlers.views.request_card import request_card

PREFIX = "request:"
HISTORY_MAX = 5
#: Redis answers in a millisecond; whatever takes longer is not waited for.
RISK_WAIT_SECONDS = 1.0

#: What the cards that wait for approvers show of their VMs' danger, in the `WatchStore`.
WHAT_RISK = ("risk", "cards")
#: A pending card is redrawn at most once a second; a request lapses long before ten million.
REDRAWINGS = 10_000_000

log = logging.getLogger(__name__)


def object_id(request_id: RequestId) -> ObjectId:
    return ObjectId(f"{PREFIX}{request_id}")


class Cards:
    """`render` is what the deliverer calls; it never guesses: a fact not read is left unknown."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def render(self, name: ObjectId) -> Rendered | None:
        request = await self._s.ledger.read(RequestId(name.removeprefix(PREFIX)))
        if request is None:
            return None
        channel = request.rule.channel
        facts = await self.facts(request)
        card = request_card(request, facts, self._s.languages.of_channel(channel))
        version = request.version * REDRAWINGS
        if request.state is State.PENDING:
            version += self._redrawing(request)
            await self._note_risk(request, facts.risk)
        return Rendered(ChannelId(channel), version, card.text, card.blocks)

    def _redrawing(self, request: Request) -> int:
        """Newest wins also among cards of one version, which differ in what is known of the VM."""
        age = self._s.ledger.instant - request.submitted_at
        return min(max(0, int(age.total_seconds())), REDRAWINGS - 1)

    async def _note_risk(self, request: Request, risk: RiskFacts) -> None:
        """So that it is seen when another one should be shown (`handlers.pending_risk`)."""
        try:
            store = WatchStore(self._s.ledger.store)
            await store.remember(*WHAT_RISK, request.id, risk.signature)
        except LedgerError as error:
            log.warning("what card %s shows is not noted: %s", request.id, error)

    async def facts(self, request: Request, *, with_power: bool = True) -> CardFacts:
        """`with_power=False` where Azure can't be waited for: a form's trigger lives 3 s."""
        s = self._s
        rule = s.policy().rule_named(request.rule.name)
        approvers = set(request.rule.people)
        for group in request.rule.groups:
            approvers |= s.membership().members(group)
        approvers -= s.membership().guests
        on_vm = await s.ledger.by_vm(request.target.resource_id, 50)
        is_pending = request.state is State.PENDING
        resource_id = request.target.resource_id
        known = s.power.known(resource_id)
        target = request.target
        risk = await risk_of(s, target.resource_id, target.name) if is_pending else UNKNOWN
        return CardFacts(
            group_names=s.group_names(),
            approver_count=len(approvers - request.same_person),
            now=s.ledger.instant,
            power=await s.power.state(resource_id) if is_pending and with_power else known,
            history=_history(request, on_vm),
            shared_with=_shared(request, on_vm),
            ticket_url=rule.ticket_link(request.ticket) if rule else None,
            portal_url=portal_link(s.portal_url, request),
            risk=risk,
        )


async def risk_of(s: Services, resource_id: str, name: str) -> RiskFacts:
    """Nothing is held up by what it can do without: then it says unknown."""
    try:
        async with asyncio.timeout(RISK_WAIT_SECONDS):
            return await s.risk.of_machine(resource_id, name)
    except Exception:
        log.exception("risk of %s", name)
        return UNKNOWN


def portal_link(portal_url: str, request: Request) -> str:
    """The NSG whose rule was left behind, else the VM's page of its network."""
    left = request.still_open
    if left is not None and left.code == RULE_LEFT and left.message.startswith("/"):
        return f"{portal_url}/#resource{left.message.partition('/securityRules/')[0]}/overview"
    return f"{portal_url}/#resource{request.target.resource_id}/networking"


def _history(request: Request, on_vm: Sequence[Request]) -> tuple[PastRequest, ...]:
    """The asker's last requests for this VM, newest first."""
    earlier = [
        other
        for other in on_vm
        if other.id != request.id
        and other.change is None
        and request.is_same_person(other.requester)
        and other.submitted_at <= request.submitted_at
    ]
    return tuple(
        PastRequest(other.submitted_at, other.state, other.terms.ports, other.terms.window)
        for other in earlier[:HISTORY_MAX]
    )


def _shared(request: Request, on_vm: Sequence[Request]) -> Request | None:
    """Another open session on this VM and one of these ports: Azure may end it."""
    for other in on_vm:
        is_other = other.id not in (request.id, request.extends)
        is_session = other.state in (State.ACTIVE, State.CLOSING)
        if is_other and is_session and set(other.terms.ports) & set(request.terms.ports):
            return other
    return None
