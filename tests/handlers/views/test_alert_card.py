"""The card of an alert says what the layouts say, in both languages, whatever Defender sends."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from defender.alert import Entity
from feeds.cases import Case
from handlers.views.alert_card import alert_card
from handlers.views.alert_view import AlertView, Place
from tests.handlers.views import alert_samples as sample
from tests.handlers.views import samples
from tests.handlers.views.checks import texts
from tests.schema import assert_valid_message

EN = samples.locale("en")
#: What the people of the Japanese layouts wrote.
JA_REASONS = {
    "alert-resolved": "Webシェルを削除し、鍵を更新しました。SEC-311",
    "alert-dismissed": "11月25日のペネトレーションテストによるもの。SEC-298",
    "alert-reopened": "21:04に同じ接続先への通信が再び発生",
}


def layout(shared: Path, name: str, language: str) -> Any:
    path = shared / "ux" / "feeds" / f"{name}.{language}.json"
    return json.loads(path.read_text("utf-8"))


def said(node: Any) -> list[str]:
    """All texts, with the number of the alert made one, and without what no screen shows."""
    found = [text for text in texts(node) if text.strip()]
    return [re.sub(r"A-[0-9A-Z]{4,}", "A-0", text).strip() for text in found]


def powershell() -> AlertView:
    """Nobody had a session; the command line is long."""
    line = "powershell.exe -nop -w hidden -enc " + "SQBFAFgAIAAo" * 160
    alert = structs.replace(
        sample.SHELL,
        title="Suspicious PowerShell command line",
        machine="db-02",
        description=(
            "A suspicious PowerShell activity was observed on the machine. This behavior may "
            "indicate that PowerShell was used during installation, exploration, or in some cases "
            "in lateral movement activities."
        ),
        entities=(
            Entity("process", "wmiprvse.exe"),
            Entity("process", "powershell.exe", {"command_line": line[:1912]}, 0),
            Entity("account", "DB-02\\svc-backup"),
        ),
    )
    last = replace(sample.SESSION, person=samples.SUZUKI, ends_at=sample.at(9, 40), is_open=False)
    place = Place(
        machine="db-02", resource_group="rg-db", subscription="prod-db",
        os="Windows Server 2022", cloud="azure",
    )  # fmt: skip
    return sample.view(alert, sessions=(), last_session=last, closable=None, place=place)


def made_up() -> AlertView:
    alert = structs.replace(
        sample.SHELL,
        title="[SAMPLE ALERT] Detected suspicious file cleanup commands",
        machine="Sample-VM",
        resource_id="",
        started_at=sample.at(16, 51),
        is_sample=True,
    )
    return sample.view(alert, sessions=None, closable=None)


CASES: dict[str, AlertView] = {
    "alert-new-session": sample.view(),
    "alert-new": powershell(),
    "alert-sample": made_up(),
    "alert-taken": sample.view(case=sample.TAKEN),
    "alert-resolved": sample.view(
        structs.replace(sample.SHELL, status="Resolved"), case=sample.RESOLVED, closable=None
    ),
    "alert-dismissed": sample.view(
        structs.replace(sample.SHELL, status="Dismissed"), case=sample.DISMISSED, closable=None
    ),
    "alert-reopened": sample.view(case=sample.REOPENED, closable=None),
}


def japanese(name: str) -> AlertView:
    """The same with the reasons that the layout's people wrote."""
    view = CASES[name]
    reason = JA_REASONS.get(name, "")
    case = structs.replace(view.case, reason=reason) if reason and view.case.reason else view.case
    return replace(view, case=case, reasons={"1042": "TLS証明書の更新"})


@pytest.mark.proves("D1", "D7")
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", CASES)
def test_card_says_what_the_layout_says(name: str, language: str, shared: Path) -> None:
    view = CASES[name] if language == "en" else japanese(name)
    message = alert_card(view, samples.locale("ja" if language == "ja" else "en"))
    wanted = layout(shared, name, language)
    assert said(message.blocks) == said(wanted["blocks"])
    assert said([{"text": message.text}]) == said([{"text": wanted["text"]}])
    assert_valid_message(message.blocks, message.text)


@pytest.mark.proves("C077", "C096")
def test_foreign_text_stands_as_the_layout_has_it(shared: Path) -> None:
    """Title, description and file name are Defender's; the escape sign alone is shown otherwise."""
    wanted = said(layout(shared, "alert-foreign-text", "en")["blocks"])
    alert = structs.replace(
        sample.SHELL,
        title="不審なプロセス <!channel> *bold* `code` 🇯🇵👩‍👩‍👧‍👦",
        intent="",
        description=(
            "مرحبا \u202e7.311.0.302 \u2066x\u2069 ``` <@U0123456789> "
            "<https://example.com|portal> & &amp; &lt;!here&gt; %{Command Line} {0} %s ${x} {{y}}"
        ),
        entities=(Entity("file", "C:\\Users\\Public\\invoice\u202egpj.exe"),),
        started_at=sample.at(16, 51),
        generated_at=sample.at(16, 51),
    )
    ours = said(alert_card(sample.view(alert, sessions=(), closable=None), EN).blocks)
    assert ours[:2] == wanted[:2]
    text = next(line for line in wanted if line.startswith("مرحبا"))
    assert text.removesuffix("[U+001B][31m") in ours
    assert "File `C:\\Users\\Public\\invoice[U+202E]gpj.exe`" in ours


@pytest.mark.proves("D3")
def test_menu_of_what_is_no_vm_marks_it_as_in_progress() -> None:
    """Elsewhere the fifth place is taken by JIT; who has taken it has begun."""
    other = structs.replace(sample.SHELL, resource_id="")
    free = sample.view(other, case=sample.REOPENED)
    begun = sample.view(structs.replace(other, status="InProgress"), case=Case())
    taken = sample.view(other, case=sample.TAKEN)
    assert [menu(view)[-1] for view in (free, begun, taken)] == ["progress", "mute", "mute"]
    assert menu(sample.view(case=sample.REOPENED))[-1] == "jit"


def menu(view: AlertView) -> list[str]:
    """The verbs of the card's menu."""
    card: Any = alert_card(view, samples.locale("en")).blocks
    (found,) = [
        element
        for block in card
        for element in block.get("elements", ())
        if element["type"] == "overflow"
    ]
    return [option["value"].partition(":")[0] for option in found["options"]]
