"""Pieces that several cards of file changes share: who has it, the question, the buttons."""

from __future__ import annotations

from typing import Final

from feeds.correlation import Session
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views import change_words as words
from handlers.views.blocks import Block, Element, Option
from handlers.views.change_words import ChangeView

#: People who are asked on one card.
ASKED_MAX: Final = 3


def taken(view: ChangeView, locale: Locale) -> str:
    case = view.case
    if not case.owner or case.owned_at is None:
        return ""
    who = words.name(case.owner, view.names, locale)
    return locale.text("fim.taken", who=who, when=locale.when(case.owned_at))


def question(view: ChangeView, locale: Locale) -> Block:
    """To those whose session was open, each once; the others on the card are plain text."""
    asked = tuple(dict.fromkeys(session.person for session in view.sessions))[:ASKED_MAX]
    is_asked = not view.case.owner
    head = locale.text("fim.ask.question", people=locale.people(asked)) if is_asked else ""
    lines = []
    for session in view.sessions[:ASKED_MAX]:
        lines.append(_session_line(session, view, locale, is_theirs=len(asked) == 1 and is_asked))
        if not session.is_certain:
            lines.append(locale.text("fim.ask.perhaps"))
    return blocks.section(head, *lines)


def _session_line(session: Session, view: ChangeView, locale: Locale, *, is_theirs: bool) -> str:
    """`Your session on port 22 was open (17:50 to 19:50, approved by @sato, reason …).`"""
    approved = ""
    if session.approvers:
        by = words.people(session.approvers, view.names, locale)
        approved = locale.text("fim.ask.approved", people=by)
    is_near = words.same_day(session.opened_at, session.ends_at, locale)
    ends = session.ends_at
    said = {
        "ports": words.ports(session.ports, locale),
        "opened": words.clock_token(session.opened_at, locale)
        if is_near
        else locale.when(session.opened_at),
        "ends": words.clock_token(ends, locale) if is_near else locale.when(ends),
        "approved": approved,
        "reason": safe.code(view.reasons.get(session.request_id) or safe.EMPTY, 120),
    }
    if is_theirs:
        return locale.text("fim.ask.session", **said)
    who = words.name(session.person, view.names, locale)
    return locale.text("fim.ask.session_of", who=who, **said)


def take(view: ChangeView, locale: Locale) -> Element:
    return blocks.button(locale.text("fim.button.take"), "fim_take", view.value, style="primary")


def resolve(view: ChangeView, locale: Locale) -> Element:
    """The verb of a card that somebody owns."""
    label = locale.text("fim.button.resolve")
    return blocks.button(label, "fim_resolve", view.value, style="primary")


def details(view: ChangeView, locale: Locale) -> Element:
    return blocks.button(locale.text("fim.button.details"), "fim_details", view.value)


def more(view: ChangeView, locale: Locale, *acts: str) -> Element:
    offered = [Option(f"{act}:{view.value}", locale.text(f"fim.button.{act}")) for act in acts]
    return {"type": "overflow", "action_id": "fim_more", "options": blocks.options(offered)}
