"""What is known of a VM's danger: a bullet for each risk, a line for none, "unknown" for the rest.

Silence never means safe: what was not read, or not lately, is named.
"""

from __future__ import annotations

from datetime import datetime

from feeds.risk import UNKNOWN, RiskFacts
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views.blocks import Block

#: An alert's title on a card; the card of the alert has all of it.
TITLE_MAX = 120
SEVERITIES = frozenset({"high", "medium", "low", "informational"})
#: Azure's own severities are four; a fifth line would be somebody's invention.
LINES_MAX = 5


def risk_list(vm: str, facts: RiskFacts, locale: Locale) -> Block | None:
    """The bullets under their headline; None where nothing speaks against it."""
    found = _alerts(facts, locale) + _changes(facts, locale)
    if not found:
        return None
    title = locale.text("card.risk.headline", vm=safe.one_line(vm))
    items = [{"type": "rich_text_section", "elements": [blocks.run(each)]} for each in found]
    return blocks.rich_text(
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "emoji", "name": "warning"},
                blocks.run(f" {title}", bold=True),
            ],
        },
        {"type": "rich_text_list", "style": "bullet", "elements": items},
    )


def quiet_lines(facts: RiskFacts, locale: Locale) -> list[str]:
    """What is known to be good, and what is not known (mrkdwn)."""
    if facts == UNKNOWN:
        return [locale.text("card.risk.unknown")]
    lines = []
    if facts.alerts is not None and not facts.alerts:
        lines.append(locale.text("card.risk.no_alerts"))
    if facts.unexplained == 0:
        lines.append(locale.text("card.risk.no_changes"))
    if facts.alerts and facts.alerts_since is not None:
        when = locale.when(facts.alerts_since)
        lines.append(locale.text("card.risk.out_of_date", when=when))
    return [*lines, locale.text("card.risk.unknown_of", what=_unknown(facts, locale))]


def risk_text(facts: RiskFacts, locale: Locale) -> str:
    """The same for the fallback, without titles."""
    if facts == UNKNOWN:
        return locale.text("card.risk.text_unknown")
    found = _alerts(facts, locale, named=False) + _changes(facts, locale)
    lines = quiet_lines(facts, locale)
    if found:
        what = locale.text("list.comma").join(found)
        lines = [locale.text("card.risk.text_risk", what=safe.escape_mrkdwn(what, 500)), *lines]
    said = [locale.text("card.risk.text_line", line=line) for line in lines]
    return locale.text("list.sentences").join(said)


def _alerts(facts: RiskFacts, locale: Locale, *, named: bool = True) -> list[str]:
    """Plain; the most urgent first, with the newest of them by its title."""
    found: list[str] = []
    for severity, n in list((facts.alerts or {}).items())[:LINES_MAX]:
        word = severity_word(severity, locale)
        if not named:
            found.append(locale.plural("card.risk.alerts_short", n, severity=word))
        elif not found and facts.newest is not None:
            title = safe.plain(safe.one_line(facts.newest.title), TITLE_MAX) or safe.EMPTY
            found.append(locale.plural("card.risk.alerts_named", n, severity=word, title=title))
        else:
            found.append(locale.plural("card.risk.alerts", n, severity=word))
    return found


def _changes(facts: RiskFacts, locale: Locale) -> list[str]:
    if not facts.unexplained:
        return []
    key = "card.risk.changes_more" if facts.is_more else "card.risk.changes"
    return [locale.plural(key, facts.unexplained)]


def severity_word(severity: str, locale: Locale) -> str:
    """The catalogue's word for Azure's severity; others as they came (plain)."""
    folded = severity.casefold()
    if folded in SEVERITIES:
        return locale.text(f"card.risk.{folded}")
    return safe.plain(safe.one_line(severity), 40) or safe.EMPTY


def _unknown(facts: RiskFacts, locale: Locale) -> str:
    """Vulnerabilities and the plan are not read in this version."""
    what: list[str] = []
    if facts.alerts is None:
        what.append(_since("card.risk.of_alerts", facts.alerts_since, locale))
    if facts.unexplained is None:
        what.append(_since("card.risk.of_changes", facts.changes_since, locale))
    what += [locale.text("card.risk.of_vulnerabilities"), locale.text("card.risk.of_plan")]
    return locale.join(what)


def _since(key: str, since: datetime | None, locale: Locale) -> str:
    if since is None:
        return locale.text(key)
    return locale.text(f"{key}_since", when=locale.when(since))
