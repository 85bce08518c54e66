"""The card of an alert, in every state. Pure: what it shows is in the `AlertView`."""

from __future__ import annotations

from handlers.locale import Locale
from handlers.views import alert_parts as parts
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_buttons import open_buttons, sample_buttons
from handlers.views.alert_closed import closed_card, finding
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Block, Message
from handlers.views.reason import quoted

#: What happened, in one paragraph; the whole text is in the story and the portal.
DESCRIPTION_MAX = 700
#: What Defender puts before a sample's title; the fallback says it in its own words.
SAMPLE_MARK = "[SAMPLE ALERT] "
#: Defender's word may come an hour late; less than this is not worth a line.
LATE_SECONDS = 300


def alert_card(view: AlertView, locale: Locale) -> Message:
    """As it is now; a closed one shrinks to outcome, who, why."""
    if view.is_closed:
        return closed_card(view, locale)
    if view.alert.is_sample:
        return _sample(view, locale)
    is_new = view.phase == "new"
    machine = safe.code(say.machine(view.alert))
    place = locale.text(
        "alert.card.place" if is_new else "alert.card.raised",
        machine=machine,
        when=say.when(view.at, locale),
        tactic=say.tactic(view.alert, locale),
    )
    lead = [place] if is_new else [_state_line(view, locale), place]
    if view.phase == "reopened":
        lead = [_state_line(view, locale), _first_raised(view, locale)]
    lead += [_reported(view, locale), _found(view, locale)]
    return blocks.message(
        _text(view, locale),
        blocks.header(_square_headline(view, locale)),
        *_lead_and_session(view, lead, locale),
        _reason(view, locale),
        _mentions(view, locale) if is_new else None,
        open_buttons(view, locale),
        _description(view) if is_new else None,
        _context(parts.entities(view, locale)),
        blocks.context(parts.small_print(view, locale)),
    )


def _square_headline(view: AlertView, locale: Locale) -> str:
    square = say.square(view.alert.severity, locale)
    return f"{square} {say.headline(view.alert, locale)}"


def _lead_and_session(view: AlertView, lead: list[str], locale: Locale) -> list[Block]:
    """An open session stands by itself above the buttons; "none" is one line more."""
    session = parts.session(view, locale, calls=view.phase == "new")
    if view.phase == "reopened":
        return [blocks.section(*lead)]
    if view.sessions:
        return [blocks.section(*lead), blocks.section(*session)]
    return [blocks.section(*lead, *session)]


def _reported(view: AlertView, locale: Locale) -> str:
    """When Defender said so, where that was much later than it happened."""
    said, at = view.alert.generated_at, view.at
    if said is None or at is None or (said - at).total_seconds() < LATE_SECONDS:
        return ""
    return locale.text("alert.card.reported", when=say.when(said, locale))


def _found(view: AlertView, locale: Locale) -> str:
    """As what it is classified in Defender XDR, while it is open."""
    if not (view.case.verdict or view.case.determination):
        return ""
    return locale.text("xdr.card.classified", what=finding(view.case, locale))


def _state_line(view: AlertView, locale: Locale) -> str:
    case = view.case
    match view.phase:
        case "taken":
            who, at = case.owner, case.owned_at
            key = "alert.card.taken"
        case "in_progress" if view.is_by_portal:
            return locale.text("alert.card.in_progress_portal")
        case "in_progress":
            who, at = case.owner or case.decided_by, case.decided_at or case.owned_at
            key = "alert.card.in_progress"
        case _:
            who, at = case.decided_by, case.decided_at
            key = "alert.card.reopened_portal" if view.is_by_portal else "alert.card.reopened"
            if view.is_by_portal:
                return locale.text(key, when=say.when(at, locale))
    return locale.text(key, who=say.name(who, view.names, locale), when=say.when(at, locale))


