"""The card of an alert that is closed: outcome, who, why. Small, without a primary button."""

from __future__ import annotations

from approvals.deeds import Deed
from feeds.cases import Case
from handlers.locale import Locale
from handlers.views import alert_parts as parts
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_buttons import closed_buttons
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Message
from handlers.views.reason import quoted

_DISMISSALS = ("expected", "false_positive", "test")
_VERDICTS = ("true_positive", "benign", "false_positive", "expected", "test")


def closed_card(view: AlertView, locale: Locale) -> Message:
    case, phase = view.case, view.phase
    verdict = ""
    if phase == "dismissed" and not view.is_by_portal and case.verdict in _DISMISSALS:
        verdict = f"_{case.verdict}"
    title = locale.text(f"alert.card.{phase}{verdict}", title=say.title(view.alert))
    bold = blocks.rich_text(
        {
            "type": "rich_text_section",
            "elements": [blocks.run(safe.plain(title, blocks.HEADER_MAX), bold=True)],
        }
    )
    return blocks.message(
        _closed_text(view, locale),
        bold,
        blocks.section(_closed_by(view, locale), _classified(view, locale)),
        quoted(case.reason, locale) if case.reason and not view.is_by_portal else None,
        closed_buttons(view, locale),
        blocks.context(parts.closed_small_print(view, locale)),
    )


def _closed_by(view: AlertView, locale: Locale) -> str:
    case = view.case
    args = {
        "machine": safe.code(say.machine(view.alert)),
        "severity": safe.escape_mrkdwn(say.severity(view.alert, locale)),
    }
    if view.is_by_portal:
        seen = say.when(view.changed_at, locale)
        return locale.text("alert.card.closed_portal", when=seen, **args)
    args |= {
        "who": say.name(case.decided_by, view.names, locale),
        "when": say.when(case.decided_at, locale),
    }
    if view.phase == "resolved" and case.decided_at and view.at and case.decided_at > view.at:
        after = locale.duration(case.decided_at - view.at)
        return locale.text("alert.card.closed_by_after", after=after, **args)
    return locale.text("alert.card.closed_by", **args)


def _classified(view: AlertView, locale: Locale) -> str:
    """A resolved one says what it was; a dismissed one says so in its headline."""
    verdict = view.case.verdict
    if view.phase != "resolved" or view.is_by_portal or verdict not in _VERDICTS:
        return ""
    return locale.text("alert.card.verdict", verdict=finding(view.case, locale))


def _closed_text(view: AlertView, locale: Locale) -> str:
    case = view.case
    portal = "_portal" if view.is_by_portal else ""
    args = {
        "severity": safe.escape_mrkdwn(say.severity(view.alert, locale)),
        "title": safe.escape_mrkdwn(say.title(view.alert)),
        "machine": safe.escape_mrkdwn(say.machine(view.alert), 80),
    }
    if portal:
        return locale.text(f"alert.card.text.{view.phase}_portal", **args)
    args |= {
        "who": say.bare_name(case.decided_by, view.names, locale),
        "since": say.plain_when(case.decided_at, locale),
        "defender": parts.defender_word(view, "alert.defender_text", locale),
    }
    if view.phase == "dismissed":
        args["verdict"] = verdict_word(case.verdict, locale)
    return locale.text(f"alert.card.text.{view.phase}", **args)


def finding(found: Deed | Case, locale: Locale) -> str:
    """The kind of reason and, where Defender XDR says it, what was found. For mrkdwn."""
    verdict = verdict_word(found.verdict, locale)
    word = found.determination
    if not word:
        return verdict
    key = f"xdr.determination.{word.casefold()}"
    what = locale.text(key) if key in locale.catalogue else safe.escape_mrkdwn(word, 60)
    return locale.text("xdr.finding", verdict=verdict, what=what)


def verdict_word(verdict: str, locale: Locale) -> str:
    """`expected activity`; "no kind given" for what a command line closed without one."""
    return locale.text(f"alert.verdict.{verdict if verdict in _VERDICTS else 'none'}")
