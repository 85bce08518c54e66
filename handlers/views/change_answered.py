"""Cards after somebody has decided: not me, expected, suspicious."""

from __future__ import annotations

from feeds.correlation import Session
from handlers.locale import Locale
from handlers.views import blocks, reason, safe
from handlers.views import change_parts as parts
from handlers.views import change_words as words
from handlers.views.blocks import Block, Element, Message
from handlers.views.change_words import ChangeView


def not_me_card(view: ChangeView, listed: Block, locale: Locale) -> Message:
    """The same card, raised: the answer is line 1, closing the port is one click."""
    case, session = view.case, _session(view)
    who = words.name(case.answered_by, view.names, locale)
    at = case.decided_at or view.now
    head = locale.text("fim.not_me.head", machine=words.machine(view, locale))
    answered = locale.text("fim.not_me.answered", when=locale.when(at))
    return blocks.message(
        _not_me_text(view, session, locale),
        blocks.header(head),
        blocks.section(
            parts.taken(view, locale),
            locale.text("fim.not_me.said", who=who),
            f"{answered} {_port(session, locale)}"
            if locale.language == "en"
            else answered + _port(session, locale),
        ),
        blocks.actions(
            parts.resolve(view, locale) if case.owner else parts.take(view, locale),
            _close(view, session, locale),
            parts.details(view, locale),
        ),
        listed,
        blocks.context(_not_me_foot(view, session, locale)),
    )


def _session(view: ChangeView) -> Session | None:
    """That of the person who answered; what is still open first."""
    own = [s for s in view.sessions if s.person == view.case.answered_by] or list(view.sessions)
    return next((s for s in own if s.is_open), own[0] if own else None)


def _port(session: Session | None, locale: Locale) -> str:
    if session is None or not session.is_open:
        return locale.text("fim.not_me.is_closed")
    return locale.text(
        "fim.not_me.is_open",
        ports=words.start(words.ports(session.ports, locale)),
        ends=words.clock_token(session.ends_at, locale),
        source=safe.escape_mrkdwn(session.source),
    )


def _close(view: ChangeView, session: Session | None, locale: Locale) -> Element | None:
    """Beside Take, because the port is still open; asks once more."""
    if session is None or not session.is_open:
        return None
    ports = words.ports(session.ports, locale)
    element = blocks.button(
        locale.text("fim.button.close_port", ports=ports),
        "fim_close",
        f"{session.request_id}:{view.burst.id}",
    )
    who = view.names.get(session.person) or session.person
    plain = locale.text("fim.person_plain", name=safe.one_line(who))
    element["confirm"] = {
        "title": blocks.plain_text(
            locale.text("fim.close.title", ports=ports, machine=words.machine(view, locale)), 100
        ),
        "text": blocks.plain_text(locale.text("fim.close.text", who=plain), 300),
        "confirm": blocks.plain_text(locale.text("fim.close.yes"), 30),
        "deny": blocks.plain_text(locale.text("fim.close.no"), 30),
    }
    return element


def _not_me_foot(view: ChangeView, session: Session | None, locale: Locale) -> str:
    burst, facts = view.burst, view.burst.facts
    said = [burst.id, _when_and_who(view, locale)]
    if session is not None and session.approvers:
        by = words.people(session.approvers, view.names, locale)
        said.append(locale.text("fim.not_me.approved", people=by))
    other = burst.channel if view.is_raised else facts.security_channel
    if other and burst.channel != facts.security_channel:
        key = "fim.not_me.raised_from" if view.is_raised else "fim.not_me.also"
        said.append(locale.text(key, channel=channel_name(other, view)))
    return locale.text("fim.sep").join(said)


def _when_and_who(view: ChangeView, locale: Locale) -> str:
    when = words.span(view.burst.first_at, view.burst.last_at, locale)
    change = next((row.change for row in view.rows if row.change.account), None)
    if change is None:
        return when
    who = safe.code(change.account, words.NAME_MAX)
    if change.process:
        process = safe.code(change.process, words.NAME_MAX)
        who = locale.text("fim.not_me.who", account=who, process=process)
    return locale.text("fim.not_me.context", span=when, who=who)


def channel_name(channel: str, view: ChangeView) -> str:
    """As a link of Slack's own, which calls nobody."""
    found = view.channel_names.get(channel)
    return safe.escape_mrkdwn(found) if found else f"<#{channel}>"


def _not_me_text(view: ChangeView, session: Session | None, locale: Locale) -> str:
    port = locale.text("fim.not_me.is_closed")
    if session is not None and session.is_open:
        port = locale.text(
            "fim.not_me.text_open",
            ports=words.start(words.ports(session.ports, locale)),
            ends=locale.plain_when(session.ends_at),
        )
    return locale.text(
        "fim.not_me.text",
        machine=safe.escape_mrkdwn(words.machine(view, locale)),
        who=words.name(view.case.answered_by, view.names, locale),
        when=locale.plain_when(view.case.decided_at or view.now),
        port=port,
    )


def settled_card(view: ChangeView, headline: str, locale: Locale) -> Message:
    """Shrunk to outcome, who and why; it can be opened again."""
    case = view.case
    key = "yes" if case.answer == "yes" else "expected"
    if case.state == "dismissed":
        key = "dismissed"
    if view.is_resolved:
        key = "resolved"
    who = words.name(case.decided_by, view.names, locale)
    at = case.decided_at or view.now
    said = locale.text(f"fim.settled.{key}", who=who, when=locale.when(at))
    title = safe.escape_mrkdwn(headline)
    return blocks.message(
        locale.text("fim.settled.text", headline=title, who=who, when=locale.plain_when(at)),
        blocks.section(f"*{title}*", said),
        reason.quoted(case.reason, locale) if case.reason else None,
        blocks.actions(
            parts.details(view, locale),
            blocks.button(locale.text("fim.button.reopen"), "fim_reopen", view.value),
        ),
        blocks.context(view.burst.id + locale.text("fim.sep") + words.place(view, locale)),
    )


def suspicious_card(view: ChangeView, headline: str, listed: Block, locale: Locale) -> Message:
    """Somebody looks into it; what is found stands in the thread."""
    case, burst = view.case, view.burst
    who = words.name(case.decided_by, view.names, locale)
    at = case.decided_at or view.now
    title = safe.escape_mrkdwn(headline)
    return blocks.message(
        locale.text("fim.settled.text", headline=title, who=who, when=locale.plain_when(at)),
        blocks.header(headline),
        blocks.section(
            parts.taken(view, locale),
            locale.text("fim.settled.suspicious", who=who, when=locale.when(at)),
            words.span(burst.first_at, burst.last_at, locale),
            words.who_line(view, locale),
        ),
        blocks.actions(
            parts.resolve(view, locale) if case.owner else parts.take(view, locale),
            blocks.button(locale.text("fim.button.expected"), "fim_expected", view.value),
            parts.details(view, locale),
        ),
        listed,
        blocks.context(burst.id + locale.text("fim.sep") + words.place(view, locale)),
    )
