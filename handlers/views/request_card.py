"""The card of a request in its channel: one message, edited from the first word to the last.

The first line is the outcome and the thing; who, until when and what next follow.
"""

from __future__ import annotations

from typing import assert_never

from approvals.events import State
from approvals.request import Request
from handlers.locale import Locale
from handlers.views.blocks import Message
from handlers.views.card_facts import CardFacts, PastRequest
from handlers.views.change_request import applied_card, applying_card, undone_card
from handlers.views.end_card import cancelled_card, denied_card, ended_card, lapsed_card
from handlers.views.failures import failed_card, still_open_card
from handlers.views.open_card import closing_card, open_card, opening_card
from handlers.views.pending_card import pending_card

__all__ = ["CardFacts", "PastRequest", "request_card"]


def request_card(request: Request, facts: CardFacts, locale: Locale) -> Message:  # noqa: C901 (one arm a state)
    """The card as it should look now."""
    match request.state:
        case State.PENDING:
            return pending_card(request, facts, locale)
        case State.APPROVED | State.APPLYING:
            is_change = request.change is not None
            return (applying_card if is_change else opening_card)(request, locale)
        case State.ACTIVE:
            return open_card(request, locale)
        case State.CLOSING:
            if request.still_open is not None:
                return still_open_card(request, facts.portal_url, locale)
            return closing_card(request, locale)
        case State.ENDED:
            return ended_card(request, locale)
        case State.APPLIED:
            return applied_card(request, locale)
        case State.UNDONE:
            return undone_card(request, locale)
        case State.DENIED:
            return denied_card(request, locale)
        case State.LAPSED:
            return lapsed_card(request, locale)
        case State.CANCELLED:
            return cancelled_card(request, locale)
        case State.FAILED:
            return failed_card(request, facts.now, locale)
        case _:
            assert_never(request.state)
