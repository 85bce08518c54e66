"""Lines in the thread where a request was asked for by mention: the link, later the outcome."""

from __future__ import annotations

from approvals.events import (
    Applied,
    Cancelled,
    Denied,
    Ended,
    Event,
    Failed,
    Lapsed,
    Opened,
    PersonId,
    Undone,
)
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import safe, words
from handlers.views.thread import thread_line


def asked_line(request: Request, link: str, locale: Locale) -> str:
    """Where it is decided."""
    key = "edge.asked_link" if link else "edge.asked"
    return locale.text(
        key,
        id=request.id,
        thing=safe.escape_mrkdwn(words.what(request, locale)),
        channel=f"<#{request.rule.channel}>",
        link=link,
    )


def outcome_line(request: Request, event: Event, actor: PersonId, locale: Locale) -> str | None:
    """The outcome with the request's number; None for steps on the way."""
    match event:
        case (
            Denied() | Lapsed() | Opened() | Failed() | Cancelled() | Ended() | Applied() | Undone()
        ):
            line = thread_line(request, event, actor, locale)
        case _:
            return None
    return None if line is None else locale.text("edge.outcome", id=request.id, line=line)