def _first_raised(view: AlertView, locale: Locale) -> str:
    """When it was raised, and who had closed it before it was opened again."""
    machine, at = safe.code(say.machine(view.alert)), say.when(view.at, locale)
    closed = next(
        (s for s in reversed(view.case.steps) if s.kind in ("resolved", "dismissed")), None
    )
    args = {
        "machine": machine,
        "when": at,
        "who": say.name(view.case.decided_by, view.names, locale),
        "since": say.clock(view.case.decided_at or view.case.steps[-1].at, locale),
    }
    if closed is not None:
        who = say.name(closed.by, view.names, locale)
        key = f"alert.card.was_{closed.kind.value}"
        before = locale.text(key, who=who, when=say.clock(closed.at, locale))
    elif view.is_by_portal:
        before = locale.text("alert.card.was_portal")
    else:
        return locale.text("alert.card.first_raised", **args)
    return locale.text("alert.card.first_raised_closed", closed=before, **args)


def _text(view: AlertView, locale: Locale) -> str:
    """All of it as one or two sentences."""
    case, phase = view.case, view.phase
    args = {
        "severity": safe.escape_mrkdwn(say.severity(view.alert, locale)),
        "title": safe.escape_mrkdwn(say.title(view.alert)),
        "machine": safe.escape_mrkdwn(say.machine(view.alert), 80),
        "when": say.plain_when(view.at, locale),
    }
    if phase == "new":
        session = parts.session_text(view, locale)
        return locale.text("alert.card.text.new", session=session, **args)
    if phase == "taken":
        who, since = case.owner, case.owned_at
    else:
        who, since = case.owner or case.decided_by, case.decided_at or case.owned_at
    key = f"alert.card.text.{phase}{'_portal' if view.is_by_portal else ''}"
    return locale.text(
        key,
        who=say.bare_name(who, view.names, locale),
        since=say.plain_when(since, locale),
        **args,
    )


def _reason(view: AlertView, locale: Locale) -> Block | None:
    """Why a person opened it again, in that person's words."""
    if view.is_by_portal or view.phase != "reopened" or not view.case.reason:
        return None
    return quoted(view.case.reason, locale)


def _mentions(view: AlertView, locale: Locale) -> Block | None:
    """Who the route calls by name: the only mention beside whose port is open."""
    called = [f"<!subteam^{group}>" for group in view.mentions.groups[:5]]
    called += [locale.person(person) for person in view.mentions.people[:5]]
    if not called:
        return None
    return blocks.section(locale.text("alert.card.mentions", who=locale.join(called)))


def _description(view: AlertView) -> Block | None:
    said = "\n".join(line.strip() for line in view.alert.description.splitlines() if line.strip())
    if not said:
        return None
    return {"type": "section", "text": blocks.plain_text(said, DESCRIPTION_MAX)}


def _context(lines: list[str]) -> Block | None:
    return blocks.context(*lines) if lines else None


def _sample(view: AlertView, locale: Locale) -> Message:
    """No square, no mention, no primary button: nothing happened."""
    alert = view.alert
    lines = [
        locale.text("alert.card.sample.headline"),
        safe.code(say.title(alert), 200),
        locale.text(
            "alert.card.sample.line",
            machine=safe.code(say.machine(alert)),
            when=say.when(view.at, locale),
            severity=safe.escape_mrkdwn(say.severity(alert, locale)),
        ),
    ]
    if view.case.owner:
        who = say.name(view.case.owner, view.names, locale)
        at = say.when(view.case.owned_at, locale)
        lines.append(locale.text("alert.card.sample.taken", who=who, when=at))
    text = locale.text(
        "alert.card.text.sample",
        title=safe.escape_mrkdwn(say.title(alert).removeprefix(SAMPLE_MARK)),
        machine=safe.escape_mrkdwn(say.machine(alert), 80),
        when=say.plain_when(view.at, locale),
    )
    return blocks.message(
        text,
        blocks.section(*lines),
        sample_buttons(view, locale),
        blocks.context(locale.text("alert.card.sample.small", id=say.short_id(alert.key))),
    )
