"""Forms: what they say before anything is sent, and that Slack takes them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from approvals.events import Length, Terms
from approvals.verdict import Code, Field, Refusal
from handlers.locale import Language, Locale
from handlers.views import ask_form, decide_forms, details
from handlers.views.blocks import Option, View
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_view, texts

HOUR = timedelta(hours=1)

RULE = ask_form.RuleSummary(
    name="production",
    quorum=2,
    groups=("security",),
    people=(),
    notified=6,
    channel="C0OPS",
    lapses_after=timedelta(minutes=30),
    longest_rule=4 * HOUR,
    longest_vm=3 * HOUR,
    ticket="CHG-1234",
)
EMPTY = ask_form.FormDraft(draft_id="d-7f3a", source=Option("a1", "203.0.113.7 (home)"))
FULL = replace(
    EMPTY,
    vm=Option("v1", "web-01 (rg-shop-prod, Shop production)"),
    vm_name="web-01",
    ports=((22, 3 * HOUR), (8443, HOUR)),
    chosen_ports=(22,),
    window="2h",
    reason=samples.REASON,
    ticket="CHG-4821",
    rule=RULE,
)


def layout(shared: Path, name: str) -> Any:
    return json.loads((shared / f"ux/jit/{name}.json").read_text("utf-8"))


def shape(view: View) -> list[tuple[str, str]]:
    """Kind and block id of each block."""
    shown = view["blocks"]
    assert isinstance(shown, list)
    return [(str(block["type"]), str(block.get("block_id", ""))) for block in shown]


@pytest.mark.proves("A11", "N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_form_with_a_vm_says_what_the_layout_says(language: Language, shared: Path) -> None:
    made = ask_form.ask_form(FULL, samples.locale(language))
    drawn = layout(shared, f"form-who.{language}")["view"]
    assert shape(made) == shape(drawn)
    assert texts(made)[:6] == texts(drawn)[:6]
    assert made["private_metadata"] == "d-7f3a"
    assert made["callback_id"] == "jit_request"


@pytest.mark.proves("N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_form_without_a_vm_is_the_layout(language: Language, shared: Path) -> None:
    made = ask_form.ask_form(EMPTY, samples.locale(language))
    drawn = layout(shared, f"form.{language}")["view"]
    assert shape(made) == shape(drawn)
    assert texts(made)[:3] == texts(drawn)[:3]


@pytest.mark.proves("A11")
def test_form_shows_both_caps_and_the_one_that_holds() -> None:
    said = "\n".join(texts(ask_form.ask_form(FULL, samples.locale("en"))))
    assert "At most 3 hours (web-01: 3 hours, rule production: 4 hours)." in said
    assert "up to 1 hour" in said


@pytest.mark.proves("A11")
def test_form_says_who_agrees_how_many_are_asked_and_where() -> None:
    said = texts(ask_form.ask_form(FULL, samples.locale("en")))
    assert (
        "*2 of 6 people in security must agree*\n"
        "Rule production. They are asked once, in <#C0OPS>; "
        "unanswered, it lapses 30 minutes after sending." in said
    )


def test_forms_are_taken_by_slack(locale: Locale, schemas: Path) -> None:
    request = samples.filed(terms=Terms((22, 5432), "203.0.113.7", Length(7200)))
    now = samples.at(18, 20)
    opened = samples.opened(request)
    facts = samples.FACTS
    for view in (
        ask_form.ask_form(EMPTY, locale),
        ask_form.ask_form(FULL, locale),
        ask_form.ask_form(replace(FULL, ports=tuple((n, HOUR) for n in range(1, 30))), locale),
        ask_form.empty_form("Nothing can be asked for.", locale),
        ask_form.checking_form(FULL.draft_id, locale),
        decide_forms.approve_form(request, locale),
        decide_forms.approve_less_form(request, locale, now=now),
        decide_forms.approve_less_form(samples.until(request, 23), locale, now=now),
        decide_forms.deny_form(request, locale),
        decide_forms.revoke_form(opened, locale),
        decide_forms.extend_form(opened, locale, left_in_all=HOUR, who="security"),
        decide_forms.extend_form(opened, locale, left_in_all=timedelta(0), who="security"),
        details.details_view(request, facts, locale, approvers=("U0SATO",), may_cancel=True),
    ):
        assert_view(view, schemas)


@pytest.mark.proves("C062")
def test_nothing_to_ask_for_is_said_with_close_alone(locale: Locale, schemas: Path) -> None:
    view = ask_form.empty_form("No VM has a JIT policy.", locale)
    assert_view(view, schemas)
    assert "submit" not in view
    assert shape(view) == [("section", "")]


@pytest.mark.proves("C062")
def test_a_vm_without_ports_has_no_empty_choice(locale: Locale) -> None:
    view = ask_form.ask_form(replace(FULL, ports=()), locale)
    assert ("input", "ports") not in shape(view)


@pytest.mark.proves("N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_error_stands_at_its_field_with_the_nearest_value(language: Language, shared: Path) -> None:
    args = {"vm": "web-01", "longest": 3 * HOUR}
    refusal = Refusal(Code.WINDOW_TOO_LONG_VM, Field.WINDOW, args, nearest="3h")
    made = ask_form.field_errors((refusal,), samples.locale(language))
    drawn = layout(shared, f"form-error.{language}")["errors"]
    assert set(made) == {"window"}
    first = drawn["window"].replace("。", ".").split(".")[0]
    assert made["window"].replace("。", ".").startswith(first)
    assert {"en": "3h", "ja": "「3時間」なら"}[language] in made["window"]


def test_errors_without_a_field_stand_at_the_vm() -> None:
    refusals = (
        Refusal(Code.STRANGER, Field.REQUEST),
        Refusal(Code.VM_MISSING, Field.VM),
    )
    made = ask_form.field_errors(refusals, samples.locale("en"))
    assert made == {"vm": "Only people of this workspace can use Sekisho. Choose a VM."}


def test_what_was_typed_is_never_lost(locale: Locale) -> None:
    draft = replace(EMPTY, window="soon", reason="because", ticket="T-1")
    values = [
        block["element"]["initial_value"]
        for block in ask_form.ask_form(draft, locale)["blocks"]  # type: ignore[attr-defined]
        if "initial_value" in block.get("element", {})
    ]
    assert values == ["soon", "because", "T-1"]


@pytest.mark.proves("C116")
def test_options_carry_short_keys_and_labels_that_differ() -> None:
    name = "payments-gateway-" + "x" * 60
    labels = []
    for end in ("blue", "green"):
        draft = replace(FULL, vm=Option("v1", f"{name}-{end} (rg-{'y' * 90}, Shop)-{end}"))
        view = ask_form.ask_form(draft, samples.locale("en"))
        option = view["blocks"][0]["element"]["initial_option"]  # type: ignore[index]
        assert option["value"] == "v1"
        labels.append(option["text"]["text"])
    assert labels[0] != labels[1]
    assert max(map(len, labels)) <= 75


@pytest.mark.proves("N1")
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", ["form-approve-less", "form-deny"])
def test_decision_forms_have_the_shape_of_the_layout(
    name: str, language: Language, shared: Path
) -> None:
    locale = samples.locale(language)
    two = samples.filed(terms=Terms((22, 5432), "203.0.113.7", Length(7200)))
    made = (
        decide_forms.deny_form(samples.filed(), locale)
        if name == "form-deny"
        else decide_forms.approve_less_form(two, locale, now=samples.at(18, 20))
    )
    drawn = layout(shared, f"{name}.{language}")["view"]
    assert shape(made) == shape(drawn)
    assert made["title"] == drawn["title"]
    assert made["submit"] == drawn["submit"]


@pytest.mark.proves("A11")
def test_approve_for_less_offers_nothing_wider(locale: Locale) -> None:
    request = samples.filed(terms=Terms((22, 8443), "203.0.113.7", Length(3600)))
    view = decide_forms.approve_less_form(request, locale, now=samples.at(18, 20))
    fields = {block["block_id"]: block for block in view["blocks"] if "block_id" in block}  # type: ignore[attr-defined]
    times = [option["value"] for option in fields["window"]["element"]["options"]]
    assert times == ["PT900S", "PT1800S", "as_asked"]
    ports = [option["value"] for option in fields["ports"]["element"]["options"]]
    assert ports == ["22", "8443"]


def test_extension_offers_only_what_the_rule_still_allows(locale: Locale) -> None:
    opened = samples.opened(samples.filed())
    view = decide_forms.extend_form(
        opened, locale, left_in_all=timedelta(minutes=40), who="security"
    )
    fields = {block["block_id"]: block for block in view["blocks"] if "block_id" in block}  # type: ignore[attr-defined]
    times = [option["value"] for option in fields["window"]["element"]["options"]]
    assert times == ["PT900S", "PT1800S"]


@pytest.mark.proves("N4")
def test_details_show_the_whole_reason(locale: Locale) -> None:
    reason = "\n".join(f"line {n}" for n in range(40))
    view = details.details_view(samples.filed(reason=reason), samples.FACTS, locale)
    assert any("line 39" in text for text in texts(view))


@pytest.mark.proves("B4")
def test_details_list_the_last_five() -> None:
    said = texts(details.details_view(samples.filed(), samples.FACTS, samples.locale("en")))
    assert "Nov 20: port 22 (SSH), 1 hour, approved" in said
    assert "Nov 5: port 22 (SSH), 1 hour, denied" in said
