"""What cards, threads and the audit log say of Defender XDR; foreign names and words stay text."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.deeds import Deed, DeedKind, Subject, foreign
from feeds.cases import NOBODY, Case
from handlers.views import audit
from handlers.views.alert_card import alert_card
from handlers.views.alert_thread import deed_line
from handlers.views.alert_view import AlertView
from tests.handlers.views import alert_samples as sample
from tests.handlers.views import samples
from tests.handlers.views.checks import texts

EVIL = "<!channel> *eva* <@U1>"


def deed(kind: DeedKind, *, name: str = "", **more: Any) -> Deed:
    return Deed(kind=kind, subject=Subject("alert:k"), name="Shell", by=foreign(name), **more)


LINES: list[tuple[Deed, str, str]] = [
    (
        deed(DeedKind.ASSIGNED, to=samples.SATO),
        "Defender XDR gave it to @sato. Owner before: nobody.",
        "Defender XDRが担当者を@sato さんにしました（それまでの担当者：なし）。",
    ),
    (
        deed(DeedKind.CLASSIFIED, verdict="true_positive", determination="malware"),
        "Classified in Defender XDR: a real attack (malware).",
        "Defender XDRでの分類：実際の攻撃（マルウェア）",
    ),
    (
        deed(DeedKind.CLASSIFIED, verdict="benign", determination="nextYear"),
        "Classified in Defender XDR: real, but harmless (nextYear).",
        "Defender XDRでの分類：実際に起きたが無害（nextYear）",
    ),
    (
        deed(DeedKind.COMMENTED, name="eva@x", reason="Looks bad"),
        "eva@x (Defender XDR) commented: `Looks bad`",
        "eva@x さん（Defender XDR）のコメント： `Looks bad`",
    ),
    (
        deed(DeedKind.REOPENED),
        "Defender XDR reopened it.",
        "Defender XDRが再び開きました。",
    ),
]


@pytest.mark.proves("D5", "N1")
@pytest.mark.parametrize("at", range(len(LINES)))
def test_thread_says_what_was_done_in_defender_xdr(at: int) -> None:
    done, *wanted = LINES[at]
    for language, line in zip(("en", "ja"), wanted, strict=True):
        locale = samples.locale("ja" if language == "ja" else "en")
        assert deed_line(done, done.by, NOBODY, sample.NAMES, locale) == line


@pytest.mark.proves("N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_name_from_there_calls_anybody(language: str) -> None:
    locale = samples.locale("ja" if language == "ja" else "en")
    at = sample.SHELL.started_at
    case = Case(owner=foreign(EVIL), owned_at=at, verdict="benign", determination=EVIL)
    card = alert_card(AlertView(alert=sample.SHELL, case=case), locale)
    done = deed(DeedKind.ASSIGNED, name=EVIL, to=foreign(EVIL), reason=EVIL)
    said = [
        *texts(card.blocks),
        card.text,
        deed_line(done, done.by, foreign(EVIL), {}, locale) or "",
        audit.event_words(done, locale),
    ]
    assert not [text for text in said if "<!channel" in text or "<@U1" in text or "<@xdr" in text]


def test_audit_log_says_who_did_it_there() -> None:
    done = deed(DeedKind.CLASSIFIED, verdict="true_positive", determination="malware")
    said = audit.event_words(done, samples.locale("en"))
    assert said == "classified Shell: a real attack (malware), by Defender XDR"
