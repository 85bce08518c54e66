"""Small lines of an alert's thread: time, who, what. They mention nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from approvals.deeds import Deed, DeedKind
from approvals.entry import SEKISHO
from approvals.events import PersonId
from defender.alert import Alert, Entity
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_closed import finding, verdict_word
from handlers.views.blocks import Message

REASON_MAX = 500
#: An entity's kind, as the card names it.
_NAMED = frozenset({"process", "file", "account", "ip", "host", "url", "dns", "malware"})


def small_line(said: str, at: datetime, locale: Locale) -> Message:
    """One line of small print with its time."""
    line = locale.text("alert.thread.line", when=say.clock(at, locale), said=said)
    return blocks.message(said, blocks.context(line))


def deed_line(
    deed: Deed, actor: PersonId, before: PersonId, names: Mapping[str, str], locale: Locale
) -> str | None:
    """What `actor` did. `before`: who owned it. None: nothing to say in a thread."""
    who = say.name(actor, names, locale)
    had = say.name(before, names, locale) if before else locale.text("alert.thread.nobody")
    match deed.kind:
        case DeedKind.TAKEN:
            said = locale.text("alert.thread.taken", who=who, before=had)
        case DeedKind.ASSIGNED if not deed.to:
            said = locale.text("alert.thread.released", who=who)
        case DeedKind.ASSIGNED:
            to = say.name(deed.to, names, locale)
            said = locale.text("alert.thread.assigned", who=who, to=to, before=had)
        case DeedKind.IN_PROGRESS:
            said = locale.text("alert.thread.in_progress", who=who)
        case DeedKind.RESOLVED if deed.verdict:
            verdict = finding(deed, locale)
            said = locale.text("alert.thread.resolved_verdict", who=who, verdict=verdict)
        case DeedKind.RESOLVED:
            said = locale.text("alert.thread.resolved", who=who)
        case DeedKind.DISMISSED:
            verdict = verdict_word(deed.verdict, locale)
            said = locale.text("alert.thread.dismissed", who=who, verdict=verdict)
        case DeedKind.REOPENED if actor == SEKISHO:
            return locale.text("alert.thread.reopened_portal")
        case DeedKind.REOPENED:
            said = locale.text("alert.thread.reopened", who=who)
        case _:
            return _in_xdr(deed, who, locale)
    return said + _reason(deed, locale)


def _in_xdr(deed: Deed, who: str, locale: Locale) -> str | None:
    """What only people of Defender XDR do."""
    match deed.kind:
        case DeedKind.CLASSIFIED:
            return locale.text("xdr.thread.classified", what=finding(deed, locale))
        case DeedKind.COMMENTED:
            comment = safe.code(deed.reason, REASON_MAX)
            return locale.text("xdr.thread.commented", who=who, comment=comment)
        case _:
            return None


def _reason(deed: Deed, locale: Locale) -> str:
    if not deed.reason:
        return ""
    return locale.text("alert.thread.reason", reason=safe.code(deed.reason, REASON_MAX))


def change_line(before: Alert, now: Alert, locale: Locale) -> str | None:
    """What Defender changed. None: nothing that people would want to read."""
    said = [
        *_severity(before, now, locale),
        *_evidence(before, now, locale),
        *_words(before, now, locale),
        *_state(before, now, locale),
    ]
    return locale.text("list.sentences").join(said) or None


def _severity(before: Alert, now: Alert, locale: Locale) -> list[str]:
    if before.severity.casefold() == now.severity.casefold():
        return []
    key = "severity_up" if now.rank < before.rank else "severity_down"
    was, is_now = (safe.escape_mrkdwn(say.severity(alert, locale), 40) for alert in (before, now))
    return [locale.text(f"alert.thread.{key}", before=was, after=is_now)]


def _evidence(before: Alert, now: Alert, locale: Locale) -> list[str]:
    known = {_same(entity) for entity in before.entities}
    new = [entity for entity in now.entities if _same(entity) not in known and entity.name]
    if new:
        what = _entity(new[0], locale)
        if len(new) > 1:
            return [locale.text("alert.thread.evidence_more", what=what, n=len(new) - 1)]
        return [locale.text("alert.thread.evidence", what=what)]
    gone = known - {_same(entity) for entity in now.entities}
    return [locale.text("alert.thread.evidence_less")] if gone else []


def _same(entity: Entity) -> tuple[str, str]:
    return entity.kind, entity.name.casefold()


def _entity(entity: Entity, locale: Locale) -> str:
    value = safe.code(entity.name, 150)
    if entity.kind in _NAMED:
        said = locale.text(f"alert.entity.{entity.kind}", value=value)
    else:
        kind = safe.escape_mrkdwn(entity.kind or safe.EMPTY, 40)
        said = locale.text("alert.entity.other", kind=kind, value=value)
    return said[:1].lower() + said[1:]


def _words(before: Alert, now: Alert, locale: Locale) -> Sequence[str]:
    if before.title != now.title:
        return [locale.text("alert.thread.title")]
    if " ".join(before.description.split()) != " ".join(now.description.split()):
        return [locale.text("alert.thread.description")]
    return []


def _state(before: Alert, now: Alert, locale: Locale) -> list[str]:
    """What was closed. That it was opened again is said aloud elsewhere, with who did it."""
    if before.state == now.state or now.state not in ("resolved", "dismissed"):
        return []
    return [locale.text(f"alert.defender_text.{now.state}")]
