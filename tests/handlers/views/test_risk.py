"""What approvers read of a VM's danger, in both languages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from defender.alert import Alert
from feeds.risk import RiskFacts
from handlers.locale import Language, Locale
from handlers.views.pending_card import pending_card
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_inert, assert_message, texts

REQUEST = samples.filed()
TITLE = "Possible web shell detected"
FACTS = {
    "risk": RiskFacts(
        alerts={"High": 1, "Medium": 2},
        newest=Alert(key="a", title=TITLE, severity="High"),
        unexplained=2,
    ),
    "quiet": RiskFacts(alerts={}, changes_since=samples.at(14, 5)),
    "silent": RiskFacts(alerts_since=samples.at(14, 5), unexplained=0),
    "old": RiskFacts(alerts={"Low": 3}, alerts_since=samples.at(14, 5), unexplained=500,
                     is_more=True),
    "strange": RiskFacts(
        alerts={"<!channel> *Critical*": 3},
        newest=Alert(key="a", title="<@U0ALICE> `x` <https://evil.example|ok>\n*bold*" * 40),
    ),
    "unknown": RiskFacts(),
}  # fmt: skip


def card(name: str, locale: Locale) -> list[str]:
    made = pending_card(REQUEST, replace(samples.FACTS, risk=FACTS[name]), locale)
    return texts(made.blocks)


@pytest.mark.proves("B2", "B3", "N1", "O4")
@pytest.mark.parametrize("name", FACTS)
def test_slack_takes_every_risk(name: str, locale: Locale, schemas: Path) -> None:
    made = pending_card(REQUEST, replace(samples.FACTS, risk=FACTS[name]), locale)
    assert_message(made, schemas)
    assert_inert(made.text)


@pytest.mark.proves("B2", "B3")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_risks_are_bullets_as_in_the_layout(language: Language, shared: Path) -> None:
    said = card("risk", samples.locale(language))
    drawn = json.loads((shared / f"ux/jit/card-pending.{language}.json").read_text("utf-8"))
    wanted = texts(drawn["blocks"])
    for line in wanted:
        if TITLE in line or "24" in line:
            assert line in said


@pytest.mark.proves("B2", "B3")
def test_what_is_not_known_is_named() -> None:
    en, ja = samples.locale("en"), samples.locale("ja")
    quiet = "\n".join(card("quiet", en))
    assert "No open alerts.\nUnknown: file changes (no data since <!date^" in quiet
    assert "vulnerabilities and plan." in quiet
    assert "未解決のアラート：なし\n不明：ファイル変更（<!date^" in "\n".join(card("quiet", ja))
    silent = "\n".join(card("silent", en))
    assert "No open alerts" not in silent
    assert "alerts (no data since" in silent
    assert "No unexplained file changes in 24 hours." in silent
    old = "\n".join(card("old", en))
    assert "500 or more unexplained file changes" in old
    assert "Alerts may be out of date" in old


@pytest.mark.proves("B2", "B3", "N3")
def test_the_notification_says_the_same_without_titles() -> None:
    facts = replace(samples.FACTS, risk=FACTS["risk"])
    text = pending_card(REQUEST, facts, samples.locale("en")).text
    assert "Risk: 1 alert open (High), 2 alerts open (Medium), 2 unexplained file changes" in text
    assert TITLE not in text
