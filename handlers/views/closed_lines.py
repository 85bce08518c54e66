"""What is said of a closed port: whose doing it was, what proves it, what it does not do."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

from approvals.events import EndCause, Length
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import words

#: Proofs with words of their own; any other is what Azure showed.
PROOFS = {"policy": "policy", "nsg": "nsg", "policy+nsg": "both", "clock": "clock"}


def closed_lines(request: Request, locale: Locale, *, tokens: bool = True) -> list[str]:
    """Lines for mrkdwn; without `tokens`, instants are written out, as a fallback needs them."""
    if request.ended is None:
        return []
    show = locale.when if tokens else locale.plain_when
    proof = PROOFS.get(request.ended.proof, "azure")
    lines = [cause_line(request, locale, tokens=tokens)]
    if request.ended.cause is EndCause.SUPERSEDED:
        return lines
    if not is_rule_gone(request):  # the cause has said so
        lines.append(locale.text(f"proof.{proof}", when=show(request.changed_at)))
    lines.append(locale.text("card.ended.not_cut"))
    asker = locale.text("card.ended.asker", who=locale.person(request.requester))
    return lines + ([asker] if asker and tokens else [])


def is_rule_gone(request: Request) -> bool:
    """The NSG alone shows the end: somebody took the rule away, the policy does not know."""
    ended = request.ended
    return ended is not None and ended.cause is EndCause.VANISHED and ended.proof == "nsg"


def closed_text(request: Request, locale: Locale) -> str:
    """The same lines as one run of sentences, for a fallback."""
    return locale.text("list.sentences").join(closed_lines(request, locale, tokens=False))


def cause_line(request: Request, locale: Locale, *, tokens: bool) -> str:
    """Who or what ended it."""
    show = locale.when if tokens else locale.plain_when
    ended = request.ended
    cause = ended.cause if ended else EndCause.EXPIRED
    at = request.closing_since or request.changed_at
    who = locale.person(request.closed_by or request.requester)
    match cause:
        case EndCause.DONE | EndCause.REVOKED | EndCause.CANCELLED:
            early = words.ends_at(request) - at
            key = "early" if early >= timedelta(minutes=1) else "at_end"
            return locale.text(
                f"card.ended.{cause}_{key}",
                who=who,
                when=show(at),
                early=locale.short_duration(early),
            )
        case EndCause.EXPIRED:
            return _expired_line(request, locale)
        case EndCause.SUPERSEDED:
            at = request.changed_at
            if ended is None or ended.by is None:
                return locale.text("card.ended.superseded_other", when=show(at))
            return locale.text("card.ended.superseded", id=ended.by, when=show(at))
        case EndCause.VANISHED:
            key = "card.ended.rule_gone" if is_rule_gone(request) else "card.ended.vanished"
            return locale.text(key, when=show(at))
        case _:
            assert_never(cause)


def _expired_line(request: Request, locale: Locale) -> str:
    who = locale.person(request.requester)
    match request.terms.window:
        case Length() as span:
            length = locale.duration(span.duration)
            return locale.text("card.ended.expired_length", who=who, duration=length)
        case _:
            return locale.text("card.ended.expired_until", who=who)
