"""What the person who clicked or typed reads: done, or politely why not, with who and when."""

from __future__ import annotations

from collections.abc import Mapping

from approvals.deeds import Deed, DeedKind
from defender.alert import Alert
from feeds.cases import Case
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Message


def sentence(key: str, locale: Locale, **args: object) -> Message:
    """One sentence of `alert.answer`."""
    said = locale.text(f"alert.answer.{key}", **args)
    return blocks.message(said, blocks.section(said))


def named(text: str) -> str:
    """Foreign text inside a sentence."""
    return safe.code(text, 150)


def unknown(typed: str, locale: Locale) -> Message:
    return sentence("unknown", locale, id=safe.code(typed, 60))


def did(deed: Deed, alert: Alert, names: Mapping[str, str], locale: Locale) -> Message:
    """What was recorded; Defender hears of it a moment later."""
    args: dict[str, object] = {
        "title": safe.code(say.title(alert), 200),
        "machine": safe.code(say.machine(alert)),
    }
    match deed.kind:
        case DeedKind.ASSIGNED if not deed.to:
            return sentence("released", locale)
        case DeedKind.ASSIGNED:
            return sentence("assigned", locale, who=say.name(deed.to, names, locale), **args)
        case DeedKind.IN_PROGRESS:
            return sentence("in_progress", locale)
        case _:
            return sentence(deed.kind.value, locale, **args)


def already_yours(alert: Alert, locale: Locale) -> Message:
    return sentence(
        "already_yours",
        locale,
        title=safe.code(say.title(alert), 200),
        machine=safe.code(say.machine(alert)),
    )


def taken_by(case: Case, names: Mapping[str, str], locale: Locale) -> Message:
    """Somebody has it; the way to take it over."""
    who, at = say.name(case.owner, names, locale), say.when(case.owned_at, locale)
    return sentence("take_from", locale, who=who, when=at)


def late(view: AlertView, locale: Locale) -> Message:
    """It is closed, or in progress, already: by whom, and when."""
    if view.is_by_portal:
        return sentence("late_portal" if view.is_closed else "late_in_progress_portal", locale)
    case = view.case
    who, at = say.name(case.decided_by, view.names, locale), say.when(case.decided_at, locale)
    return sentence(f"late_{view.phase}", locale, who=who, when=at)


def assigned_dm(
    deed: Deed, alert: Alert, actor: str, names: Mapping[str, str], locale: Locale
) -> Message:
    """To the new owner, who did not do it."""
    who = say.name(actor, names, locale)
    at = alert.started_at or alert.generated_at
    severity = safe.escape_mrkdwn(say.severity(alert, locale), 40)
    line = locale.text(
        "alert.dm.assigned",
        who=who,
        severity=severity,
        title=safe.code(say.title(alert), 200),
        machine=safe.code(say.machine(alert)),
        when=say.when(at, locale),
    )
    reason = ""
    if deed.reason:
        reason = locale.text("alert.dm.reason", reason=safe.code(deed.reason, 500))
    ref = say.reference(alert.key)
    text = locale.text(
        "alert.dm.assigned_text",
        who=who,
        severity=severity,
        title=safe.escape_mrkdwn(say.title(alert)),
        machine=safe.escape_mrkdwn(say.machine(alert), 80),
        when=say.plain_when(at, locale),
    )
    return blocks.message(
        text,
        blocks.section(line, reason),
        blocks.actions(
            blocks.button(locale.text("alert.button.open"), "alert_show", ref),
            blocks.button(locale.text("alert.button.story"), "alert_story", ref),
        ),
    )
